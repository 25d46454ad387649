package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ringport/ringport/internal/matrix"
)

// Read reads a folder back that Write wrote: what results.json and manifest.json have is all that the rest is made of.
func Read(folder string) (matrix.Outcome, matrix.Manifest, error) {
	var results Results
	var manifest matrix.Manifest
	err := errors.Join(
		readJSON(filepath.Join(folder, ResultsFile), &results),
		readJSON(filepath.Join(folder, ManifestFile), &manifest),
	)
	if err == nil && len(results.Servers) == 0 {
		err = fmt.Errorf("report: %s names no servers; is it that of a comparison?", filepath.Join(folder, ResultsFile))
	}
	return results.Outcome, manifest, err
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("report: read %s: %w", path, err)
	}
	return nil
}

package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ringport/ringport/internal/matrix"
)

// The files of the folder.
const (
	HTMLFile     = "report.html"
	ResultsFile  = "results.json"
	ManifestFile = "manifest.json"
	BenchFile    = "bench.txt"
	HDRFolder    = "hdr" // in it a folder for each load, and in that a file for each server and round
)

// Results is what results.json has.
type Results struct {
	matrix.Outcome
	Tables   []Table   `json:"tables"`
	Problems []Problem `json:"problems,omitempty"`
}

// Write writes the folder, which it makes when there is none. Files of an earlier comparison are written over.
func Write(folder string, o matrix.Outcome, m matrix.Manifest) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("report: make the folder: %w", err)
	}
	results := Results{Outcome: o, Tables: Tables(o), Problems: Problems(o)}
	return errors.Join(
		writeFile(folder, ResultsFile, func(w io.Writer) error { return writeJSON(w, results) }),
		writeFile(folder, ManifestFile, func(w io.Writer) error { return writeJSON(w, m) }),
		writeFile(folder, BenchFile, func(w io.Writer) error { return WriteBench(w, o, m) }),
		writeFile(folder, HTMLFile, func(w io.Writer) error { return WriteHTML(w, o, m) }),
		writeLogs(folder, o),
	)
}

// writeFile makes a file and has it written.
func writeFile(folder, name string, write func(io.Writer) error) error {
	file, err := os.Create(filepath.Join(folder, name))
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := errors.Join(write(file), file.Close()); err != nil {
		return fmt.Errorf("report: write %s: %w", name, err)
	}
	return nil
}

func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	return encoder.Encode(v)
}

// writeLogs writes the histograms of every run that has a result: void ones too, for who wants to know why they are.
func writeLogs(folder string, o matrix.Outcome) error {
	var failed []error
	for _, r := range o.Records {
		if r.Result == nil {
			continue
		}
		place := filepath.Join(folder, HDRFolder, r.Load)
		if err := os.MkdirAll(place, 0o755); err != nil {
			return fmt.Errorf("report: make the folder: %w", err)
		}
		failed = append(failed, writeFile(place, fmt.Sprintf("%s-%d.hlog", r.Server, r.Round), r.Result.WriteHDR))
	}
	return errors.Join(failed...)
}

package echobench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/ringport/ringport/internal/load"
)

// print writes the result to stdout, as it was asked for.
func (o runOptions) print(stdout io.Writer, result load.Result) error {
	var err error
	if o.Output.JSON {
		encoder := json.NewEncoder(stdout)
		encoder.SetEscapeHTML(false)
		err = encoder.Encode(result)
	} else {
		_, err = io.WriteString(stdout, summary(result))
	}
	if err != nil {
		return fmt.Errorf("write to stdout: %w", err)
	}
	return nil
}

// writeHDR writes the histograms to a file.
func writeHDR(path string, result load.Result) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("--hdr: %w", err)
	}
	if err := errors.Join(result.WriteHDR(file), file.Close()); err != nil {
		return fmt.Errorf("--hdr %s: %w", path, err)
	}
	return nil
}

// failed tells in one line what failed.
func failed(stderr io.Writer, err error) (status int) {
	fmt.Fprintf(stderr, "echobench: %s\n", oneLine(err))
	return exitFailure
}

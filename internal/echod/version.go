package echod

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/ringport/ringport/internal/buildinfo"
)

// version is the line that tells what was built.
func version() string { return "echod " + buildinfo.Read().String() }

// versionOptions is the command that prints it; there is nothing to set.
type versionOptions struct{}

func (versionOptions) run(p process) (status int) {
	_, err := fmt.Fprintln(p.stdout, version())
	return printed(p, err)
}

// printed is the exit status of a command that wrote to stdout, which may be full or closed. A pipe whose reader has
// gone is neither: whoever reads on has seen enough.
func printed(p process, err error) (status int) {
	if err == nil || errors.Is(err, syscall.EPIPE) {
		return exitDone
	}
	fmt.Fprintf(p.stderr, "echod: write to stdout: %v\n", err)
	return exitFailure
}

package echod

import (
	"fmt"
	"io"
)

// checking is the command that says that the configuration is right; parse has checked it.
type checking struct{}

func (checking) run(p process) (status int) {
	_, err := fmt.Fprintln(p.stdout, "echod: the configuration is right")
	return printed(p, err)
}

// wrongConfig tells all that is wrong with a configuration that was to be checked, on a line each.
func wrongConfig(stderr io.Writer, err error) (status int) {
	for _, fault := range leaves(err) {
		fmt.Fprintf(stderr, "echod: %s\n", oneLine(fault))
	}
	return exitUsage
}

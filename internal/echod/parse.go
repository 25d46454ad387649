package echod

import (
	"errors"
	"fmt"
	"io"
)

// parse fills in the commands, and finds the one to run. There is none when nothing is left to do: help was printed, or
// something is wrong and was told.
func parse(c *commands, p process) (chosen command, status int) {
	r := reading{process: p}
	chosen, err := r.read(c)
	var unprinted *unprintedError
	switch {
	case errors.As(err, &unprinted):
		return nil, printed(p, unprinted.error)
	case r.done:
		return nil, r.status
	case err != nil && c.Serve.File.CheckConfig:
		return nil, wrongConfig(p.stderr, err)
	case err != nil:
		return nil, wrongUsage(p.stderr, err)
	case chosen == &c.Serve && c.Serve.File.PrintConfig:
		return printing{c.Serve}, exitDone
	case chosen == &c.Serve && c.Serve.File.CheckConfig:
		return checking{}, exitDone
	}
	return chosen, exitDone
}

// wrongUsage tells in one line what is wrong with the command line, the environment or the file.
func wrongUsage(stderr io.Writer, err error) (status int) {
	fmt.Fprintf(stderr, "echod: usage: %s; see echod --help\n", oneLine(err))
	return exitUsage
}

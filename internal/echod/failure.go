package echod

import (
	"errors"
	"strings"
	"syscall"
)

// oneLine is the error's text on one line: errors that were joined stand on lines of their own.
func oneLine(err error) string {
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}

// hints is how people find out more about failures of which the server says what, why, and what to do.
var hints = []struct {
	cause error
	hint  string
}{
	{syscall.EADDRINUSE, "ss -ltnp shows which process it is"},
	{syscall.EADDRNOTAVAIL, "ip address shows those that it has"},
}

// explain is a failure on one line, with what to do about it.
func explain(err error) string {
	for _, h := range hints {
		if errors.Is(err, h.cause) {
			return oneLine(err) + "; " + h.hint
		}
	}
	return oneLine(err)
}

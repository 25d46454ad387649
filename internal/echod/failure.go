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

// moreFiles is what a ring that cannot be made advises, too.
const moreFiles = "raise the limit on open files (ulimit -n, LimitNOFILE=)"

// hints is how people find out more about failures of which the server says what, why, and what to do.
var hints = []struct {
	cause error
	hint  string
}{
	{syscall.EADDRNOTAVAIL, "ip address shows those that it has"},
	{syscall.EMFILE, moreFiles},
	{syscall.ENFILE, moreFiles},
}

// explain is a failure on one line, with what to do about it, unless the failure says so itself.
func explain(err error) string {
	line := oneLine(err)
	for _, h := range hints {
		if errors.Is(err, h.cause) && !strings.Contains(line, h.hint) {
			return line + "; " + h.hint
		}
	}
	return line
}

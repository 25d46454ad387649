package uringprobe

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// painter colours words, or leaves them alone when its value is false.
type painter bool

const (
	codeBold   = "\x1b[1m"
	codeDim    = "\x1b[2m"
	codeRed    = "\x1b[31m"
	codeGreen  = "\x1b[32m"
	codeYellow = "\x1b[33m"
	codeReset  = "\x1b[0m"
)

func (p painter) paint(code, s string) string {
	if !p {
		return s
	}
	return code + s + codeReset
}

// painterFor colours terminals, unless the environment says no (https://no-color.org).
func painterFor(w io.Writer) painter {
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	return err == nil
}

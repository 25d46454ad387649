package matrix

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
)

// tailSize is how many bytes of what a program said are kept.
const tailSize = 4 << 10

// output takes what a server prints, looks for the line that says that it is ready, and keeps the end.
type output struct {
	ready chan string // gets the address, once

	mu    sync.Mutex
	wants *regexp.Regexp
	found bool
	line  []byte // what has come of the last line
	kept  []byte
}

// readyLine finds the address in a line that says ready, however a log dresses it up.
func readyLine(network string) *regexp.Regexp {
	if network == "unix" {
		return regexp.MustCompile(`\bready\b.*?\b(unix://[^\s"',\]]+)`)
	}
	return regexp.MustCompile(`\bready\b.*?\b(` + network + `://[^\s"',\]]*:[1-9][0-9]*)`)
}

func newOutput(network string) *output {
	return &output{ready: make(chan string, 1), wants: readyLine(network)}
}

// Write takes the next bytes.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept = append(o.kept, b...)
	o.kept = o.kept[max(0, len(o.kept)-tailSize):]
	if !o.found {
		o.search(b)
	}
	return len(b), nil
}

// search looks at each line that is complete.
func (o *output) search(b []byte) {
	o.line = append(o.line, b...)
	for !o.found {
		line, rest, complete := bytes.Cut(o.line, []byte("\n"))
		if !complete {
			return
		}
		o.line = rest
		if match := o.wants.FindSubmatch(line); match != nil {
			o.found = true
			o.ready <- string(match[1])
		}
	}
}

// tail is the end of what was printed, on one line.
func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := strings.Join(strings.Fields(string(o.kept)), " ")
	if text == "" {
		return "nothing"
	}
	return text
}

package uringprobe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// textWidth is where running text is folded; tables are narrower.
const textWidth = 100

// page collects the text of a report.
type page struct {
	bytes.Buffer
	painter painter
}

// writeText writes the report for people.
func writeText(w io.Writer, r report) error {
	p := &page{painter: painterFor(w)}
	p.verdict(r)
	p.host(r.Host)
	if r.Ring != nil {
		p.ring(r.Ring)
		p.features(r.Features)
		p.operations(r.Operations)
	}
	_, err := w.Write(p.Bytes())
	return err
}

// writeJSON writes the report for machines.
func writeJSON(w io.Writer, r report) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

func (p *page) verdict(r report) {
	switch r.Verdict {
	case fullSpeed:
		p.line(p.painter.paint(codeGreen, "ringport runs at full speed here."))
	case reduced:
		p.line(p.painter.paint(codeYellow,
			"ringport runs here with less than full speed, without "+strings.Join(r.Missing, ", ")+"."))
	case unavailable:
		p.line(p.painter.paint(codeRed, "ringport cannot run here."))
	}
	if r.Problem != nil {
		p.folded("error", r.Problem.Error)
		p.folded("cause", r.Problem.Cause)
		p.folded("mend", r.Problem.Mend)
	}
	for _, advice := range r.Advice {
		p.folded("advice", advice)
	}
}

func (p *page) host(h host) {
	p.title("Host")
	p.folded("kernel", h.Kernel+" on "+h.Architecture)
	p.folded("io_uring_disabled", disabledText(h))
	p.folded("seccomp", seccompText(h.Seccomp))
	p.folded("CAP_IPC_LOCK", ipcLockText(h))
	p.folded("memlock", memlockText(h.Memlock))
}

func (p *page) ring(r *ring) {
	p.title("Ring")
	p.folded("set-up flags", strings.Join(r.Flags, " "))
	p.folded("queues", fmt.Sprintf("%d submissions, %d completions", r.SQEntries, r.CQEntries))
}

func (p *page) features(features []feature) {
	p.title("Features")
	name, gives := 0, 0
	for _, f := range features {
		name, gives = max(name, len(f.Name)), max(gives, len(f.Gives))
	}
	for _, f := range features {
		p.line(fmt.Sprintf("  %s  %-*s  %-5s  %-10s  %s", p.mark(f.Present, f.FullSpeed), name, f.Name,
			f.MinKernel, f.rank(), p.painter.paint(codeDim, f.Gives)))
	}
}

// rank says how much ringport wants a feature.
func (f feature) rank() string {
	switch {
	case f.Needed:
		return "needed"
	case f.FullSpeed:
		return "full speed"
	}
	return "extra"
}

// operations are short, so there is room for three beside each other; they run down the columns.
func (p *page) operations(operations []operation) {
	const columns = 3
	p.title("Operations")
	name := 0
	for _, op := range operations {
		name = max(name, len(op.Name))
	}
	rows := (len(operations) + columns - 1) / columns
	for row := range rows {
		var cells []string
		for i := row; i < len(operations); i += rows {
			op := operations[i]
			cells = append(cells, fmt.Sprintf("%s  %-*s  %-5s", p.mark(op.Supported, false), name, op.Name, op.MinKernel))
		}
		p.line("  " + strings.TrimRight(strings.Join(cells, "   "), " "))
	}
}

// mark is a yes or no; a no that matters is red.
func (p *page) mark(yes, matters bool) string {
	switch {
	case yes:
		return p.painter.paint(codeGreen, "yes")
	case matters:
		return p.painter.paint(codeRed, "no ")
	}
	return p.painter.paint(codeDim, "no ")
}

func (p *page) line(s string) { p.WriteString(s + "\n") }

func (p *page) title(s string) { p.line("\n" + p.painter.paint(codeBold, s)) }

// folded writes a label and its text, folded and aligned behind the label.
func (p *page) folded(label, text string) {
	const labelWidth = len("io_uring_disabled")
	indent := labelWidth + 4
	for _, line := range fold(text, textWidth-indent) {
		p.line(fmt.Sprintf("  %-*s  %s", labelWidth, label, line))
		label = ""
	}
}

// fold breaks text at spaces into lines of at most width bytes; a longer word has a line of its own.
func fold(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	return append(lines, line)
}

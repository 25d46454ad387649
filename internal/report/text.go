package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/ringport/ringport/internal/load"
	"github.com/ringport/ringport/internal/matrix"
)

// WriteText writes the tables for a terminal.
func WriteText(w io.Writer, o matrix.Outcome) error {
	for _, t := range Tables(o) {
		if err := t.writeText(w, o); err != nil {
			return fmt.Errorf("report: write the tables: %w", err)
		}
	}
	for _, p := range Problems(o) {
		if _, err := fmt.Fprintf(w, "not in the tables: %s: %s\n", p.What, p.Why); err != nil {
			return fmt.Errorf("report: write the tables: %w", err)
		}
	}
	return nil
}

// writeText writes one table: each metric with the ratio of the first server to this one, where * marks a difference.
func (t Table) writeText(w io.Writer, o matrix.Outcome) error {
	if _, err := fmt.Fprintf(w, "%s (%s)\n", title(t.Load), t.Load.Name); err != nil {
		return err
	}
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "  server\t%s\t\n", strings.Join(t.Titles(), "\t"))
	for _, r := range t.Rows {
		fmt.Fprintf(out, "  %s", r.Server)
		for _, c := range r.Cells {
			fmt.Fprintf(out, "\t%s", c.text())
		}
		fmt.Fprintf(out, "\t%s\n", r.Remark(o.Rounds))
	}
	fmt.Fprintln(out)
	return out.Flush()
}

// text is a cell on one line: the median and the ratio, with a star where the interval of the ratio is without 1.
func (c Cell) text() string {
	if c.First == nil {
		return c.Value()
	}
	mark := ""
	if c.Verdict() != Even {
		mark = "*"
	}
	return fmt.Sprintf("%s (x%s%s)", c.Value(), c.Ratio(), mark)
}

// Brief is a run in a few words.
func Brief(r load.Result) string {
	var words []string
	for _, m := range []Metric{rateMetric, p50Metric, p99Metric, cpuMetric, memoryMetric} {
		if v, has := m.Of(r); has {
			words = append(words, strings.TrimSpace(m.Format(v)+" "+m.brief()))
		}
	}
	return strings.Join(words, ", ")
}

// brief is what the metric is called beside its value.
func (m Metric) brief() string {
	switch m.Key {
	case rateMetric.Key:
		return ""
	case cpuMetric.Key:
		return "CPU"
	case memoryMetric.Key:
		return "RssAnon"
	}
	return m.Title
}

package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/ringport/ringport/internal/load"
	"github.com/ringport/ringport/internal/matrix"
	"github.com/ringport/ringport/internal/stat"
)

// Table is what was found about a load.
type Table struct {
	Load matrix.Load `json:"load"`
	// Rows are the servers that were measured, in their order.
	Rows []Row `json:"rows"`

	metrics []Metric
}

// Row is a server in a Table.
type Row struct {
	Server string `json:"server"`
	Group  string `json:"group"`
	// Valid is how many rounds the figures come from.
	Valid int `json:"valid_rounds"`
	// GeneratorBound is in how many of them the generator used more than 90 % of its CPU: the throughput is then the
	// generator's, and the server's CPU per echo is the figure to read.
	GeneratorBound int `json:"generator_bound_rounds"`
	// NotKeptUp is in how many of them the server did not keep up with an open loop: latencies grew with the length of
	// the run.
	NotKeptUp int `json:"not_kept_up_rounds"`
	// Cells are the metrics, in the order of the table.
	Cells []Cell `json:"cells"`
}

// Cell is a metric of a server under a load.
type Cell struct {
	Metric  string       `json:"metric"`
	Summary stat.Summary `json:"summary"`
	// First is the first server divided by this one; nil for the first server itself, and when either has no figures.
	First *stat.Comparison `json:"first_divided_by_this,omitempty"`

	metric Metric
}

// Tables makes a table of every load that somebody has figures of.
func Tables(o matrix.Outcome) []Table {
	var tables []Table
	for _, l := range o.Loads {
		if t := tableOf(o, l); len(t.Rows) > 0 {
			tables = append(tables, t)
		}
	}
	return tables
}

func tableOf(o matrix.Outcome, l matrix.Load) Table {
	t := Table{Load: l, metrics: metricsOf(l)}
	first := o.Of(l.Name, o.Servers[0].Name)
	for i, s := range o.Servers {
		records := o.Of(l.Name, s.Name)
		row := Row{Server: s.Name, Group: s.Group}
		for _, r := range records {
			if r == nil {
				continue
			}
			row.Valid++
			row.GeneratorBound += marks(r, load.GateGenerator)
			row.NotKeptUp += marks(r, load.GateKeptUp)
		}
		if row.Valid == 0 {
			continue
		}
		for _, m := range t.metrics {
			cell := Cell{Metric: m.Key, Summary: m.summary(records), metric: m}
			if c := m.compare(first, records); i > 0 && c.Ratio.N > 0 {
				cell.First = &c
			}
			row.Cells = append(row.Cells, cell)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// marks is 1 when the gate marks the run.
func marks(r *matrix.Record, gate string) int {
	if g, has := r.Result.Gate(gate); has && !g.OK {
		return 1
	}
	return 0
}

// Verdict is what a ratio says about the first server.
type Verdict string

// The verdicts. A difference is one when 1 is outside of the interval of the ratio, and the interval means something.
const (
	Better Verdict = "better"
	Worse  Verdict = "worse"
	Even   Verdict = "even" // this comparison shows no difference
)

// leastConfidence is that of the interval of five rounds, nearly. What fewer rounds show is no difference yet.
const leastConfidence = 0.9

// Verdict says whether the first server is better than this one.
func (c Cell) Verdict() Verdict {
	switch {
	case c.First == nil || c.First.Ratio.Contains(1) || c.First.Ratio.Confidence < leastConfidence:
		return Even
	case (c.First.Ratio.Median > 1) == c.metric.MoreIsBetter:
		return Better
	}
	return Worse
}

// Value is the median for people; a dash when there is none.
func (c Cell) Value() string {
	if c.Summary.N == 0 {
		return "-"
	}
	return c.metric.Format(c.Summary.Median)
}

// Interval is the interval of the median for people; "" when there is none.
func (c Cell) Interval() string {
	if c.Summary.N < 2 {
		return ""
	}
	return span(c.metric.Format(c.Summary.Low), c.metric.Format(c.Summary.High))
}

// Ratio is the first server divided by this one, for people; "" when there is none.
func (c Cell) Ratio() string {
	if c.First == nil {
		return ""
	}
	return ratio(c.First.Ratio.Median)
}

// RatioInterval is the interval of the ratio, "" when there is none.
func (c Cell) RatioInterval() string {
	if c.First == nil || c.First.Ratio.N < 2 {
		return ""
	}
	return span(ratio(c.First.Ratio.Low), ratio(c.First.Ratio.High))
}

// Title is the metric's.
func (c Cell) Title() string { return c.metric.Title }

// P is how likely such a difference is when there is none.
func (c Cell) P() string {
	if c.First == nil {
		return ""
	}
	if c.First.P < 0.001 {
		return "p < 0.001"
	}
	return fmt.Sprintf("p %.3f", c.First.P)
}

// Titles are the heads of the columns.
func (t Table) Titles() []string {
	var titles []string
	for _, m := range t.metrics {
		titles = append(titles, m.Title)
	}
	return titles
}

// Remark says what must be known about a row, "" when nothing must.
func (r Row) Remark(rounds int) string {
	var remarks []string
	if r.Valid < rounds {
		remarks = append(remarks, fmt.Sprintf("%d of %d rounds", r.Valid, rounds))
	}
	if least := r.confidence(); least < min(stat.Level, stat.Confidence(rounds)) {
		remarks = append(remarks, fmt.Sprintf("intervals at %.0f %% or more", math.Floor(100*least)))
	}
	if r.NotKeptUp > 0 {
		remarks = append(remarks, fmt.Sprintf("did not keep up in %d: latency grows with the run", r.NotKeptUp))
	}
	if r.GeneratorBound > 0 {
		remarks = append(remarks, fmt.Sprintf("generator at its limit in %d; read the CPU", r.GeneratorBound))
	}
	return strings.Join(remarks, "; ")
}

// confidence is the least that an interval of the row has; those of one round are not shown.
func (r Row) confidence() float64 {
	least := 1.0
	for _, c := range r.Cells {
		if c.Summary.N > 1 {
			least = min(least, c.Summary.Confidence)
		}
		if c.First != nil && c.First.Ratio.N > 1 {
			least = min(least, c.First.Ratio.Confidence)
		}
	}
	return least
}

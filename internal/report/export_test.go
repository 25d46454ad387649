package report

import "gonum.org/v1/plot"

// For tests of the parts of a plot.
var (
	Seconds = seconds
	Decimal = decimal
	Span    = span
	Short   = short
)

// TickLabels are the labels that the axes of plots have, for tests.
func TickLabels(kind string, low, high float64) (labels []string) {
	ticks := map[string]plot.Ticker{"time": steps{seconds}, "nines": nines{}}[kind]
	for _, t := range ticks.Ticks(low, high) {
		labels = append(labels, t.Label)
	}
	return labels
}

package report_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/report"
)

func TestValuesHaveThreeDigitsAndAUnit(t *testing.T) {
	for want, got := range map[string]string{
		"4.31 µs":    report.Seconds(4.312e-6),
		"12.0 ms":    report.Seconds(0.012),
		"999 ms":     report.Seconds(0.9994),
		"1.00 s":     report.Seconds(0.9996),
		"250 ns":     report.Seconds(250e-9),
		"0 ns":       report.Seconds(0),
		"228 k/s":    report.Decimal(228_123, "/s"),
		"1.00 M/s":   report.Decimal(999_600, "/s"),
		"7.20 /s":    report.Decimal(7.2, "/s"),
		"-1.50 kB":   report.Decimal(-1500, "B"),
		"6.80 MB":    report.Decimal(6.8e6, "B"),
		"4.2–4.3 s":  report.Span("4.2 s", "4.3 s"),
		"900 ms–1 s": report.Span("900 ms", "1 s"),
		"200 µs":     report.Short("200 µs"),
		"1 ms":       report.Short("1.00 ms"),
		"1.5 k":      report.Short("1.50 k"),
		"100":        report.Short("100 "),
	} {
		require.Equal(t, want, got)
	}
}

func TestAxesHaveMarksThatPeopleRead(t *testing.T) {
	require.Equal(t, []string{"20 µs", "50 µs", "100 µs", "200 µs"}, report.TickLabels("time", 15e-6, 300e-6))
	require.Equal(t, []string{"1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms"}, report.TickLabels("time", 1e-6, 0.2))
	require.Equal(t, []string{"50 %", "90 %", "99 %", "99.9 %", "99.99 %"}, report.TickLabels("nines", 2, 2e4))
}

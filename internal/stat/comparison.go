package stat

import (
	"slices"

	"golang.org/x/perf/benchmath"
)

// Comparison is how one thing did beside another.
type Comparison struct {
	// Ratio sums up the ratios of the pairs: of what was measured in the same round, so that what slows a whole round
	// down changes neither.
	Ratio Summary `json:"ratio"`
	// P is how likely a difference at least as large is when there is none (Mann-Whitney U test, two-sided, of all
	// measurements, paired or not). With four rounds or more it can be below 0.05.
	P float64 `json:"p"`
}

// Pair is two measurements of one round. One that is missing is nil.
type Pair struct {
	A, B *float64
}

// Compare compares what A and B were in each round. Rounds that lack one, or in which one is not above 0, have no
// ratio: of a value below 0 (memory that has shrunk) it would say the opposite of what it means.
func Compare(pairs []Pair) Comparison {
	var a, b, ratios []float64
	for _, p := range pairs {
		if p.A != nil {
			a = append(a, *p.A)
		}
		if p.B != nil {
			b = append(b, *p.B)
		}
		if p.A != nil && p.B != nil && *p.A > 0 && *p.B > 0 {
			ratios = append(ratios, *p.A / *p.B)
		}
	}
	return Comparison{Ratio: Summarize(ratios), P: difference(a, b)}
}

// difference is the p of the U test; 1 when it cannot be made, as of nothing or of values that are all the same.
func difference(a, b []float64) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 1
	}
	return benchmath.AssumeNothing.Compare(sample(a), sample(b)).P
}

// sample hands a copy over: benchmath sorts what it is given.
func sample(values []float64) *benchmath.Sample {
	return benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds)
}

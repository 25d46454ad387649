package stat

import (
	"math"
	"slices"

	"golang.org/x/perf/benchmath"
)

// Level is the confidence that intervals should have.
const Level = 0.95

// Enough is the fewest measurements whose median has an interval of Level: below, the interval is all that was seen.
const Enough = 6

// Summary is what repeated measurements say. The zero value is that of none.
type Summary struct {
	// N is how many there were.
	N int `json:"n"`
	// Median is their median, and Low and High the ends of its confidence interval.
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	// Confidence is that of the interval: Level or more, or, when there are fewer than Enough measurements, less.
	Confidence float64 `json:"confidence"`
}

// Summarize sums values up; their order does not matter, and they are left alone.
func Summarize(values []float64) Summary {
	if len(values) == 0 {
		return Summary{}
	}
	found := benchmath.AssumeNothing.Summary(sample(values), Level)
	s := Summary{N: len(values), Median: found.Center, Low: found.Lo, High: found.Hi, Confidence: found.Confidence}
	if math.IsInf(s.Low, 0) || math.IsInf(s.High, 0) {
		// The median lies between the least and the greatest unless all of them lie on the same side of it.
		s.Low, s.High = slices.Min(values), slices.Max(values)
		s.Confidence = 1 - 2*math.Pow(0.5, float64(s.N))
	}
	return s
}

// Contains says whether a value is inside the interval, its ends included.
func (s Summary) Contains(value float64) bool { return s.N > 0 && s.Low <= value && value <= s.High }

// sample hands a copy over: benchmath sorts what it is given.
func sample(values []float64) *benchmath.Sample {
	return benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds)
}

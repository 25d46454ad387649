package stat

import (
	"math"
	"slices"
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
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	out, confidence := interval(n)
	return Summary{N: n, Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Low: sorted[out], High: sorted[n-1-out],
		Confidence: confidence}
}

// Confidence is what that of the interval of n measurements is; 0 when there is none.
func Confidence(n int) float64 {
	if n < 2 {
		return 0
	}
	_, confidence := interval(n)
	return confidence
}

// Contains says whether a value is inside the interval, its ends included.
func (s Summary) Contains(value float64) bool { return s.N > 0 && s.Low <= value && value <= s.High }

// interval is how many of n sorted values lie outside of the interval of their median on each side, as many as Level
// allows, and its confidence. The median is inside unless at most so many values lie below it, or above: each does with
// a probability of one half.
func interval(n int) (out int, confidence float64) {
	confidence = 1 - 2*binomial(n, 0)
	for {
		next := confidence - 2*binomial(n, out+1)
		if next < Level {
			return out, confidence
		}
		out, confidence = out+1, next
	}
}

// binomial is the probability of k heads in n throws of a coin, by logarithms: 0.5^n is 0 for large n.
func binomial(n, k int) float64 {
	ways := logFactorial(n) - logFactorial(k) - logFactorial(n-k)
	return math.Exp(ways - float64(n)*math.Ln2)
}

func logFactorial(n int) float64 {
	log, _ := math.Lgamma(float64(n) + 1)
	return log
}

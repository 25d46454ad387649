package stat_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/stat"
)

func TestAnIntervalOfSixValuesHasTheLevel(t *testing.T) {
	s := stat.Summarize([]float64{6, 1, 5, 2, 4, 3})
	require.Equal(t, stat.Enough, s.N)
	require.Equal(t, 3.5, s.Median)
	require.Equal(t, []float64{1, 6}, []float64{s.Low, s.High})
	require.InDelta(t, 1-2.0/64, s.Confidence, 1e-9)
	require.GreaterOrEqual(t, s.Confidence, stat.Level)
}

func TestAnIntervalOfFewerValuesIsAllThatWasSeen(t *testing.T) {
	s := stat.Summarize([]float64{30, 10, 20, 50, 40})
	require.Equal(t, stat.Summary{N: 5, Median: 30, Low: 10, High: 50, Confidence: 0.9375}, s)
	require.Equal(t, stat.Summary{N: 1, Median: 7, Low: 7, High: 7}, stat.Summarize([]float64{7}))
	require.Equal(t, stat.Summary{}, stat.Summarize(nil))
}

func TestManyValuesHaveANarrowInterval(t *testing.T) {
	var values []float64
	for i := range 20 {
		values = append(values, float64(i+1))
	}
	s := stat.Summarize(values)
	require.Equal(t, 10.5, s.Median)
	require.Equal(t, []float64{6, 15}, []float64{s.Low, s.High}) // the 6th and the 15th of 20: any table has them
	require.True(t, s.Contains(6) && s.Contains(15))
	require.False(t, s.Contains(5.9) || s.Contains(15.1))
}

func TestIntervalsLeaveOutAsManyOnBothSides(t *testing.T) {
	// 1 - 2 x the chance of so few heads in as many throws as there are values: tables of the sign test have them.
	for n, tt := range map[int]struct{ low, high, confidence float64 }{
		6:  {1, 6, 0.96875},
		7:  {1, 7, 0.984375},
		8:  {1, 8, 0.9921875},
		9:  {2, 8, 0.9609375},
		11: {2, 10, 0.98828125},
		12: {3, 10, 0.96142578125},
		17: {5, 13, 0.951}, // 0.95096
	} {
		var values []float64
		for i := range n {
			values = append(values, float64(n-i))
		}
		s := stat.Summarize(values)
		require.Equal(t, []float64{tt.low, tt.high}, []float64{s.Low, s.High}, n)
		require.InDelta(t, tt.confidence, s.Confidence, 1e-4, n)
		require.Equal(t, float64(n+1)/2, s.Median, n)
	}
}

func TestTheIntervalOfThousandsOfValuesHasTheLevel(t *testing.T) {
	s := stat.Summarize(make([]float64, 5000))
	require.InDelta(t, stat.Level, s.Confidence, 0.01)
	require.GreaterOrEqual(t, s.Confidence, stat.Level)
}

func TestValuesAreLeftAlone(t *testing.T) {
	values := []float64{3, 1, 2}
	stat.Summarize(values)
	require.Equal(t, []float64{3, 1, 2}, values)
}

func TestRatiosArePairedByRound(t *testing.T) {
	// Every round is twice as slow as the one before. The ratio does not know.
	c := stat.Compare(pairs([]float64{110, 55, 27.5, 13.75}, []float64{100, 50, 25, 12.5}))
	require.InDelta(t, 1.1, c.Ratio.Median, 1e-9)
	require.InDelta(t, 1.1, c.Ratio.Low, 1e-9)
	require.InDelta(t, 1.1, c.Ratio.High, 1e-9)
	require.Greater(t, c.P, 0.5)
}

func TestARoundThatLacksOneHasNoRatio(t *testing.T) {
	one, two, none := 1.0, 2.0, 0.0
	c := stat.Compare([]stat.Pair{{A: &two, B: &one}, {A: &two}, {B: &one}, {A: &two, B: &none}, {}})
	require.Equal(t, 1, c.Ratio.N)
	require.Equal(t, 2.0, c.Ratio.Median)
}

func TestValuesThatAreNotAboveZeroHaveNoRatio(t *testing.T) {
	one, less, none := 1.0, -1.0, 0.0
	c := stat.Compare([]stat.Pair{{A: &less, B: &one}, {A: &one, B: &less}, {A: &less, B: &less}, {A: &none, B: &one}})
	require.Zero(t, c.Ratio)
}

func TestTheTestKnowsADifference(t *testing.T) {
	// The smallest p that five against five can have: 2 of the 252 ways to choose 5 of 10.
	apart := stat.Compare(pairs([]float64{1, 2, 3, 4, 5}, []float64{11, 12, 13, 14, 15}))
	require.InDelta(t, 2.0/252, apart.P, 1e-9)
	mixed := stat.Compare(pairs([]float64{1, 3, 5, 7, 9}, []float64{2, 4, 6, 8, 10}))
	require.Greater(t, mixed.P, 0.5)
	same := stat.Compare(pairs([]float64{1, 1, 1}, []float64{1, 1, 1}))
	require.Equal(t, 1.0, same.P)
	require.Equal(t, 1.0, stat.Compare(nil).P)
}

func pairs(a, b []float64) (all []stat.Pair) {
	for i := range a {
		all = append(all, stat.Pair{A: &a[i], B: &b[i]})
	}
	return all
}

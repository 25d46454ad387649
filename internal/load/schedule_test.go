package load

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestConstantArrivalsAreEvenlySpaced(t *testing.T) {
	s := newSchedule(Config{Rate: 3})
	s.begin(time.Second)
	for n := range 3_000_000 {
		want := time.Second + time.Duration(n)*time.Second/3
		if d := s.due() - want; d < -2 || d > 2 {
			require.Equal(t, want, s.due(), "errors must not add up")
		}
		s.advance()
	}
}

func TestPoissonArrivalsHaveTheirMeanAndTheirSpread(t *testing.T) {
	const rate, count = 1000, 200_000
	s := newSchedule(Config{Rate: rate, Arrivals: Poisson, Seed: 5})
	s.begin(0)
	last, squares := moment(0), 0.0
	for range count {
		gap := float64(s.due()-last) / float64(time.Second) * rate
		require.GreaterOrEqual(t, gap, 0.0)
		squares += gap * gap
		last = s.due()
		s.advance()
	}
	require.InDelta(t, 1, last.Seconds()*rate/count, 0.01, "the mean gap is 1/rate")
	require.InDelta(t, 2, squares/count, 0.05, "exponential: the mean square is twice the squared mean")
}

func TestPoissonArrivalsComeFromTheirSeed(t *testing.T) {
	due := func(seed uint64) moment {
		s := newSchedule(Config{Rate: 100, Arrivals: Poisson, Seed: seed})
		s.begin(0)
		s.advance()
		return s.due()
	}
	require.Equal(t, due(1), due(1))
	require.NotEqual(t, due(1), due(2))
}

func TestAScheduleEndsWhenTheWindowReallyDoes(t *testing.T) {
	g := newGenerator(Config{Rate: 1000, Duration: time.Second}.WithDefaults(), target{network: "tcp"})
	g.schedule.begin(0)
	g.phase, g.windowStart = Measuring, 0
	g.endSchedule(1200 * time.Millisecond) // the timer came late, and nobody is ready
	require.Equal(t, moment(1200*time.Millisecond), g.windowEnd)
	s := g.schedule.figures(1.2)
	require.Equal(t, uint64(1200), s.Intended)
	require.Equal(t, 1000.0, s.OfferedRate)
}

func TestMessagesThatWereNotSentCountAsLate(t *testing.T) {
	s := newSchedule(Config{Rate: 1000})
	s.begin(0)
	for range 10 {
		s.advance() // before the window
	}
	for range 20 {
		s.wasSent(s.due() + tooLate)
		s.advance()
	}
	s.wasSent(s.due() + tooLate + 1)
	s.advance()
	s.giveUp(10*time.Millisecond, 100*time.Millisecond)
	require.Equal(t, uint64(90), s.intended)
	require.Equal(t, uint64(21), s.sent)
	require.Equal(t, uint64(1+69), s.late)
	require.Equal(t, uint64(21), s.lag.Count())
}

package ops

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestATimerThatIsSetToTheEndOfTimeDoesNotRun(t *testing.T) {
	sets := map[string]func(*Timer, time.Duration){"Reset": (*Timer).Reset, "ResetPrecise": (*Timer).ResetPrecise}
	for name, set := range sets {
		t.Run(name, func(t *testing.T) {
			s := newTimeline(t)
			ran := 0
			timer := s.port.NewTimer(func() { ran++ })
			for _, d := range []time.Duration{math.MaxInt64, math.MaxInt64 - s.now, longest} {
				set(timer, d)
				s.port.begin()
				require.Zero(t, ran)
				s.now += 365 * 24 * time.Hour
				s.port.begin()
				require.Zero(t, ran)
			}
			timer.Stop()
		})
	}
}

func TestAPortSleepsWithATimerAtTheEndOfTime(t *testing.T) {
	s := newTimeline(t)
	timer := s.port.NewTimer(func() {})
	timer.ResetPrecise(math.MaxInt64)
	s.port.turn()
	require.Equal(t, longest, s.ring.slept)
	timer.Stop()
}

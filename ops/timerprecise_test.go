package ops

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAPreciseTimerIsNotRounded(t *testing.T) {
	s := newTimeline(t)
	s.now += 300 * time.Microsecond
	ran := 0
	timer := s.port.NewTimer(func() { ran++ })
	timer.ResetPrecise(70 * time.Microsecond)
	require.Equal(t, 70*time.Microsecond, s.port.timers.untilNext(s.now))
	s.now += 69 * time.Microsecond
	s.port.begin()
	require.Zero(t, ran)
	s.now += time.Microsecond
	s.port.begin()
	require.Equal(t, 1, ran)
	require.Empty(t, s.port.timers)
}

func TestAPreciseTimerThatResetsItselfToNowLeavesTheTurn(t *testing.T) {
	s := newTimeline(t)
	ran := 0
	var timer *Timer
	timer = s.port.NewTimer(func() {
		ran++
		timer.ResetPrecise(0)
	})
	timer.ResetPrecise(-time.Hour)
	for want := 1; want <= 3; want++ {
		s.now += time.Nanosecond
		s.port.begin()
		require.Equal(t, want, ran)
	}
	timer.Stop()
}

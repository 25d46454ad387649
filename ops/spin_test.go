package ops

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// newSpinner is a port that spins for 50 looks at its ring, with nothing left to do but to wait.
func newSpinner(t *testing.T) *story {
	s := newStory(t, PortConfig{Buffers: 1, BufferSize: 64, Spin: 50 * time.Microsecond}, func(*fakeRing) {})
	s.port.turn() // arms the wake-up, and sleeps
	s.ring.slept = 0
	return s
}

func TestAPortThatSpinsSleepsWhenItsTimeIsOver(t *testing.T) {
	s := newSpinner(t)
	began := s.now
	s.port.turn()
	require.Equal(t, noLimit, s.ring.slept)
	require.GreaterOrEqual(t, s.now-began, 50*time.Microsecond)
	require.Less(t, s.now-began, (50+looksPerLock)*time.Microsecond)
}

func TestACompletionEndsTheSpin(t *testing.T) {
	s := newSpinner(t)
	looks := 0
	s.ring.looking = func() {
		s.now += time.Microsecond
		if looks++; looks == 3 {
			s.ring.complete(s.ring.wakePoll, 1, 0)
		}
	}
	wakes := s.port.stats.Wakes
	s.port.turn()
	require.Equal(t, 3, looks)
	require.Equal(t, wakes+1, s.port.stats.Wakes, "it is dispatched in the same turn")
	require.Zero(t, s.ring.slept)
}

func TestWorkOfOtherGoroutinesEndsTheSpinWithoutAWakeUp(t *testing.T) {
	s := newSpinner(t)
	ran, posted := false, false
	s.ring.looking = func() {
		if s.now += time.Microsecond; !posted {
			posted = true
			require.NoError(t, s.port.Post(func() { ran = true }))
		}
	}
	s.port.turn()
	require.Zero(t, s.ring.slept)
	require.Zero(t, s.port.wakers.Load())
	s.ring.looking = func() { s.now += time.Microsecond }
	s.port.turn()
	require.True(t, ran)
}

func TestATimerThatIsDueEndsTheSpin(t *testing.T) {
	s := newSpinner(t)
	ran := false
	s.port.NewTimer(func() { ran = true }).ResetPrecise(20 * time.Microsecond)
	s.port.turn()
	require.Zero(t, s.ring.slept)
	s.port.begin()
	require.True(t, ran)
}

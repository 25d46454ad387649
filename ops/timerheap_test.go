package ops

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// newTimeline gives a port whose time the test passes.
func newTimeline(t *testing.T) *story {
	t.Helper()
	return newStory(t, PortConfig{Buffers: 1, BufferSize: 64}, func(*fakeRing) {})
}

func TestTimersAreDueInTheOrderOfTheirDeadlines(t *testing.T) {
	random := rand.New(rand.NewPCG(15, 16))
	s := newTimeline(t)
	s.now += 300 * time.Microsecond // deadlines are rounded up
	const count = 20
	var timers [count]*Timer
	var deadline [count]time.Duration // 0: stopped
	var fired []int
	for i := range timers {
		timers[i] = s.port.NewTimer(func() { fired = append(fired, i) })
	}
	for range 3000 {
		i := random.IntN(count)
		switch random.IntN(6) {
		case 0:
			timers[i].Stop()
			deadline[i] = 0
		case 1:
			s.now += time.Duration(random.IntN(20000)) * time.Microsecond
		default:
			d := time.Duration(random.IntN(40000)-1000) * time.Microsecond
			timers[i].Reset(d)
			deadline[i] = (s.now + max(d, 0) + timerTick - 1) / timerTick * timerTick
		}
		requireUntilNext(t, s, deadline[:])
		fired = fired[:0]
		s.port.begin()
		requireFired(t, s.now, deadline[:], fired)
	}
	for _, timer := range timers {
		timer.Stop()
	}
	require.Empty(t, s.port.timers)
}

// requireUntilNext compares how long the port may sleep with the deadlines.
func requireUntilNext(t *testing.T, s *story, deadline []time.Duration) {
	t.Helper()
	want, set := noLimit, 0
	for _, d := range deadline {
		if d == 0 {
			continue
		}
		set++
		if until := max(d-s.now, 0); want == noLimit || until < want {
			want = until
		}
	}
	require.Equal(t, want, s.port.timers.untilNext(s.now))
	require.Len(t, s.port.timers, set)
	for i, timer := range s.port.timers {
		require.Equal(t, i, timer.index)
	}
}

// requireFired holds that exactly the timers whose time has come ran, once, the earliest first.
func requireFired(t *testing.T, now time.Duration, deadline []time.Duration, fired []int) {
	t.Helper()
	last := time.Duration(0)
	for _, i := range fired {
		require.NotZero(t, deadline[i], "it was stopped, or has run")
		require.LessOrEqual(t, deadline[i], now)
		require.GreaterOrEqual(t, deadline[i], last)
		last, deadline[i] = deadline[i], 0
	}
	for i, d := range deadline {
		require.False(t, d != 0 && d <= now, "timer %d should have run", i)
	}
}

func TestATimerSetByItselfRunsInTheNextTurn(t *testing.T) {
	s := newTimeline(t)
	runs := 0
	var timer *Timer
	timer = s.port.NewTimer(func() {
		runs++
		s.now += time.Nanosecond
		timer.Reset(0)
	})
	timer.Reset(time.Second)
	s.turn()
	require.Equal(t, time.Second, s.ring.slept)
	require.Zero(t, runs)
	s.now += time.Second
	s.turn()
	require.Equal(t, 1, runs)
	s.now += time.Millisecond
	s.turn()
	require.Equal(t, 2, runs)
	timer.Stop()
}

func TestPuttingATimerOffCostsNothing(t *testing.T) {
	s := newTimeline(t)
	timer := s.port.NewTimer(func() { t.Error("it was put off") })
	timer.Reset(time.Second)
	s.turn()
	s.ring.asleep = append(s.ring.asleep, func() {
		for range 100 {
			timer.Reset(2 * time.Second)
		}
	})
	s.turn()
	require.Zero(t, s.port.stats.Wakes)
	s.now += time.Second
	s.turn()
	require.Equal(t, time.Second, s.ring.slept, "it stands where it belongs now")
	s.ring.asleep = append(s.ring.asleep, func() { timer.Reset(time.Millisecond) })
	s.turn()
	require.EqualValues(t, 1, s.port.stats.Wakes, "an earlier deadline wakes the port")
	s.turn()
	require.Equal(t, time.Millisecond, s.ring.slept)
	timer.Stop()
}

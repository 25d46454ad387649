package ops

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNowStandsStillWithinATurn(t *testing.T) {
	s := newTimeline(t)
	s.port.begin()
	began := s.port.Now()
	s.now += time.Second
	require.Equal(t, began, s.port.Now())
	s.port.begin()
	require.Equal(t, began.Add(time.Second), s.port.Now())
}

func TestNowIsWhenThePortWokeUp(t *testing.T) {
	s := newTimeline(t)
	s.port.turn() // arms the wake-up
	before := s.port.Now()
	s.ring.asleep = append(s.ring.asleep, func() { s.now += time.Minute })
	s.port.turn()
	require.Equal(t, before.Add(time.Minute), s.port.Now())
}

func TestNowIsWhenTheSpinEnded(t *testing.T) {
	s := newSpinner(t)
	began := s.port.Now()
	looks := 0
	s.ring.looking = func() {
		s.now += time.Microsecond
		if looks++; looks == 2*looksPerLock+3 {
			s.ring.complete(s.ring.wakePoll, 1, 0)
		}
	}
	s.port.turn()
	require.Equal(t, began.Add(time.Duration(looks)*time.Microsecond), s.port.Now())
}

func TestNowIsWhenASpinFoundWorkOfOthers(t *testing.T) {
	s := newSpinner(t)
	began, looks := s.port.Now(), 0
	s.ring.looking = func() {
		s.now += time.Microsecond
		if looks++; looks == 1 {
			require.NoError(t, s.port.Post(func() {}))
		}
	}
	s.port.turn()
	require.Equal(t, began.Add(looksPerLock*time.Microsecond), s.port.Now())
}

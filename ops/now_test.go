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

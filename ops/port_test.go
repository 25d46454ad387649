package ops

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/uring"
)

// brokenRing is a ring that cannot be used, in one way or another.
type brokenRing struct {
	*fakeRing
	enable, register error
}

func (r *brokenRing) Enable() error { return r.enable }

func (r *brokenRing) RegisterBufferRing(mem []byte, entries uint32, group uint16) error {
	if r.register != nil {
		return r.register
	}
	return r.fakeRing.RegisterBufferRing(mem, entries, group)
}

func TestAPortThatCannotStartLeavesNothing(t *testing.T) {
	refusal := errors.New("refused")
	tests := []struct {
		name   string
		damage func(*brokenRing)
		want   string
		calls  []string
	}{
		{"no buffers", func(r *brokenRing) { r.register = refusal }, "ops: new port: bufring: refused", []string{"close"}},
		{"no enabling", func(r *brokenRing) { r.enable = refusal }, "ops: new port: refused",
			[]string{"register", "unregister", "close"}},
		{"no buffer rings", func(r *brokenRing) { r.features.BufferRing = false }, "buffer rings",
			[]string{"register", "unregister", "close"}},
		{"no multishot accept", func(r *brokenRing) { r.features.MultishotAccept = false }, "multishot accept",
			[]string{"register", "unregister", "close"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ringtest.Descriptors(t)
			r := &brokenRing{fakeRing: newFakeRing(t, 8)}
			test.damage(r)
			_, err := NewPort(PortConfig{newRing: func(uring.Config) (ring, error) { return r, nil }})
			require.ErrorContains(t, err, test.want)
			require.Equal(t, test.calls, r.calls, "what was made is given back")
		})
	}
	_, err := NewPort(PortConfig{newRing: func(uring.Config) (ring, error) { return nil, refusal }})
	require.ErrorIs(t, err, refusal)
}

func TestPostedFunctionsRunInTheNextTurnInTheirOrder(t *testing.T) {
	s := newTimeline(t)
	var ran []int
	for i := range 3 {
		require.NoError(t, s.port.Post(func() {
			ran = append(ran, i)
			if i == 1 {
				require.NoError(t, s.port.Post(func() { ran = append(ran, 10) }))
			}
		}))
	}
	s.turn()
	require.Equal(t, []int{0, 1, 2}, ran)
	s.turn()
	require.Equal(t, []int{0, 1, 2, 10}, ran)
	s.ring.asleep = append(s.ring.asleep, func() {
		require.NoError(t, s.port.Post(func() { ran = append(ran, 20) }))
	})
	s.turn()
	require.EqualValues(t, 1, s.port.stats.Wakes)
	s.turn()
	require.Equal(t, 20, ran[len(ran)-1])
}

func TestPostsHaveALimit(t *testing.T) {
	s := newTimeline(t)
	s.port.posts = make([]func(), maxPosts)
	err := s.port.Post(func() {})
	require.ErrorIs(t, err, ErrState)
	require.ErrorContains(t, err, "1048576")
	s.port.posts = nil
	require.NoError(t, s.port.Post(func() {}))
}

func TestOneWakeUpIsEnough(t *testing.T) {
	s := newTimeline(t)
	s.turn()
	s.ring.asleep = append(s.ring.asleep, func() {
		for range 100 {
			require.NoError(t, s.port.Post(func() {}))
		}
	})
	s.turn()
	require.EqualValues(t, 1, s.port.stats.Wakes)
	require.Zero(t, s.port.wakers.Load())
}

func TestAPortWakesAgainWhenItsPollHasEnded(t *testing.T) {
	s := newTimeline(t)
	s.turn()
	s.ring.complete(s.ring.wakePoll, 1, 0) // without MORE: the completion queue was full
	s.turn()
	s.turn()
	require.True(t, s.ring.wakePoll.live, "the poll is armed again")
	ran := false
	s.ring.asleep = append(s.ring.asleep, func() { require.NoError(t, s.port.Post(func() { ran = true })) })
	s.turn()
	s.turn()
	require.True(t, ran)
}

func TestAReleaseBetweenTwoTurnsKeepsThePortAwake(t *testing.T) {
	s := newStory(t, PortConfig{Buffers: 1, BufferSize: 64}, func(*fakeRing) {})
	holder, waiter := s.connect("s").socket, s.connect("u").socket
	held, waits := s.actor("held"), s.actor("waits")
	held.keeps = true
	s.start(held, s.parties["s"], holder.ReceiveAsync)
	s.start(waits, s.parties["u"], waiter.ReceiveAsync)
	s.turn()
	s.data(s.ring.find("s.recv"), 10, true)
	s.ring.complete(s.ring.find("u.recv"), mustErrno("ENOBUFS"), 0)
	s.turn()
	require.Equal(t, 1, s.port.Stats().Starved)
	s.port.begin()
	s.port.refill()
	s.leases[0].Release() // behind the look at the buffers, and before the owner falls asleep
	s.leases = nil
	require.True(t, s.port.flush())
	s.ring.slept = time.Duration(math.MaxInt64)
	s.port.collect()
	require.EqualValues(t, math.MaxInt64, s.ring.slept, "it does not sleep")
	s.port.dispatchAll()
	s.turn()
	require.NotNil(t, s.ring.find("u.recv"), "the socket goes on")
}

func mustErrno(name string) int32 {
	res, ok := errnoResult(name)
	if !ok {
		panic(name)
	}
	return res
}

func TestAPortClosesOnce(t *testing.T) {
	s := newTimeline(t)
	require.NoError(t, s.port.Close(), "from its own goroutine it starts closing and returns")
	require.NoError(t, s.port.Close())
	require.NoError(t, s.port.Err())
	for !s.over {
		s.turn()
	}
	<-s.port.Done()
	require.NoError(t, s.port.Close())
	require.NoError(t, s.port.Err())
	require.Equal(t, []string{"register", "unregister", "close"}, s.ring.calls, "buffers first, then the ring")
}

func TestAPortTellsWhyItStopped(t *testing.T) {
	s := newTimeline(t)
	s.turn()
	s.ring.failing = uring.ErrLost
	s.turn()
	require.NoError(t, s.port.Err(), "it has not stopped yet")
	require.False(t, s.turn())
	require.ErrorIs(t, s.port.Err(), uring.ErrLost)
	require.ErrorIs(t, s.port.Close(), uring.ErrLost)
}

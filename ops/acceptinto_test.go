package ops

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// takenFor gives an op that has taken a connection of a listener for its target, as AcceptAsync does on any goroutine,
// up to where the lock is released and the target is still to be filled.
func takenFor(t *testing.T, s *story, target *Socket) *Op {
	t.Helper()
	s.listen("l", 0, 1)
	l := s.parties["l"]
	require.Equal(t, "pending", s.start(s.actor("a"), l, l.socket.AcceptAsync))
	s.turn()
	accept := s.ring.find("l.accept")
	s.accept(accept, "c", true)
	s.accept(accept, "ahead", true)
	s.turn()
	op := NewOp(nil)
	op.AcceptSocket = target
	require.True(t, op.start(l.socket, Accept))
	require.NoError(t, op.reserveTarget(l.socket))
	s.port.mu.Lock()
	defer s.port.mu.Unlock()
	l.socket.acc.give(op)
	return op
}

func TestAConnectionOfAClosingPortFillsNoTarget(t *testing.T) {
	for name, closed := range map[string]bool{"closing": false, "closed": true} {
		t.Run(name, func(t *testing.T) {
			cfg := PortConfig{Buffers: 1, BufferSize: 64}
			s, other := newStory(t, cfg, func(*fakeRing) {}), newStory(t, cfg, func(*fakeRing) {})
			fd, _ := other.descriptor("target")
			target := other.port.newSocket(fd, FamilyUnix, Stream, 0)
			op := takenFor(t, s, target)
			require.NoError(t, s.port.Close())
			s.turn()
			for closed && !s.over {
				s.answer()
				s.turn()
			}
			left := s.port.Stats().Sockets
			op.settleTarget()
			require.ErrorIs(t, op.Err(), net.ErrClosed)
			require.Equal(t, left, s.port.Stats().Sockets, "the port closes the connection itself")
			require.Equal(t, fd, target.fd)
			require.NoError(t, target.reserve(), "another accept may fill it")
			op.end()
		})
	}
}

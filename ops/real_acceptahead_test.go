package ops_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

func TestAnAssociatedListenerMayBeToldNotToAcceptAhead(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, unix.Listen(fd, 16))
	l, err := p.Associate(fd)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	require.NoError(t, l.SetAcceptAhead(-1))
	for range 4 {
		dial(t, l)
	}
	for taken := 1; taken <= 4; taken++ {
		j := newJob().pend(t, l.AcceptAsync).wait(t)
		require.NoError(t, j.Err())
		defer j.AcceptSocket.Close()
		turnBy(t, p)
		require.EqualValues(t, taken, p.Stats().Accepts)
		require.Equal(t, 4-taken, backlog(t, l))
	}
}

func TestAcceptAheadGoesOnWhenItsLimitIsRaised(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{AcceptAhead: 1})
	for range 6 {
		dial(t, l)
	}
	accept(t, l)
	acceptedBy(t, p, 2)
	require.NoError(t, l.SetAcceptAhead(3))
	acceptedBy(t, p, 4)
	require.NoError(t, l.SetAcceptAhead(-1))
	for taken := 2; taken <= 4; taken++ {
		accept(t, l)
		turnBy(t, p)
		require.EqualValues(t, 4, p.Stats().Accepts, "those that were accepted ahead are given out first")
	}
	accept(t, l)
	require.NoError(t, l.SetAcceptAhead(0), "the default")
	acceptedBy(t, p, 6)
	accept(t, l)
}

func TestAcceptAheadIsForListenersOnly(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	s, err := p.NewSocket(ops.FamilyIPv4, ops.Stream)
	require.NoError(t, err)
	require.ErrorIs(t, s.SetAcceptAhead(1), ops.ErrState)
	require.ErrorIs(t, s.SetAcceptAhead(1<<20+1), ops.ErrArgument)
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.SetAcceptAhead(1), net.ErrClosed)
}

package ops_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

// besidePeer gives a connected Unix socket of the port, and the descriptor of the other end.
func besidePeer(t testing.TB, p *ops.Port) (s *ops.Socket, peer int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	s, err = p.Associate(fds[0])
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s, fds[1]
}

// Both come while the port's goroutine does something else, so that the kernel wakes its receive once for them.
func TestTheEndOfAUnixStreamRightBehindItsDataIsSeen(t *testing.T) {
	for _, closed := range []bool{true, false} {
		t.Run(fmt.Sprintf("closed %t", closed), func(t *testing.T) {
			p := newPort(t, ops.PortConfig{})
			s, peer := besidePeer(t, p)
			var got []byte
			ended := make(chan error, 1)
			op := ops.NewOp(func(op *ops.Op) {
				got = append(got, op.Bytes()...)
				if !op.More() {
					ended <- op.Err()
				}
			})
			op.Multishot = true
			require.True(t, s.ReceiveAsync(op))
			turnBy(t, p)
			onPort(t, p, func() {
				_, err := unix.Write(peer, patterned(10))
				require.NoError(t, err)
				if closed {
					require.NoError(t, unix.Close(peer))
				} else {
					require.NoError(t, unix.Shutdown(peer, unix.SHUT_WR))
				}
			})
			require.NoError(t, await(t, ended))
			require.Equal(t, patterned(10), got)
			if !closed {
				require.NoError(t, unix.Close(peer))
			}
		})
	}
}

func TestAUnixSocketIsDetachedFromItsPortWithoutAPollOnIt(t *testing.T) {
	p := newPort(t, ops.PortConfig{ReadAhead: -1})
	s, peer := besidePeer(t, p)
	defer unix.Close(peer)
	op := newJob()
	op.Multishot = true
	op.pend(t, s.ReceiveAsync)
	s.Cancel(op.Op)
	op.wait(t)
	var fd int
	var err error
	onPort(t, p, func() { fd, err = s.Detach() }) // as ReadAhead allows it
	require.NoError(t, err)
	require.NoError(t, unix.Close(fd))
	n, err := unix.Read(peer, make([]byte, 1)) // blocks while somebody has the other end
	require.NoError(t, err)
	require.Zero(t, n, "the end of the stream")
	waitStats(t, p, "the poll is gone", func(s ops.Stats) bool { return s.Slots == 1 })
}

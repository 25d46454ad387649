package ops_test

import (
	"bytes"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

func TestShutdownSendTakesEffectBehindQueuedSends(t *testing.T) {
	for _, how := range []ops.ShutdownHow{ops.ShutdownSend, ops.ShutdownBoth} {
		t.Run(how.String(), func(t *testing.T) {
			p := newPort(t, ops.PortConfig{})
			c, s := smallPair(t, p)
			const length = 4 << 20
			all := jobs(3)
			for _, j := range all {
				j.SetBuffer(patterned(length))
				j.pend(t, s.SendAsync)
			}
			require.NoError(t, s.Shutdown(how))
			require.NoError(t, s.Shutdown(ops.ShutdownSend), "once more does nothing")
			late := newJob()
			late.SetBuffer([]byte("late"))
			late.atOnce(t, s.SendAsync)
			require.Equal(t, ops.Shutdown, late.SocketError())
			require.ErrorIs(t, late.Err(), syscall.EPIPE)
			for range all {
				require.Equal(t, patterned(length), readExactly(t, c, length))
			}
			_, err := c.Read(make([]byte, 1))
			require.ErrorIs(t, err, io.EOF)
			for _, j := range all {
				require.NoError(t, j.wait(t).Err())
			}
		})
	}
}

func TestShutdownSendLeavesTheOtherDirection(t *testing.T) {
	eachMode(t, func(t *testing.T, p *ops.Port) {
		c, s := pair(t, p)
		require.NoError(t, s.Shutdown(ops.ShutdownSend))
		_, err := c.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		_, err = c.Write([]byte("still"))
		require.NoError(t, err)
		j := newJob().run(t, s.ReceiveAsync)
		require.Equal(t, "still", string(j.Bytes()))
		require.NoError(t, j.Close())
		require.True(t, s.Connected())
	})
}

func TestShutdownReceiveEndsAWaitingReceive(t *testing.T) {
	eachMode(t, func(t *testing.T, p *ops.Port) {
		c, s := pair(t, p)
		j := newJob().pend(t, s.ReceiveAsync)
		turnBy(t, p)
		require.NoError(t, s.Shutdown(ops.ShutdownReceive))
		require.NoError(t, j.wait(t).Err())
		require.Zero(t, j.BytesTransferred())
		j = newJob()
		j.SetBuffer([]byte("still"))
		require.NoError(t, j.run(t, s.SendAsync).Err())
		require.Equal(t, "still", string(readExactly(t, c, 5)))
	})
}

func TestShutdownIsRefusedWithItsReason(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	_, s := pair(t, p)
	l := listen(t, p, ops.ListenConfig{})
	require.ErrorIs(t, s.Shutdown(3), ops.ErrArgument)
	require.ErrorIs(t, l.Shutdown(ops.ShutdownBoth), syscall.ENOTCONN)
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Shutdown(ops.ShutdownBoth), net.ErrClosed)
}

// ending is what the peer of a closed socket sees after the data: nil for FIN, otherwise the error.
func ending(c net.Conn) (data []byte, err error) { return io.ReadAll(c) }

func TestHowACloseEndsTheConnection(t *testing.T) {
	fin, rst := error(nil), error(syscall.ECONNRESET)
	send := func(s *ops.Socket, text string) *job {
		j := newJob()
		j.SetBuffer([]byte(text))
		s.SendAsync(j.Op)
		return j
	}
	tests := []struct {
		name string
		do   func(t *testing.T, p *ops.Port, c *net.TCPConn, s *ops.Socket) *job
		want error
	}{
		{"idle", func(*testing.T, *ops.Port, *net.TCPConn, *ops.Socket) *job { return nil }, fin},
		{"a receive is cancelled", func(t *testing.T, _ *ops.Port, _ *net.TCPConn, s *ops.Socket) *job {
			return newJob().pend(t, s.ReceiveAsync)
		}, rst},
		{"a receive in the kernel is cancelled", func(t *testing.T, p *ops.Port, _ *net.TCPConn, s *ops.Socket) *job {
			j := newJob().pend(t, s.ReceiveAsync)
			turnBy(t, p)
			return j
		}, rst},
		{"a multishot is cancelled", func(t *testing.T, p *ops.Port, _ *net.TCPConn, s *ops.Socket) *job {
			j := newJob()
			j.Multishot = true
			j.pend(t, s.ReceiveAsync)
			turnBy(t, p)
			return j
		}, rst},
		{"a receive is cancelled after Shutdown", func(t *testing.T, p *ops.Port, _ *net.TCPConn, s *ops.Socket) *job {
			j := newJob().pend(t, s.ReceiveAsync)
			require.NoError(t, s.Shutdown(ops.ShutdownSend))
			turnBy(t, p)
			return j
		}, fin},
		{"nobody receives any more", func(t *testing.T, p *ops.Port, c *net.TCPConn, s *ops.Socket) *job {
			_, err := c.Write([]byte("x"))
			require.NoError(t, err)
			require.NoError(t, newJob().run(t, s.ReceiveAsync).Close())
			turnBy(t, p)
			return nil
		}, fin},
		{"the peer has ended, too", func(t *testing.T, _ *ops.Port, c *net.TCPConn, s *ops.Socket) *job {
			require.NoError(t, c.CloseWrite())
			newJob().run(t, s.ReceiveAsync)
			return nil
		}, fin},
		{"a send just before", func(t *testing.T, _ *ops.Port, _ *net.TCPConn, s *ops.Socket) *job {
			return send(s, "")
		}, fin},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			eachMode(t, func(t *testing.T, p *ops.Port) {
				c, s := pair(t, p)
				j := test.do(t, p, c, s)
				require.NoError(t, s.Close())
				_, err := ending(c)
				require.ErrorIs(t, err, test.want)
				if j != nil && j.Buffer() == nil {
					j.wait(t)
					require.Equal(t, ops.OperationAborted, j.SocketError())
					require.ErrorIs(t, j.Err(), net.ErrClosed)
				}
			})
		})
	}
}

func TestDataThatWasNeverDeliveredResetsTheConnection(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	arriveAhead(t, p, c, s, []byte("unread"))
	require.NoError(t, s.Close())
	_, err := ending(c)
	require.ErrorIs(t, err, syscall.ECONNRESET)
}

func TestSendsThatWereNotSubmittedAreTriedOnceByClose(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	all := jobs(3000) // more than one request carries
	onPort(t, p, func() {
		for i, j := range all {
			j.SetBuffer([]byte{byte(i), byte(i >> 8)})
			s.SendAsync(j.Op)
		}
		_ = s.Close()
	})
	data, err := ending(c)
	require.NoError(t, err)
	require.Len(t, data, 6000)
	for i, j := range all {
		require.NoError(t, j.wait(t).Err())
		require.Equal(t, 2, j.BytesTransferred())
		require.Equal(t, []byte{byte(i), byte(i >> 8)}, data[2*i:2*i+2])
	}
}

func TestSendsThatCloseCannotFinishAreAborted(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := smallPair(t, p)
	const length = 8 << 20
	first, second := newJob(), newJob()
	first.SetBuffer(patterned(length))
	second.SetBuffer([]byte("never"))
	onPort(t, p, func() {
		s.SendAsync(first.Op)
		s.SendAsync(second.Op)
		_ = s.Close()
	})
	for _, j := range []*job{first, second} {
		j.wait(t)
		require.Equal(t, ops.OperationAborted, j.SocketError())
		require.ErrorIs(t, j.Err(), net.ErrClosed)
	}
	require.Greater(t, first.BytesTransferred(), 0)
	require.Less(t, first.BytesTransferred(), length)
	require.Zero(t, second.BytesTransferred())
	_, err := ending(c)
	require.ErrorIs(t, err, syscall.ECONNRESET, "an op of the user's was cancelled")
}

func TestASendInTheKernelIsAbortedByClose(t *testing.T) {
	for name, shutdown := range map[string]bool{"reset": false, "end of stream after Shutdown": true} {
		t.Run(name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{})
			c, s := smallPair(t, p)
			j := newJob()
			j.SetBuffer(patterned(20 << 20))
			j.pend(t, s.SendAsync)
			turnBy(t, p)
			if shutdown {
				require.NoError(t, s.Shutdown(ops.ShutdownBoth))
			}
			require.NoError(t, s.Close())
			j.wait(t)
			require.Equal(t, ops.OperationAborted, j.SocketError())
			sent := j.BytesTransferred()
			require.Greater(t, sent, 0)
			data, err := ending(c)
			if shutdown {
				require.NoError(t, err)
				require.Equal(t, patterned(sent), data, "what was sent arrives")
			} else {
				require.ErrorIs(t, err, syscall.ECONNRESET)
			}
		})
	}
}

func TestCloseIsIdempotentAndAnswersOnThePort(t *testing.T) {
	eachMode(t, func(t *testing.T, p *ops.Port) {
		_, s := pair(t, p)
		inside := false // written by the closer's goroutine only
		nested := make(chan bool, 1)
		op := ops.NewOp(func(*ops.Op) { nested <- inside })
		require.True(t, s.ReceiveAsync(op))
		onPort(t, p, func() {
			inside = true
			_ = s.Close()
			_ = s.Close()
			inside = false
		})
		require.False(t, await(t, nested), "Completed ran on the closer's stack")
		require.NoError(t, s.Close())
		require.False(t, s.Connected())
		require.ErrorIs(t, s.Control(func(uintptr) {}), net.ErrClosed)
		_, err := s.Detach()
		require.ErrorIs(t, err, net.ErrClosed)
	})
}

func TestACloseFromItsOwnCompletionEndsTheSocket(t *testing.T) {
	eachMode(t, func(t *testing.T, p *ops.Port) {
		c, s := pair(t, p)
		op := ops.NewOp(nil)
		done := make(chan struct{})
		op.Completed = func(op *ops.Op) {
			_ = s.Close()
			_ = op.Close()
			close(done)
		}
		require.True(t, s.ReceiveAsync(op))
		_, err := c.Write([]byte("x"))
		require.NoError(t, err)
		await(t, done)
		_, err = ending(c)
		require.NoError(t, err)
	})
}

// The wait of close(2) ends early when the thread gets a signal, and the Go runtime sends one to preempt a goroutine
// that has just begun the call: it is tried until none came.
func TestASocketWithLingerDoesNotStopItsPort(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	for tries := 1; !lingersBesideItsPort(t, p, l); tries++ {
		require.Less(t, tries, 100, "no close waited for what was sent")
	}
}

// lingersBesideItsPort closes a connection whose kernel waits for the client's, and tells whether the port made turns
// meanwhile.
func lingersBesideItsPort(t *testing.T, p *ops.Port, l *ops.Socket) bool {
	t.Helper()
	c := dial(t, l)
	s := accept(t, l)
	require.NoError(t, s.Control(func(fd uintptr) {
		linger := unix.Linger{Onoff: 1, Linger: 60}
		_ = unix.SetsockoptLinger(int(fd), unix.SOL_SOCKET, unix.SO_LINGER, &linger)
	}))
	hear := deafen(t, c)
	j := newJob()
	j.SetBuffer(patterned(1000))
	require.NoError(t, j.run(t, s.SendAsync).Err())
	require.NoError(t, s.Close())
	turnBy(t, p) // it would stand still: close(2) blocks until the client acknowledges
	lingers := p.Stats().Sockets == 2
	hear()
	data, err := ending(c)
	require.NoError(t, err)
	require.Equal(t, patterned(1000), data)
	waitSockets(t, p, 1)
	return lingers
}

// deafen makes the kernel drop what comes for a connection before it acknowledges anything, until hear is called. The
// other end then sends it again.
func deafen(t testing.TB, c *net.TCPConn) (hear func()) {
	t.Helper()
	nothing := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	control := func(f func(fd int) error) {
		var failed error
		require.NoError(t, raw.Control(func(fd uintptr) { failed = f(int(fd)) }))
		require.NoError(t, failed)
	}
	control(func(fd int) error {
		program := unix.SockFprog{Len: 1, Filter: &nothing}
		return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program)
	})
	return func() {
		control(func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0) })
	}
}

func TestDetachGivesTheDescriptorBack(t *testing.T) {
	eachMode(t, func(t *testing.T, p *ops.Port) {
		c, s := pair(t, p)
		_, err := c.Write([]byte("1"))
		require.NoError(t, err)
		require.NoError(t, newJob().run(t, s.ReceiveAsync).Close()) // a receive is armed ahead now

		waiting := newJob().pend(t, s.ReceiveAsync)
		_, err = s.Detach()
		require.ErrorIs(t, err, ops.ErrState)
		s.Cancel(waiting.Op)
		waiting.wait(t)

		fd, err := s.Detach()
		require.NoError(t, err)
		file := os.NewFile(uintptr(fd), "detached")
		defer file.Close()
		require.ErrorIs(t, newJob().atOnce(t, s.ReceiveAsync).Err(), net.ErrClosed)
		_, err = s.Detach()
		require.ErrorIs(t, err, net.ErrClosed)
		require.NoError(t, s.Close())

		_, err = c.Write([]byte("2"))
		require.NoError(t, err)
		b := make([]byte, 1)
		_, err = file.Read(b)
		require.NoError(t, err)
		require.Equal(t, "2", string(b), "the port took nothing more")
		_, err = file.Write([]byte("3"))
		require.NoError(t, err)
		require.Equal(t, "3", string(readExactly(t, c, 1)))
	})
}

func TestDetachRefusesToLoseData(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	arriveAhead(t, p, c, s, []byte("unread"))
	_, err := s.Detach()
	require.ErrorIs(t, err, ops.ErrState)
	j := newJob().atOnce(t, s.ReceiveAsync)
	require.Equal(t, "unread", string(j.Bytes()))
	require.NoError(t, j.Close())
}

func TestDetachFromThePortNeedsNothingArmed(t *testing.T) {
	for name, cfg := range map[string]ops.PortConfig{"read-ahead": {}, "one by one": {ReadAhead: -1}} {
		t.Run(name, func(t *testing.T) {
			p := newPort(t, cfg)
			c, s := pair(t, p)
			_, err := c.Write([]byte("1"))
			require.NoError(t, err)
			require.NoError(t, newJob().run(t, s.ReceiveAsync).Close())
			var fd int
			onPort(t, p, func() { fd, err = s.Detach() })
			if cfg.ReadAhead >= 0 {
				require.ErrorIs(t, err, ops.ErrState)
				fd, err = s.Detach()
			}
			require.NoError(t, err)
			require.NoError(t, unix.Close(fd))
		})
	}
}

func TestAListenerCanBeDetached(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	dial(t, l)
	accept(t, l)
	address := l.LocalEndpoint().String()
	fd, err := l.Detach()
	require.NoError(t, err)
	file := os.NewFile(uintptr(fd), "listener")
	defer file.Close()
	again, err := net.FileListener(file)
	require.NoError(t, err)
	defer again.Close()
	c, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer c.Close()
	s, err := again.Accept()
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

func TestControlReachesTheDescriptor(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	dial(t, l)
	s := accept(t, l)
	value := func(s *ops.Socket, level, option int) (n int) {
		require.NoError(t, s.Control(func(fd uintptr) { n, _ = unix.GetsockoptInt(int(fd), level, option) }))
		return n
	}
	require.Equal(t, 1, value(s, unix.IPPROTO_TCP, unix.TCP_NODELAY), "Nagle is off")
	require.Equal(t, 1, value(l, unix.SOL_SOCKET, unix.SO_REUSEADDR))
	nagle := listen(t, p, ops.ListenConfig{Nagle: true})
	dial(t, nagle)
	require.Zero(t, value(accept(t, nagle), unix.IPPROTO_TCP, unix.TCP_NODELAY))
}

func TestWhatWasSentBeforeCloseArrives(t *testing.T) {
	eachMode(t, func(t *testing.T, p *ops.Port) {
		c, s := pair(t, p)
		const length = 3 << 20
		received := readAll(c)
		j := newJob()
		j.SetBuffer(patterned(length))
		require.NoError(t, j.run(t, s.SendAsync).Err())
		require.NoError(t, s.Close())
		got := await(t, received)
		require.NoError(t, got.err)
		require.True(t, bytes.Equal(patterned(length), got.data))
	})
}

package ops_test

import (
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/uring"
)

// fillUp writes until the connection takes nothing any more, neither here nor at the other end, and gives the number of
// bytes that it took.
func fillUp(t testing.TB, c *net.TCPConn) (n int) {
	t.Helper()
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	chunk := make([]byte, 64<<10)
	var errno error
	require.NoError(t, raw.Write(func(fd uintptr) bool {
		for {
			pattern(chunk, n)
			m, err := unix.SendmsgN(int(fd), chunk, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
			n += max(m, 0)
			if err == nil {
				continue
			}
			if errno = err; err != syscall.EAGAIN || isFull(int(fd)) {
				return true
			}
		}
	}))
	require.ErrorIs(t, errno, syscall.EAGAIN)
	return n
}

// isFull waits a while for a full socket to take more; the peer's kernel may still be taking it in.
func isFull(fd int) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 200)
	return err == nil && n == 0
}

// smallBuffers keeps the kernel from holding megabytes between the two ends of a connection.
func smallBuffers(fd uintptr) error {
	if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 64<<10); err != nil {
		return err
	}
	return unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 64<<10)
}

// smallPair is pair with small socket buffers at both ends.
func smallPair(t testing.TB, p *ops.Port) (*net.TCPConn, *ops.Socket) {
	t.Helper()
	l := listen(t, p, ops.ListenConfig{Control: smallBuffers})
	c := dial(t, l)
	require.NoError(t, c.SetWriteBuffer(64<<10))
	require.NoError(t, c.SetReadBuffer(64<<10))
	return c, accept(t, l)
}

func TestReadAheadPushesBackOnTheSender(t *testing.T) {
	const limit = 16 << 10
	noLimit := func(f *uring.Features) { f.ReceiveLimit = false }
	noMultishot := func(f *uring.Features) { f.MultishotReceive = false }
	cfg := ops.PortConfig{ReadAhead: limit, BufferSize: 4096}
	tests := []struct {
		name string
		cfg  ops.PortConfig
		most int // bytes that may be held unasked
	}{
		{"exactly", cfg, limit + 4096},
		{"without multishot", ops.WithFeatures(cfg, noMultishot), limit + 4096},
		{"softly", ops.WithFeatures(cfg, noLimit), 1 << 20},
		{"none", ops.PortConfig{ReadAhead: -1}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newPort(t, test.cfg)
			c, s := smallPair(t, p)
			var check streamCheck
			j := newJob()
			j.SetBuffer(make([]byte, 1))
			_, err := c.Write(patterned(1))
			require.NoError(t, err)
			check.take(j.run(t, s.ReceiveAsync).Bytes())

			sent := fillUp(t, c)
			require.LessOrEqual(t, p.Stats().Buffers.Leased*4096, test.most)
			turnBy(t, p)
			require.LessOrEqual(t, p.Stats().Buffers.Leased*4096, test.most)

			// The pattern of the first byte and of what filled up the connection both begin at 0.
			check = streamCheck{}
			require.NoError(t, c.CloseWrite())
			j = newJob()
			for {
				j.run(t, s.ReceiveAsync)
				require.NoError(t, j.Err())
				if j.BytesTransferred() == 0 {
					break
				}
				check.take(j.Bytes())
			}
			check.require(t, sent)
		})
	}
}

func TestReadAheadHoldsFewBuffersHoweverLittleIsInThem(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := smallPair(t, p)
	arriveAhead(t, p, c, s, []byte{0})
	const segments = 200
	for i := 1; i <= segments; i++ {
		leases := p.Stats().Buffers.Leases
		_, err := c.Write([]byte{byte(i)})
		require.NoError(t, err)
		if p.Stats().Buffers.Leased < 16 { // until it is full each segment has a buffer of its own
			waitStats(t, p, "it arrived", func(s ops.Stats) bool {
				return s.Buffers.Leases > leases || s.Buffers.Leased >= 16
			})
		}
	}
	turnBy(t, p)
	require.LessOrEqual(t, p.Stats().Buffers.Leased, 16+32, "a cancel stops it a moment late")
	var got []byte
	j := newJob()
	for len(got) < segments+1 {
		j.run(t, s.ReceiveAsync)
		require.NoError(t, j.Err())
		got = append(got, j.Bytes()...)
	}
	require.NoError(t, j.Close())
	for i := range got {
		require.Equal(t, byte(i), got[i])
	}
}

func TestReceivingGoesOnWhenReadAheadIsDrained(t *testing.T) {
	const limit = 8 << 10
	p := newPort(t, ops.PortConfig{ReadAhead: limit, BufferSize: 1024})
	c, s := pair(t, p)
	arriveAhead(t, p, c, s, patterned(4*limit))
	waitStats(t, p, "the read-ahead is full", func(s ops.Stats) bool { return s.Buffers.Leased == limit/1024 })
	turnBy(t, p)
	require.Equal(t, limit/1024, p.Stats().Buffers.Leased, "the limit is exact")
	var check streamCheck
	j := newJob()
	j.SetBuffer(make([]byte, limit/2))
	check.take(j.atOnce(t, s.ReceiveAsync).Bytes())
	waitStats(t, p, "it is full again", func(s ops.Stats) bool { return s.Buffers.Leased == limit/1024 })
	for check.position < 4*limit {
		check.take(j.run(t, s.ReceiveAsync).Bytes())
	}
	check.require(t, 4*limit)
}

func TestNobodyReadsAheadOfAMultishotThatPaused(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := smallPair(t, p)
	j := newJob()
	j.Multishot = true
	j.pend(t, s.ReceiveAsync)
	s.Cancel(j.Op)
	require.False(t, j.wait(t).More())
	sent := fillUp(t, c)
	turnBy(t, p)
	require.Zero(t, p.Stats().Buffers.Leased)
	require.NoError(t, c.CloseWrite())
	var check streamCheck
	one := newJob()
	for one.run(t, s.ReceiveAsync).BytesTransferred() > 0 {
		check.take(one.Bytes())
	}
	check.require(t, sent)
}

func TestMultishotReceivesUntilTheEnd(t *testing.T) {
	length := megabytes(20)
	eachMode(t, func(t *testing.T, p *ops.Port) {
		c, s := pair(t, p)
		written := writeAll(c, patterned(length))
		var check streamCheck
		done := make(chan ops.SocketError, 1)
		op := ops.NewOp(func(op *ops.Op) {
			check.take(op.Bytes())
			if !op.More() {
				done <- op.SocketError()
			}
		})
		op.Multishot = true
		require.True(t, s.ReceiveAsync(op))
		require.NoError(t, await(t, written))
		require.NoError(t, c.CloseWrite())
		require.Equal(t, ops.Success, await(t, done))
		check.require(t, length)
		require.NoError(t, op.Close())
	})
}

func TestAMultishotThatIsCancelledAndStartedAgainLosesNothing(t *testing.T) {
	length := megabytes(30)
	eachMode(t, func(t *testing.T, p *ops.Port) {
		c, s := pair(t, p)
		written := writeAll(c, patterned(length))
		var check streamCheck
		restarts, pieces := 0, 0
		done := make(chan struct{})
		op := ops.NewOp(nil)
		op.Completed = func(op *ops.Op) {
			check.take(op.Bytes())
			pieces++
			switch {
			case op.More():
				if pieces%7 == 0 {
					s.Cancel(op)
				}
			case op.SocketError() == ops.OperationAborted:
				restarts++
				_ = s.ReceiveAsync(op)
			default:
				close(done)
			}
		}
		op.Multishot = true
		require.True(t, s.ReceiveAsync(op))
		require.NoError(t, await(t, written))
		require.NoError(t, c.CloseWrite())
		await(t, done)
		check.require(t, length)
		require.Positive(t, restarts)
		require.NoError(t, op.Close())
	})
}

func TestSinglesBetweenMultishotsLoseNothing(t *testing.T) {
	length := megabytes(20)
	eachMode(t, func(t *testing.T, p *ops.Port) {
		c, s := pair(t, p)
		written := writeAll(c, patterned(length))
		var check streamCheck
		done := make(chan struct{})
		multi, own, picked := ops.NewOp(nil), ops.NewOp(nil), ops.NewOp(nil)
		multi.Multishot = true
		own.SetBuffer(make([]byte, 30000))
		turnsOf := map[*ops.Op]*ops.Op{multi: own, own: picked, picked: multi}
		pieces := 0
		var handle func(*ops.Op)
		handle = func(op *ops.Op) {
			for {
				check.take(op.Bytes())
				if op.More() {
					if pieces++; pieces%5 == 0 {
						s.Cancel(op)
					}
					return
				}
				if op.BytesTransferred() == 0 && op.Err() == nil {
					close(done)
					return
				}
				op = turnsOf[op]
				if s.ReceiveAsync(op) {
					return
				}
			}
		}
		for op := range turnsOf {
			op.Completed = handle
		}
		require.True(t, s.ReceiveAsync(multi))
		require.NoError(t, await(t, written))
		require.NoError(t, c.CloseWrite())
		await(t, done)
		check.require(t, length)
		for op := range turnsOf {
			require.NoError(t, op.Close())
		}
	})
}

func TestAMultishotGetsEveryBufferThatWaitedInOneTurn(t *testing.T) {
	p := newPort(t, ops.PortConfig{BufferSize: 1024})
	c, s := pair(t, p)
	arriveAhead(t, p, c, s, patterned(16<<10))
	waitStats(t, p, "it is all there", func(s ops.Stats) bool { return s.Buffers.Leased == 16 })
	var check streamCheck
	var turns []uint64
	all := make(chan struct{})
	op := ops.NewOp(nil)
	op.Completed = func(op *ops.Op) {
		if !op.More() {
			return
		}
		check.take(op.Bytes())
		turns = append(turns, p.Stats().Turns)
		if check.position == 16<<10 {
			close(all)
		}
	}
	op.Multishot = true
	require.True(t, s.ReceiveAsync(op))
	await(t, all)
	require.NoError(t, s.Close())
	waitStats(t, p, "the op is idle", func(s ops.Stats) bool { return s.InFlight == 0 })
	require.Equal(t, turns[0], turns[len(turns)-1], "more would arrive than is taken, turn by turn")
}

func TestAnOpClosedWhileArmedEndsWithItsMultishot(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	j := newJob()
	j.Multishot = true
	j.pend(t, s.ReceiveAsync)
	require.NoError(t, j.Close())
	for range 3 {
		_, err := c.Write([]byte{1})
		require.NoError(t, err)
		j.wait(t)
	}
	require.NoError(t, c.Close())
	j.wait(t)
	require.False(t, j.More())
	require.False(t, s.ReceiveAsync(j.Op))
	require.ErrorIs(t, j.Err(), net.ErrClosed)
}

func TestReadAheadOfTheEndIsNotArmedAgain(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	turnBy(t, p)
	slots := p.Stats().Slots
	arriveAhead(t, p, c, s, []byte("x"))
	require.NoError(t, c.CloseWrite())
	waitStats(t, p, "the receive has ended", func(s ops.Stats) bool { return s.Slots == slots })
	j := newJob().atOnce(t, s.ReceiveAsync)
	require.Equal(t, "x", string(j.Bytes()))
	j.atOnce(t, s.ReceiveAsync)
	require.Zero(t, j.BytesTransferred())
}

package ops_test

import (
	"bytes"
	"net"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

func TestASendCompletesWithAllOfIt(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := smallPair(t, p)
	require.NoError(t, s.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 1) // the kernel makes it a few KB
	}))
	const length = 4 << 20
	j := newJob()
	j.SetBuffer(patterned(length))
	j.pend(t, s.SendAsync)
	require.Equal(t, ops.Send, j.LastOperation())
	var check streamCheck
	for check.position < length { // a slow reader
		check.take(readExactly(t, c, 1<<16))
	}
	check.require(t, length)
	j.wait(t)
	require.NoError(t, j.Err())
	require.Equal(t, length, j.BytesTransferred())
	require.Len(t, j.Buffer(), length)
	require.Nil(t, j.Bytes())
}

func TestAListOfLargePiecesIsSentWhole(t *testing.T) {
	const piece = 12<<20 + 345
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	all := patterned(5 * piece)
	received := readAll(c)
	j := newJob()
	var list [][]byte
	for i := range 5 {
		list = append(list, all[i*piece:(i+1)*piece], nil)
	}
	j.SetBufferList(list)
	j.run(t, s.SendAsync)
	require.NoError(t, j.Err())
	require.Equal(t, len(all), j.BytesTransferred())
	require.NoError(t, s.Close())
	got := await(t, received)
	require.NoError(t, got.err)
	require.True(t, bytes.Equal(all, got.data))
}

func TestAListMayHaveMorePiecesThanOneMessage(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	const pieces, size = 5000, 37
	all := patterned(pieces * size)
	var list [][]byte
	for i := range pieces {
		list = append(list, all[i*size:(i+1)*size])
	}
	received := readAll(c)
	j, behind := newJob(), newJob()
	j.SetBufferList(list)
	behind.SetBuffer([]byte("end"))
	onPort(t, p, func() { // both start in one turn
		s.SendAsync(j.Op)
		s.SendAsync(behind.Op)
	})
	require.Equal(t, len(all), j.wait(t).BytesTransferred())
	require.Equal(t, 3, behind.wait(t).BytesTransferred())
	require.NoError(t, s.Close())
	require.True(t, bytes.Equal(append(all, "end"...), await(t, received).data))
}

func TestSendsGoOutInTheirOrderAndNeverInterleave(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := smallPair(t, p)
	const sends, length = 60, 30000
	var order []int
	var done sync.WaitGroup
	done.Add(sends)
	for i := range sends {
		message := bytes.Repeat([]byte{byte(i)}, length)
		op := ops.NewOp(func(*ops.Op) {
			order = append(order, i)
			done.Done()
		})
		if i%3 == 0 {
			op.SetBufferList([][]byte{message[:1], message[1:2000], nil, message[2000:]})
		} else {
			op.SetBuffer(message)
		}
		require.True(t, s.SendAsync(op))
	}
	for i := range sends {
		require.Equal(t, bytes.Repeat([]byte{byte(i)}, length), readExactly(t, c, length), "send %d", i)
	}
	done.Wait()
	for i := range sends {
		require.Equal(t, i, order[i])
	}
}

func TestSendsFromManyGoroutinesStayWhole(t *testing.T) {
	for name, try := range map[string]bool{"queued": false, "tried first": true} {
		t.Run(name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{TrySend: try})
			c, s := smallPair(t, p)
			const senders, each, length = 6, 30, 7000
			for sender := range senders {
				go func() {
					done := make(chan struct{})
					op := ops.NewOp(func(*ops.Op) { done <- struct{}{} })
					message := bytes.Repeat([]byte{byte(sender)}, length)
					op.SetBuffer(message)
					for i := range each {
						message[0] = byte(i)
						if s.SendAsync(op) {
							<-done
						}
					}
				}()
			}
			var next [senders]byte
			for range senders * each {
				message := readExactly(t, c, length)
				sender := message[1]
				require.Equal(t, next[sender], message[0], "the messages of a goroutine come in its order")
				next[sender]++
				require.Equal(t, bytes.Repeat([]byte{sender}, length-1), message[1:])
			}
		})
	}
}

func TestSendsOfOneTurnShareARequest(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	const sends = 100
	all := jobs(sends)
	for i, j := range all {
		j.SetBuffer([]byte{byte(i)})
	}
	turnBy(t, p)
	before := p.Stats().Ring.SQEs
	onPort(t, p, func() {
		for _, j := range all {
			s.SendAsync(j.Op)
		}
	})
	for i, b := range readExactly(t, c, sends) {
		require.Equal(t, byte(i), b)
	}
	for _, j := range all {
		require.Equal(t, 1, j.wait(t).BytesTransferred())
	}
	turnBy(t, p)
	require.Equal(t, before+1, p.Stats().Ring.SQEs, "a request carries what one turn sends on a socket")
}

func TestSendsOfOneTurnFlowOverIntoFurtherRequests(t *testing.T) {
	p := newPort(t, ops.PortConfig{Entries: 1})
	const sockets, sends = 20, 150 // more pieces than the port's room for one submit
	type end struct {
		client *net.TCPConn
		socket *ops.Socket
		jobs   []*job
	}
	var ends []end
	for range sockets {
		c, s := pair(t, p)
		ends = append(ends, end{c, s, jobs(sends)})
	}
	onPort(t, p, func() {
		for _, e := range ends {
			for i, j := range e.jobs {
				j.SetBuffer([]byte{byte(i)})
				e.socket.SendAsync(j.Op)
			}
		}
	})
	for _, e := range ends {
		for i, b := range readExactly(t, e.client, sends) {
			require.Equal(t, byte(i), b)
		}
		for _, j := range e.jobs {
			require.NoError(t, j.wait(t).Err())
		}
	}
}

func TestASendOfNothingIsDoneWhenItsTurnComes(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := smallPair(t, p)
	empty := newJob().atOnce(t, s.SendAsync)
	require.NoError(t, empty.Err())
	require.Zero(t, empty.BytesTransferred())

	long, behind := newJob(), newJob()
	long.SetBuffer(patterned(2 << 20))
	behind.SetBufferList([][]byte{{}, nil})
	long.pend(t, s.SendAsync)
	behind.pend(t, s.SendAsync)
	require.Empty(t, behind.completed)
	require.Equal(t, patterned(2<<20), readExactly(t, c, 2<<20))
	require.NoError(t, long.wait(t).Err())
	require.NoError(t, behind.wait(t).Err())
	require.Zero(t, behind.BytesTransferred())
}

func TestASendIsRefusedWithItsReason(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	_, s := pair(t, p)
	l := listen(t, p, ops.ListenConfig{})
	own := []byte{1}
	both := newJob()
	both.SetBuffer(own)
	both.SetBufferList([][]byte{own})
	require.ErrorIs(t, both.atOnce(t, s.SendAsync).Err(), ops.ErrArgument)
	require.ErrorIs(t, newJob().atOnce(t, l.SendAsync).Err(), syscall.ENOTCONN)
	require.Panics(t, func() { s.SendAsync(nil) })
	require.NoError(t, s.Close())
	require.ErrorIs(t, newJob().atOnce(t, s.SendAsync).Err(), net.ErrClosed)
}

func TestDontWaitTakesWhatTheSocketTakesAtOnce(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := smallPair(t, p)
	const length = 16 << 20
	first, second, third := newJob(), newJob(), newJob()
	for _, j := range []*job{first, second, third} {
		j.DontWait = true
		j.SetBuffer(patterned(length))
	}
	third.DontWait = false
	onPort(t, p, func() {
		s.SendAsync(first.Op)
		s.SendAsync(second.Op)
		s.SendAsync(third.Op)
	})
	first.wait(t)
	require.Equal(t, ops.WouldBlock, first.SocketError())
	require.ErrorIs(t, first.Err(), syscall.EAGAIN)
	sent := first.BytesTransferred()
	require.Greater(t, sent, 0)
	require.Less(t, sent, length)
	second.wait(t)
	require.Equal(t, ops.WouldBlock, second.SocketError(), "it would overtake the rest of the first")
	require.Zero(t, second.BytesTransferred())
	require.NotZero(t, p.Stats().ShortSends)
	require.Equal(t, patterned(sent), readExactly(t, c, sent))
	require.Equal(t, patterned(length), readExactly(t, c, length))
	require.NoError(t, third.wait(t).Err())

	fits := newJob()
	fits.DontWait = true
	fits.SetBuffer([]byte("fits"))
	fits.run(t, s.SendAsync)
	require.NoError(t, fits.Err())
	require.Equal(t, "fits", string(readExactly(t, c, 4)))
}

func TestASendAfterAResetSaysSo(t *testing.T) {
	for name, try := range map[string]bool{"queued": false, "tried first": true} {
		t.Run(name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{TrySend: try})
			c, s := pair(t, p)
			watch := newJob().pend(t, s.ReceiveAsync)
			reset(t, c)
			require.Equal(t, ops.ConnectionReset, watch.wait(t).SocketError())
			for range 2 {
				j := newJob()
				j.SetBuffer([]byte("too late"))
				j.run(t, s.SendAsync)
				require.Contains(t, []ops.SocketError{ops.Shutdown, ops.ConnectionReset}, j.SocketError())
				require.Zero(t, j.BytesTransferred())
			}
			require.False(t, s.Connected())
		})
	}
}

func TestAResetEndsASendWithTheBytesThatWent(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := smallPair(t, p)
	const length = 8 << 20
	j, behind := newJob(), newJob()
	j.SetBuffer(patterned(length))
	behind.SetBuffer([]byte("never"))
	j.pend(t, s.SendAsync)
	behind.pend(t, s.SendAsync)
	readExactly(t, c, 100000)
	reset(t, c)
	j.wait(t)
	require.Contains(t, []ops.SocketError{ops.Shutdown, ops.ConnectionReset}, j.SocketError())
	require.Greater(t, j.BytesTransferred(), 100000)
	require.Less(t, j.BytesTransferred(), length)
	behind.wait(t)
	require.Contains(t, []ops.SocketError{ops.Shutdown, ops.ConnectionReset}, behind.SocketError())
	require.Zero(t, behind.BytesTransferred())
}

// asleep waits until the port's goroutine has nothing to do: the turns stand still, as they only do in a sleep.
func asleep(t testing.TB, p *ops.Port) {
	t.Helper()
	var turns uint64
	calm := 0
	waitStats(t, p, "the port sleeps", func(s ops.Stats) bool {
		if s.Turns != turns {
			turns, calm = s.Turns, 0
		}
		calm++
		return calm > 20
	})
}

func TestASleepingPortLetsTheCallerSend(t *testing.T) {
	p := newPort(t, ops.PortConfig{TrySend: true})
	c, s := pair(t, p)
	asleep(t, p)
	turns := p.Stats().Turns
	for _, set := range []func(*ops.Op){
		func(op *ops.Op) { op.SetBuffer([]byte("message")) },
		func(op *ops.Op) { op.SetBufferList([][]byte{[]byte("mess"), nil, []byte("age")}) },
	} {
		j := newJob()
		set(j.Op)
		j.atOnce(t, s.SendAsync)
		require.NoError(t, j.Err())
		require.Equal(t, 7, j.BytesTransferred())
		require.Equal(t, "message", string(readExactly(t, c, 7)))
	}
	require.EqualValues(t, 2, p.Stats().TrySends)
	require.Equal(t, turns, p.Stats().Turns, "it was not woken")
}

func TestWhatACallerCannotSendThePortSends(t *testing.T) {
	p := newPort(t, ops.PortConfig{TrySend: true})
	c, s := smallPair(t, p)
	asleep(t, p)
	const length = 5 << 20
	j, behind := newJob(), newJob()
	j.SetBuffer(patterned(length))
	behind.SetBuffer([]byte("behind"))
	j.pend(t, s.SendAsync)
	require.EqualValues(t, 1, p.Stats().TrySends)
	asleep(t, p)
	behind.pend(t, s.SendAsync)
	require.EqualValues(t, 1, p.Stats().TrySends, "it would overtake the rest")
	require.Equal(t, patterned(length), readExactly(t, c, length))
	require.Equal(t, "behind", string(readExactly(t, c, 6)))
	require.Equal(t, length, j.wait(t).BytesTransferred())
	require.NoError(t, behind.wait(t).Err())
}

func TestATriedSendWithDontWaitEndsAtOnce(t *testing.T) {
	p := newPort(t, ops.PortConfig{TrySend: true})
	c, s := smallPair(t, p)
	asleep(t, p)
	j := newJob()
	j.DontWait = true
	j.SetBuffer(patterned(16 << 20))
	j.atOnce(t, s.SendAsync)
	require.Equal(t, ops.WouldBlock, j.SocketError())
	n := j.BytesTransferred()
	require.Greater(t, n, 0)
	require.Equal(t, patterned(n), readExactly(t, c, n))
}

func TestASleepingPortWithoutTrySendIsWoken(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	asleep(t, p)
	j := newJob()
	j.SetBuffer([]byte("message"))
	j.pend(t, s.SendAsync).wait(t)
	require.NoError(t, j.Err())
	require.Equal(t, "message", string(readExactly(t, c, 7)))
	require.Zero(t, p.Stats().TrySends)
}

package ops_test

import (
	"bytes"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
)

// underWay is an operation that stays pending until somebody ends it.
type underWay struct {
	name  string
	start func(*testing.T, *ops.Port) (*ops.Socket, *job)
}

// operationsUnderWay lists one operation of every kind that can be pending, each way that it can be.
func operationsUnderWay() []underWay {
	own := func(op *ops.Op) { op.SetBuffer(make([]byte, 10)) }
	receive := func(set func(*ops.Op)) func(*testing.T, *ops.Port) (*ops.Socket, *job) {
		return func(t *testing.T, p *ops.Port) (*ops.Socket, *job) {
			_, s := pair(t, p)
			j := newJob()
			set(j.Op)
			return s, j.pend(t, s.ReceiveAsync)
		}
	}
	type starter = func(*ops.Socket) func(*ops.Op) bool
	datagram := func(start starter, set func(*ops.Op)) func(*testing.T, *ops.Port) (*ops.Socket, *job) {
		return func(t *testing.T, p *ops.Port) (*ops.Socket, *job) {
			s := datagramSocket(t, p, ipTransports()[0])
			j := newJob()
			set(j.Op)
			return s, j.pend(t, start(s))
		}
	}
	receiveFrom := func(s *ops.Socket) func(*ops.Op) bool { return s.ReceiveFromAsync }
	receiveMessageFrom := func(s *ops.Socket) func(*ops.Op) bool { return s.ReceiveMessageFromAsync }
	return []underWay{
		{"accept", func(t *testing.T, p *ops.Port) (*ops.Socket, *job) {
			l := listen(t, p, ops.ListenConfig{})
			return l, newJob().pend(t, l.AcceptAsync)
		}},
		{"accept, multishot", func(t *testing.T, p *ops.Port) (*ops.Socket, *job) {
			l := listen(t, p, ops.ListenConfig{})
			j := newJob()
			j.Multishot = true
			return l, j.pend(t, l.AcceptAsync)
		}},
		{"connect", connectToNobody},
		{"receive", receive(own)},
		{"receive, the kernel's buffer", receive(func(*ops.Op) {})},
		{"receive, a list", receive(func(op *ops.Op) { op.SetBufferList([][]byte{make([]byte, 1), make([]byte, 2)}) })},
		{"receive, zero length", receive(func(op *ops.Op) { op.SetBuffer([]byte{}) })},
		{"receive, multishot", receive(func(op *ops.Op) { op.Multishot = true })},
		{"receive from", datagram(receiveFrom, own)},
		{"receive from, zero length", datagram(receiveFrom, func(op *ops.Op) { op.SetBuffer([]byte{}) })},
		{"receive from, multishot", datagram(receiveFrom, func(op *ops.Op) { op.Multishot = true })},
		{"receive message from", datagram(receiveMessageFrom, func(*ops.Op) {})},
		{"send", func(t *testing.T, p *ops.Port) (*ops.Socket, *job) {
			_, s := smallPair(t, p)
			return s, largeSend(t, s)
		}},
		{"send, behind another", func(t *testing.T, p *ops.Port) (*ops.Socket, *job) {
			_, s := smallPair(t, p)
			largeSend(t, s)
			return s, largeSend(t, s)
		}},
		{"send packets, a file", func(t *testing.T, p *ops.Port) (*ops.Socket, *job) {
			_, s := smallPair(t, p)
			return s, largePackets(t, s, ops.ElementFile(testFile(t, 8<<20), 0, 0))
		}},
		{"send packets, memory", func(t *testing.T, p *ops.Port) (*ops.Socket, *job) {
			_, s := smallPair(t, p)
			return s, largePackets(t, s, ops.ElementMemory(make([]byte, 8<<20)))
		}},
		{"send packets, behind a send", func(t *testing.T, p *ops.Port) (*ops.Socket, *job) {
			_, s := smallPair(t, p)
			largeSend(t, s)
			return s, largePackets(t, s, ops.ElementFile(testFile(t, 8<<20), 0, 0))
		}},
		{"disconnect, behind a send", func(t *testing.T, p *ops.Port) (*ops.Socket, *job) {
			_, s := smallPair(t, p)
			largeSend(t, s)
			return s, newJob().pend(t, s.DisconnectAsync)
		}},
		{"send to", func(t *testing.T, p *ops.Port) (*ops.Socket, *job) {
			tr := transports()[2]
			s, full := datagramSocket(t, p, tr), datagramSocket(t, p, tr)
			fill := newJob()
			fill.SetBuffer([]byte("x"))
			fill.RemoteEndpoint = full.LocalEndpoint()
			fill.DontWait = true
			for fill.run(t, s.SendToAsync).Err() == nil {
			}
			j := newJob()
			j.SetBuffer([]byte("y"))
			j.RemoteEndpoint = full.LocalEndpoint()
			return s, j.pend(t, s.SendToAsync)
		}},
	}
}

// largeSend starts a send that does not end by itself.
func largeSend(t testing.TB, s *ops.Socket) *job {
	t.Helper()
	j := newJob()
	j.SetBuffer(make([]byte, 8<<20))
	return j.pend(t, s.SendAsync)
}

func largePackets(t testing.TB, s *ops.Socket, element ops.SendPacketsElement) *job {
	t.Helper()
	j := newJob()
	j.SetSendPacketsElements([]ops.SendPacketsElement{element})
	return j.pend(t, s.SendPacketsAsync)
}

// connectToNobody starts a connect that nobody answers.
func connectToNobody(t *testing.T, p *ops.Port) (*ops.Socket, *job) {
	s, err := p.NewSocket(ops.FamilyIPv4, ops.Stream)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	j := newJob()
	j.RemoteEndpoint = blackHole(t, "127.0.0.1", 0)
	return s, j.pend(t, s.ConnectAsync)
}

// 1.3.12, 2.6, U-15: whatever is pending ends with OperationAborted, once, whoever ends it and how far it has got.
func TestEveryPendingOperationEndsWithOperationAborted(t *testing.T) {
	ends := []struct {
		name   string
		end    func(p *ops.Port, s *ops.Socket, op *ops.Op)
		closed bool
	}{
		{"cancel", func(_ *ops.Port, s *ops.Socket, op *ops.Op) { s.Cancel(op) }, false},
		{"close", func(_ *ops.Port, s *ops.Socket, _ *ops.Op) { _ = s.Close() }, true},
		{"close of the port", func(p *ops.Port, _ *ops.Socket, _ *ops.Op) { _ = p.Close() }, true},
		{"cancel and close", func(_ *ops.Port, s *ops.Socket, op *ops.Op) { s.Cancel(op); _ = s.Close() }, false},
	}
	for name, ahead := range map[string]int{"read-ahead": 0, "one by one": -1} {
		for _, end := range ends {
			for _, operation := range operationsUnderWay() {
				for _, submitted := range []bool{true, false} {
					t.Run(name+" "+end.name+" "+operation.name, func(t *testing.T) {
						p := newPort(t, ops.PortConfig{ReadAhead: ahead})
						s, j := operation.start(t, p)
						if submitted {
							turnBy(t, p) // it is in the kernel
						}
						end.end(p, s, j.Op)
						j.wait(t)
						require.Equal(t, ops.OperationAborted, j.SocketError())
						require.ErrorIs(t, j.Err(), syscall.ECANCELED)
						require.False(t, j.More())
						require.Equal(t, s, j.Socket())
						if end.closed {
							require.ErrorIs(t, j.Err(), net.ErrClosed)
						} else {
							require.NotErrorIs(t, j.Err(), net.ErrClosed)
						}
						_ = s.Close()
						if end.name != "close of the port" {
							turnBy(t, p)
						}
						require.Empty(t, j.completed, "it has completed once")
						require.NoError(t, j.Close())
					})
				}
			}
		}
	}
}

// 1.3.12: a start on a closed socket is refused, and the op stays usable.
func TestEveryStartOnAClosedSocketIsRefused(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, open := pair(t, p)
	for _, typ := range []ops.SocketType{ops.Stream, ops.Dgram} {
		s, err := p.NewSocket(ops.FamilyIPv4, typ)
		require.NoError(t, err)
		require.NoError(t, s.Close())
		j := newJob()
		j.RemoteEndpoint = at(loopback4, 9)
		j.SetSendPacketsElements([]ops.SendPacketsElement{ops.ElementMemory([]byte("x"))})
		for operation, start := range map[ops.Operation]func(*ops.Op) bool{
			ops.Accept: s.AcceptAsync, ops.Connect: s.ConnectAsync, ops.Disconnect: s.DisconnectAsync,
			ops.Receive: s.ReceiveAsync, ops.ReceiveFrom: s.ReceiveFromAsync, ops.ReceiveMessageFrom: s.ReceiveMessageFromAsync,
			ops.Send: s.SendAsync, ops.SendPackets: s.SendPacketsAsync, ops.SendTo: s.SendToAsync,
		} {
			j.atOnce(t, start)
			require.ErrorIs(t, j.Err(), net.ErrClosed, operation)
			require.Equal(t, ops.OperationAborted, j.SocketError(), operation)
			require.Equal(t, operation, j.LastOperation())
			require.Zero(t, j.BytesTransferred())
		}
		j.SetBuffer([]byte("still good"))
		require.NoError(t, j.run(t, open.SendAsync).Err())
		require.Equal(t, "still good", string(readExactly(t, c, 10)))
	}
}

// T-152: an operation that was cancelled by a close resets the connection.
func TestThePeerOfAnAbortedOperationSeesAReset(t *testing.T) {
	for _, tr := range ipTransports() {
		for name, start := range map[string]func(testing.TB, *ops.Socket) *job{
			"receive": func(t testing.TB, s *ops.Socket) *job { return newJob().pend(t, s.ReceiveAsync) },
			"send":    largeSend,
		} {
			t.Run(tr.name+" "+name, func(t *testing.T) {
				p := newPort(t, ops.PortConfig{})
				client, server := couple(t, p, tr)
				j := start(t, server)
				turnBy(t, p)
				require.NoError(t, server.Close())
				require.Equal(t, ops.OperationAborted, j.wait(t).SocketError())
				r := newJob()
				r.SetBuffer(make([]byte, 1<<20))
				for r.run(t, client.ReceiveAsync).Err() == nil {
					require.NotZero(t, r.BytesTransferred(), "the end of the stream instead of a reset")
				}
				require.Equal(t, ops.ConnectionReset, r.SocketError())
			})
		}
	}
}

// T-153: with Shutdown before, the peer gets what was counted, then the end.
func TestThePeerOfAShutdownSeesTheEndThoughASendWasAborted(t *testing.T) {
	const size = 100 << 20
	data := make([]byte, size)
	for _, tr := range transports() {
		t.Run(tr.name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{})
			client, server := couple(t, p, tr)
			j := newJob()
			j.SetBuffer(data)
			j.pend(t, server.SendAsync)
			asleep(t, p)
			require.NoError(t, server.Shutdown(ops.ShutdownBoth))
			require.NoError(t, server.Close())
			require.Equal(t, ops.OperationAborted, j.wait(t).SocketError())
			sent := j.BytesTransferred()
			require.Greater(t, sent, 0)
			require.Less(t, sent, size)
			receiveAll(t, client, sent)
			require.Empty(t, receive(t, client, 1))
		})
	}
}

// 2.6: data, then the end, when nothing was pending.
func TestThePeerOfAnIdleCloseGetsTheDataAndTheEnd(t *testing.T) {
	eachCouple(t, func(t *testing.T, p *ops.Port, client, server *ops.Socket) {
		send(t, server, []byte("last words"))
		require.NoError(t, server.Close())
		require.Equal(t, "last words", string(receiveAll(t, client, 10)))
		require.Empty(t, receive(t, client, 1))
		require.Empty(t, receive(t, client, 1))
	})
}

// 2.6: Close(0) is abortive, also when nothing is pending.
func TestALingerOfZeroResets(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	require.NoError(t, s.SetLinger(0))
	require.NoError(t, s.Close())
	_, err := ending(c)
	require.ErrorIs(t, err, syscall.ECONNRESET)
}

// 2.6: Close(timeout) goes on with the sends that were started.
func TestALingerGoesOnWithTheSends(t *testing.T) {
	const size = 8 << 20
	p := newPort(t, ops.PortConfig{})
	c, s := smallPair(t, p)
	require.NoError(t, s.SetLinger(patience))
	j := newJob()
	j.SetBuffer(patterned(size))
	j.pend(t, s.SendAsync)
	packets := largePackets(t, s, ops.ElementFile(testFile(t, size), 0, 0))
	require.NoError(t, s.Close())
	data, err := ending(c)
	require.NoError(t, err)
	require.True(t, bytes.Equal(append(patterned(size), patterned(size)...), data))
	require.NoError(t, j.wait(t).Err())
	require.NoError(t, packets.wait(t).Err())
	require.Equal(t, size, packets.BytesTransferred())
}

// 2.6: and gives up when the time is over.
func TestALingerThatIsOverResets(t *testing.T) {
	const size = 8 << 20
	p := newPort(t, ops.PortConfig{})
	c, s := smallPair(t, p)
	require.NoError(t, s.SetLinger(time.Millisecond))
	j := newJob()
	j.SetBuffer(patterned(size))
	j.pend(t, s.SendAsync)
	require.NoError(t, s.Close())
	require.Equal(t, ops.OperationAborted, j.wait(t).SocketError())
	require.Less(t, j.BytesTransferred(), size)
	_, err := ending(c)
	require.ErrorIs(t, err, syscall.ECONNRESET)
}

// T-148, T-149: sends that race with a close succeed or say that it was closed; none hangs.
func TestSendsThatRaceWithACloseEndOneWayOrTheOther(t *testing.T) {
	for name, try := range map[string]bool{"queued": false, "tried first": true} {
		t.Run(name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{TrySend: try})
			for range 20 {
				c, s := pair(t, p)
				go func() { _, _ = io.Copy(io.Discard, c) }()
				var senders sync.WaitGroup
				started := make(chan struct{}, 4)
				for range 4 {
					senders.Go(func() {
						j := newJob()
						j.SetBuffer(make([]byte, 10_000))
						for first := true; ; first = false {
							if s.SendAsync(j.Op) {
								<-j.completed
							}
							if first {
								started <- struct{}{}
							}
							if j.Err() != nil {
								break
							}
						}
					})
				}
				await(t, started)
				require.NoError(t, s.Close())
				senders.Wait()
				_ = c.Close()
			}
		})
	}
}

// 1.3.12: the aborted op's completion comes on the port, after Close has returned or beside it, and the handler may
// start the op again elsewhere.
func TestAnAbortedOpMayBeStartedAgainInItsHandler(t *testing.T) {
	eachCouple(t, func(t *testing.T, p *ops.Port, client, server *ops.Socket) {
		done := make(chan ops.SocketError, 1)
		op := ops.NewOp(nil)
		op.SetBuffer(make([]byte, 5))
		op.Completed = func(op *ops.Op) {
			if op.SocketError() != ops.OperationAborted {
				done <- op.SocketError()
				return
			}
			op.Completed = func(op *ops.Op) { done <- op.SocketError() }
			if op.Socket() == server && !client.ReceiveAsync(op) {
				done <- op.SocketError()
			}
		}
		require.True(t, server.ReceiveAsync(op))
		require.NoError(t, server.Close())
		require.Contains(t, []ops.SocketError{ops.Success, ops.ConnectionReset}, await(t, done))
	})
}

// 1.0: an op that was closed while it was in flight completes as it would have, and is closed in its handler.
func TestAnOpClosedInFlightIsClosedInItsHandler(t *testing.T) {
	for _, operation := range operationsUnderWay() {
		t.Run(operation.name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{})
			s, j := operation.start(t, p)
			require.NoError(t, j.Close())
			require.NoError(t, j.Close(), "idempotent")
			turnBy(t, p)
			require.Empty(t, j.completed, "closing an op ends no operation")
			s.Cancel(j.Op)
			require.Equal(t, ops.OperationAborted, j.wait(t).SocketError())
			require.ErrorIs(t, j.atOnce(t, s.ReceiveAsync).Err(), net.ErrClosed)
		})
	}
}

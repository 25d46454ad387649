package ops_test

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/internal/sys"
	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/uring"
)

// everything does a bit of all that a port can do, and checks what comes of it.
func everything(t *testing.T, p *ops.Port) {
	t.Helper()
	const size = 200_000
	data, path := patterned(size), testFile(t, size)
	for _, tr := range transports() {
		client, server := couple(t, p, tr)
		for _, set := range []func(*job, []byte){
			func(j *job, b []byte) { j.SetBuffer(b) },
			func(j *job, b []byte) { j.SetBufferList(cut(b, 1000, 1, 70_000)) },
		} {
			j := newJob()
			set(j, data)
			pending := client.SendAsync(j.Op)
			require.True(t, bytes.Equal(data, receiveAll(t, server, size)))
			if pending {
				j.wait(t)
			}
			require.NoError(t, j.Err())
		}
		packets := newJob()
		packets.SetSendPacketsElements([]ops.SendPacketsElement{
			ops.ElementMemory(data[:100]), ops.ElementFile(path, 100, 0),
		})
		packets.pend(t, server.SendPacketsAsync)
		require.True(t, bytes.Equal(data, receiveAll(t, client, size)))
		require.NoError(t, packets.wait(t).Err())
		require.NoError(t, client.Shutdown(ops.ShutdownSend))
		require.Empty(t, receive(t, server, 10))

		from, to := datagramSocket(t, p, tr), datagramSocket(t, p, tr)
		m := newMultishot()
		require.True(t, to.ReceiveFromAsync(m.Op))
		for i := range 20 {
			sendTo(t, from, to.LocalEndpoint(), data[:i])
			got := m.next(t, i)
			require.Equal(t, ops.Success, got.err)
			require.Equal(t, from.LocalEndpoint(), got.from)
			require.Equal(t, string(data[:i]), string(got.data))
		}
		m.stop(t, to)
		j := newJob()
		for i := range 20 {
			j.SetBuffer(make([]byte, 30))
			j.pend(t, to.ReceiveFromAsync)
			sendTo(t, from, to.LocalEndpoint(), data[:i])
			require.NoError(t, j.wait(t).Err())
			require.Equal(t, string(data[:i]), string(j.Bytes()))
		}
		for _, s := range []*ops.Socket{client, server, from, to} {
			require.NoError(t, s.Close())
		}
	}
}

// eachReadAheadMode runs a test on a port with read-ahead and on one without.
func eachReadAheadMode(t *testing.T, cfg ops.PortConfig, test func(t *testing.T, p *ops.Port)) {
	for name, ahead := range map[string]int{"read-ahead": 0, "one by one": -1} {
		t.Run(name, func(t *testing.T) {
			cfg.ReadAhead = ahead
			test(t, newPort(t, cfg))
		})
	}
}

// U-01: whatever the kernel puts off is asked for again.
func TestARequestThatThePortIsToTryAgainIsTriedAgain(t *testing.T) {
	opcodes := map[string]uint8{
		"send": sys.IORING_OP_SEND, "sendmsg": sys.IORING_OP_SENDMSG, "recv": sys.IORING_OP_RECV,
		"recvmsg": sys.IORING_OP_RECVMSG, "accept": sys.IORING_OP_ACCEPT, "splice": sys.IORING_OP_SPLICE,
	}
	for name, opcode := range opcodes {
		for _, errno := range []syscall.Errno{syscall.EAGAIN, syscall.EINTR} {
			t.Run(name+" "+errno.Error(), func(t *testing.T) {
				eachReadAheadMode(t, ops.WithFaults(ops.PortConfig{}, errno, opcode), everything)
			})
		}
	}
}

// U-02: a receive or an accept that the kernel has given up, though nobody asked for that, is armed again.
func TestARequestThatTheKernelGaveUpIsMadeAgain(t *testing.T) {
	for name, opcode := range map[string]uint8{
		"recv": sys.IORING_OP_RECV, "recvmsg": sys.IORING_OP_RECVMSG, "accept": sys.IORING_OP_ACCEPT,
	} {
		t.Run(name, func(t *testing.T) {
			eachReadAheadMode(t, ops.WithFaults(ops.PortConfig{}, syscall.ECANCELED, opcode), everything)
		})
	}
}

// failEnters makes every n-th enter fail with an errno, until restore.
func failEnters(n uint64, errno syscall.Errno) (restore func()) {
	var count atomic.Uint64
	return sys.Inject(&sys.Calls{Enter: func(int, uint32, uint32, uint32) (int, syscall.Errno) {
		if count.Add(1)%n == 0 {
			return 0, errno
		}
		return 0, sys.PassThrough
	}})
}

// U-02: what passes is waited out.
func TestAnEnterThatFailsForTheMomentLosesNothing(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EINTR, syscall.EBUSY, syscall.EAGAIN} {
		t.Run(errno.Error(), func(t *testing.T) {
			p := racePort(t, ops.PortConfig{})
			restore := failEnters(3, errno)
			defer restore()
			everything(t, p)
		})
	}
}

// U-03: a ring that is lost ends everything, once, and says why; nothing hangs, and nothing is left.
func TestALostRingEndsEveryOperation(t *testing.T) {
	for _, submitted := range []bool{true, false} {
		for _, operation := range operationsUnderWay() {
			t.Run(operation.name, func(t *testing.T) {
				ringtest.Require(t)
				ringtest.Descriptors(t)
				p, err := ops.NewPort(ops.PortConfig{})
				require.NoError(t, err)
				s, j := operation.start(t, p)
				if submitted {
					turnBy(t, p)
				}
				restore := failEnters(1, syscall.EPERM)
				defer restore()
				_ = p.Post(func() {}) // whoever sleeps enters again
				j.wait(t)
				require.Equal(t, ops.OperationAborted, j.SocketError())
				require.ErrorIs(t, j.Err(), net.ErrClosed)
				await(t, p.Done())
				require.ErrorIs(t, p.Err(), syscall.EPERM)
				require.ErrorIs(t, p.Close(), syscall.EPERM)
				require.Empty(t, j.completed, "it has completed once")
				require.ErrorIs(t, newJob().atOnce(t, s.ReceiveAsync).Err(), net.ErrClosed)
				require.ErrorIs(t, p.Post(func() {}), net.ErrClosed)
				stats := p.Stats()
				require.Zero(t, stats.InFlight+stats.Sockets+stats.Buffers.Leased, "%+v", stats)
			})
		}
	}
}

// U-05: a kernel without rings says what is missing.
func TestAPortWithoutARingSaysWhy(t *testing.T) {
	ringtest.Require(t)
	for _, errno := range []syscall.Errno{syscall.ENOSYS, syscall.EPERM} {
		ringtest.Descriptors(t)
		restore := sys.Inject(&sys.Calls{Setup: func(uint32, *sys.Params) (int, syscall.Errno) { return -1, errno }})
		p, err := ops.NewPort(ops.PortConfig{})
		restore()
		require.Nil(t, p)
		require.ErrorIs(t, err, errno)
		var setup *uring.SetupError
		require.ErrorAs(t, err, &setup)
	}
}

// U-07: everything works with the smallest queues there are, and with few buffers.
func TestTheSmallestQueuesLoseNothing(t *testing.T) {
	smallest := func(c *uring.Config) { c.Entries, c.CQEntries = 1, 2 }
	noMultishot := func(f *uring.Features) { f.MultishotReceive = false }
	one := ops.PortConfig{Entries: 1, Buffers: 1, BufferSize: 512, SyncBudget: 1}
	for name, cfg := range map[string]ops.PortConfig{
		"one entry":              {Entries: 1},
		"two completions":        ops.WithRing(ops.PortConfig{Entries: 1}, smallest),
		"one buffer":             {Buffers: 1, BufferSize: 512},
		"one of everything":      ops.WithRing(one, smallest),
		"without multishot":      ops.WithFeatures(ops.PortConfig{}, noMultishot),
		"tried before submitted": {TrySend: true, Entries: 1},
	} {
		t.Run(name, func(t *testing.T) { eachReadAheadMode(t, cfg, everything) })
	}
}

// U-07: more ops at a time than the queue has entries.
func TestMoreOpsThanEntriesAllComplete(t *testing.T) {
	const sockets = 100
	smallest := func(c *uring.Config) { c.Entries, c.CQEntries = 2, 4 }
	p := racePort(t, ops.WithRing(ops.PortConfig{Entries: 2}, smallest))
	var clients, servers []*ops.Socket
	for range sockets {
		a, b := associated(t, p, syscall.SOCK_STREAM)
		clients, servers = append(clients, a), append(servers, b)
	}
	receives, sends := jobs(sockets), jobs(sockets)
	onPort(t, p, func() {
		for i := range sockets {
			receives[i].SetBuffer(make([]byte, 10))
			servers[i].ReceiveAsync(receives[i].Op)
			sends[i].SetBuffer([]byte{byte(i)})
			clients[i].SendAsync(sends[i].Op)
		}
	})
	for i := range sockets {
		require.NoError(t, sends[i].wait(t).Err())
		require.Equal(t, []byte{byte(i)}, receives[i].wait(t).Bytes())
	}
	onPort(t, p, func() {
		for i := range sockets {
			servers[i].ReceiveAsync(receives[i].Op)
		}
	})
	turnBy(t, p)
	onPort(t, p, func() {
		for i := range sockets {
			servers[i].Cancel(receives[i].Op)
			_ = clients[i].Close()
			_ = servers[i].Close()
		}
	})
	for _, j := range receives {
		require.Equal(t, ops.OperationAborted, j.wait(t).SocketError())
	}
}

// U-08, U-09: an accept that was armed long ago still completes, round after round.
func TestAnAcceptOutlivesALongIdleTime(t *testing.T) {
	for name, cfg := range map[string]ops.ListenConfig{"accept-ahead": {}, "one by one": {AcceptAhead: -1}} {
		for _, multi := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				p := newPort(t, ops.PortConfig{})
				l := listen(t, p, cfg)
				accepted := make(chan *ops.Socket, 100)
				op := ops.NewOp(func(op *ops.Op) {
					if op.Err() == nil {
						accepted <- op.AcceptSocket
					}
				})
				op.Multishot = multi
				require.True(t, l.AcceptAsync(op))
				for range 10 {
					asleep(t, p)
					c := dial(t, l)
					s := await(t, accepted)
					send(t, s, []byte("hello"))
					require.Equal(t, "hello", string(readExactly(t, c, 5)))
					require.NoError(t, s.Close())
					if !multi {
						onPort(t, p, func() { op.AcceptSocket = nil })
						require.True(t, l.AcceptAsync(op))
					}
				}
				require.NoError(t, l.Close())
			})
		}
	}
}

// U-12, U-13: cancelling one op leaves those of other sockets alone, whatever they share.
func TestACancelReachesNobodyElse(t *testing.T) {
	for name, operation := range map[string]func(s *ops.Socket) func(*ops.Op) bool{
		"receive":      func(s *ops.Socket) func(*ops.Op) bool { return s.ReceiveAsync },
		"receive from": func(s *ops.Socket) func(*ops.Op) bool { return s.ReceiveFromAsync },
	} {
		for _, typ := range []int{syscall.SOCK_STREAM, syscall.SOCK_DGRAM} {
			t.Run(name, func(t *testing.T) {
				eachReadAheadMode(t, ops.PortConfig{}, func(t *testing.T, p *ops.Port) {
					const sockets = 50
					var peers, mine []*ops.Socket
					all := jobs(sockets)
					for _, j := range all {
						a, b := associated(t, p, typ)
						peers, mine = append(peers, a), append(mine, b)
						j.pend(t, operation(b))
					}
					turnBy(t, p)
					for i := 0; i < sockets; i += 2 {
						mine[i].Cancel(all[i].Op)
					}
					for i, j := range all {
						if i%2 == 0 {
							require.Equal(t, ops.OperationAborted, j.wait(t).SocketError())
							continue
						}
						require.Empty(t, j.completed)
						send(t, peers[i], []byte("well"))
						require.NoError(t, j.wait(t).Err())
						require.Equal(t, "well", string(j.Bytes()))
						require.NoError(t, j.Close())
					}
				})
			})
		}
	}
}

// U-15, U-16: closing both ends while both wait.
func TestClosingBothEndsEndsBothReceives(t *testing.T) {
	eachCouple(t, func(t *testing.T, p *ops.Port, client, server *ops.Socket) {
		a, b := newJob().pend(t, client.ReceiveAsync), newJob().pend(t, server.ReceiveAsync)
		turnBy(t, p)
		require.NoError(t, client.Close())
		require.NoError(t, server.Close())
		require.Equal(t, ops.OperationAborted, a.wait(t).SocketError())
		ends := []ops.SocketError{ops.OperationAborted, ops.ConnectionReset, ops.Success}
		require.Contains(t, ends, b.wait(t).SocketError())
		waitStats(t, p, "both are gone", func(s ops.Stats) bool { return s.Sockets == 0 })
	})
}

// U-17, U-18: many connections, many cancels, from many goroutines: nobody hangs, and nobody gets another's data.
func TestAStormOfCancelsMixesNothingUp(t *testing.T) {
	const sockets, rounds = 16, 200
	for name, ahead := range map[string]int{"read-ahead": 0, "one by one": -1} {
		t.Run(name, func(t *testing.T) {
			p := racePort(t, ops.PortConfig{ReadAhead: ahead})
			var all sync.WaitGroup
			var wrong atomic.Int32
			for i := range sockets {
				peer, s := associated(t, p, syscall.SOCK_STREAM)
				all.Go(func() {
					want, out, in := byte(i), newJob(), newJob()
					in.SetBuffer(make([]byte, 1))
					out.SetBuffer([]byte{want})
					for range rounds {
						for got := 0; got == 0; { // until the byte has come, whatever was cancelled
							pending := s.ReceiveAsync(in.Op)
							if len(out.completed) == 0 && out.LastOperation() == ops.None {
								if peer.SendAsync(out.Op) {
									<-out.completed
								}
							}
							s.Cancel(in.Op)
							if pending {
								<-in.completed
							}
							if got = in.BytesTransferred(); got > 0 && in.Bytes()[0] != want {
								wrong.Add(1)
							}
						}
						_ = out.Close()
						out = newJob()
						out.SetBuffer([]byte{want})
					}
				})
			}
			all.Wait()
			require.Zero(t, wrong.Load())
		})
	}
}

// U-19: completions that find no room in the queue come later; what was armed goes on, and no slot gets another's.
func TestAnOverflowOfDatagramsAndAcceptsLosesNothing(t *testing.T) {
	const count = 100
	small := func(c *uring.Config) { c.Entries, c.CQEntries = 4, 4 }
	p := racePort(t, ops.WithRing(ops.PortConfig{Entries: 4, BufferSize: 512}, small))
	tr := ipTransports()[0]
	to := datagramSocket(t, p, tr)
	require.NoError(t, to.SetReceiveBuffer(1<<20))
	m := newMultishot()
	require.True(t, to.ReceiveFromAsync(m.Op))
	l := listen(t, p, ops.ListenConfig{})
	accepted := make(chan *ops.Socket, count)
	accept := ops.NewOp(func(op *ops.Op) {
		if op.Err() == nil {
			accepted <- op.AcceptSocket
		}
	})
	accept.Multishot = true
	require.True(t, l.AcceptAsync(accept))
	turnBy(t, p)
	busy, free := make(chan struct{}), make(chan struct{})
	require.NoError(t, p.Post(func() {
		close(busy)
		<-free
	}))
	await(t, busy)
	from, err := net.Dial("udp", to.LocalEndpoint().String())
	require.NoError(t, err)
	defer from.Close()
	for i := range count {
		_, err := from.Write([]byte{byte(i)})
		require.NoError(t, err)
		dial(t, l)
	}
	close(free)
	for i := range count {
		got := m.next(t, i)
		require.Equal(t, []byte{byte(i)}, got.data)
		require.Equal(t, ops.Success, got.err)
	}
	for range count {
		require.NoError(t, await(t, accepted).Close())
	}
	m.stop(t, to)
	require.NoError(t, l.Close())
	require.NotZero(t, p.Stats().Ring.Overflows)
}

package ops_test

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/ops"
)

// A race is run in batches: two goroutines go over the same sockets side by side, one step each, while the port's works
// off what they have started.
const raceBatch = 128

// round is one run of a race: a socket of the port, and the other end of its connection as a plain descriptor.
type round struct {
	number int
	s      *ops.Socket
	peer   int // -1: none
	op     *ops.Op
	batch  *sync.WaitGroup

	pending     bool
	completions atomic.Int32 // that said so: no more will come
	bytes       int          // of all completions
	result      ops.SocketError
	accepted    *ops.Socket
	failure     string // what a contender has seen wrong
}

// race is what two contenders do to each round, and what must be true of it afterwards.
type race struct {
	prepare func(t *testing.T, p *ops.Port, r *round)
	act     func(r *round)
	end     func(r *round)
	verify  func(t *testing.T, r *round)
}

// run runs a race often enough on one port.
func (c race) run(t *testing.T, cfg ops.PortConfig, total int) {
	t.Helper()
	if testing.Short() {
		total = min(total, 2000)
	}
	p := racePort(t, cfg)
	started, completed := 0, 0
	tally := map[ops.SocketError]int{}
	for done := 0; done < total; done += raceBatch {
		rounds, batch := make([]round, raceBatch), new(sync.WaitGroup)
		for i := range rounds {
			r := &rounds[i]
			r.number, r.peer, r.batch = done+i, -1, batch
			r.op = ops.NewOp(r.completed)
			batch.Add(1)
			c.prepare(t, p, r)
		}
		contend(rounds, c.act, c.end, lags[done/raceBatch%len(lags)])
		finished := make(chan struct{})
		go func() {
			batch.Wait()
			close(finished)
		}()
		select {
		case <-finished:
		case <-time.After(patience):
			t.Fatalf("a round hangs: %+v", p.Stats())
		}
		for i := range rounds {
			r := &rounds[i]
			c.verify(t, r)
			require.Empty(t, r.failure, "round %d", r.number)
			if r.pending {
				started++
			}
			completed += int(r.completions.Load())
			tally[r.result]++
			r.leave()
		}
	}
	waitStats(t, p, "all is closed", func(s ops.Stats) bool { return s.InFlight == 0 && s.Sockets == 0 })
	turnBy(t, p)
	require.Equal(t, started, completed, "ops that were pending, and completions")
	t.Logf("%d pending, results: %v", started, tally)
}

// racePort gives a port that is held to less than newPort's: a cancel that meets the end of its request may wake the
// port for nothing.
func racePort(t *testing.T, cfg ops.PortConfig) *ops.Port {
	t.Helper()
	ringtest.Require(t)
	ringtest.Descriptors(t)
	p, err := ops.NewPort(cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, p.Close())
		s := p.Stats()
		require.Zero(t, s.InFlight+s.Sockets+s.Slots+s.Starved+s.Blocked+s.Timers+s.Buffers.Leased, "%+v", s)
		require.Zero(t, s.Stale, "a completion found nobody")
		require.Less(t, s.Ring.EmptyPairs, 10+s.Ring.Enters/100, "the port spun: %+v", s.Ring)
	})
	return p
}

// lags are how many rounds the one that ends things is behind, batch by batch: the races are decided differently.
var lags = []int{0, 1, 2, 4, 0, 8, 16, 32, 64, raceBatch}

// contend runs both contenders over the rounds, side by side, the second so many rounds behind.
func contend(rounds []round, act, end func(*round), lag int) {
	var reached [2]atomic.Int32
	var both sync.WaitGroup
	side := func(me int, step func(i int)) {
		for i := range len(rounds) + lag {
			reached[me].Store(int32(i + 1))
			for reached[1-me].Load() < int32(i) { // at most one step ahead
				runtime.Gosched()
			}
			step(i)
		}
	}
	both.Go(func() {
		side(0, func(i int) {
			if i < len(rounds) {
				act(&rounds[i])
			}
		})
	})
	both.Go(func() {
		side(1, func(i int) {
			if i < lag {
				return
			}
			for range lag / 2 {
				runtime.Gosched() // to the port, too
			}
			end(&rounds[i-lag])
		})
	})
	both.Wait()
}

// completed is the op's handler.
func (r *round) completed(op *ops.Op) {
	r.note(op)
	if op.More() {
		return
	}
	if r.completions.Add(1) == 1 {
		r.batch.Done()
	}
}

func (r *round) note(op *ops.Op) {
	r.bytes += op.BytesTransferred()
	r.result = op.SocketError()
	if op.AcceptSocket != nil { // the last completion of a multishot accept has none
		r.accepted = op.AcceptSocket
	}
}

// start starts the op and notes what came of it.
func (r *round) start(start func(*ops.Op) bool) {
	if start(r.op) {
		r.pending = true
		return
	}
	r.note(r.op)
	r.batch.Done()
}

// once checks that a start had one result.
func (r *round) once(t *testing.T, allowed ...ops.SocketError) {
	t.Helper()
	want := int32(0)
	if r.pending {
		want = 1
	}
	require.Equal(t, want, r.completions.Load(), "completions in round %d", r.number)
	require.Contains(t, allowed, r.result, "round %d", r.number)
}

// leave closes what the round has left open.
func (r *round) leave() {
	_ = r.op.Close()
	if r.s != nil {
		_ = r.s.Close()
	}
	if r.accepted != nil {
		_ = r.accepted.Close()
	}
	if r.peer >= 0 {
		_ = unix.Close(r.peer)
	}
}

// closePeer ends the connection from the other side.
func (r *round) closePeer() {
	_ = unix.Close(r.peer)
	r.peer = -1
}

// connected gives a round a connection. before runs while both ends are plain descriptors.
func (r *round) connected(t *testing.T, p *ops.Port, before func(mine, peer int)) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	if before != nil {
		before(fds[0], fds[1])
	}
	r.peer = fds[1]
	r.s, err = p.Associate(fds[0])
	require.NoError(t, err)
}

// memory gives the op one of all the kinds of memory for a receive.
func (r *round) memory() {
	switch r.number % 4 {
	case 0:
		r.op.SetBuffer(make([]byte, 16))
	case 1: // the kernel picks
	case 2:
		r.op.SetBufferList([][]byte{make([]byte, 3), make([]byte, 13)})
	case 3:
		r.op.Multishot = true
	}
}

// write writes to the other end.
func (r *round) write(data string) {
	n, err := unix.Write(r.peer, []byte(data))
	gone := errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.ECONNREFUSED)
	if !gone && n != len(data) {
		r.failure = fmt.Sprintf("the peer wrote %d of %d bytes: %v", n, len(data), err)
	}
}

// eachReadAhead runs half of a race's rounds with read-ahead, half without.
func (c race) eachReadAhead(t *testing.T) {
	for name, ahead := range map[string]int{"read-ahead": 0, "one by one": -1} {
		t.Run(name, func(t *testing.T) { c.run(t, ops.PortConfig{ReadAhead: ahead}, raceRounds/2) })
	}
}

// Close against receive, with data under way in every other round.
func TestCloseRacesWithReceive(t *testing.T) {
	race{
		prepare: func(t *testing.T, p *ops.Port, r *round) {
			r.connected(t, p, nil)
			r.memory()
		},
		act: func(r *round) {
			r.start(r.s.ReceiveAsync)
			if r.number%2 == 0 {
				r.write("data")
			}
		},
		end: func(r *round) { _ = r.s.Close() },
		verify: func(t *testing.T, r *round) {
			if r.op.Multishot {
				r.once(t, ops.OperationAborted)
			} else {
				r.once(t, ops.OperationAborted, ops.Success)
			}
			require.Contains(t, []int{0, 4}, r.bytes)
		},
	}.eachReadAhead(t)
}

// Close against send. What was counted is what the peer gets, to the byte.
func TestCloseRacesWithSend(t *testing.T) {
	small, large := patterned(100), patterned(1<<20)
	buffer := make([]byte, 1<<20)
	for name, try := range map[string]bool{"queued": false, "tried first": true} {
		t.Run(name, func(t *testing.T) {
			race{
				prepare: func(t *testing.T, p *ops.Port, r *round) {
					r.connected(t, p, nil)
					switch {
					case r.number%64 == 1:
						r.op.SetBuffer(large)
					case r.number%2 == 0:
						r.op.SetBuffer(small)
					default:
						r.op.SetBufferList([][]byte{small[:10], nil, small[10:]})
					}
				},
				act: func(r *round) { r.start(r.s.SendAsync) },
				end: func(r *round) { _ = r.s.Close() },
				verify: func(t *testing.T, r *round) {
					r.once(t, ops.OperationAborted, ops.Success)
					got := 0
					for {
						n, err := unix.Read(r.peer, buffer[got:])
						if n <= 0 {
							require.NoError(t, err)
							break
						}
						got += n
					}
					require.Equal(t, got, r.bytes, "round %d: %v", r.number, r.result)
					if r.result == ops.Success {
						require.Contains(t, []int{len(small), len(large)}, got)
					}
				},
			}.run(t, ops.PortConfig{TrySend: try}, raceRounds/2)
		})
	}
}

// Close against accept, with a client under way in every other round.
func TestCloseRacesWithAccept(t *testing.T) {
	prefix := "@ringport-race-" + strconv.Itoa(unix.Getpid()) + "-"
	race{
		prepare: func(t *testing.T, p *ops.Port, r *round) {
			name := prefix + strconv.Itoa(r.number)
			l, err := p.Listen(ops.UnixEndpoint(name), ops.ListenConfig{AcceptAhead: r.number%3 - 1})
			require.NoError(t, err)
			r.s = l
			r.op.Multishot = r.number%5 == 4
			if r.number%2 == 0 {
				r.peer, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
				require.NoError(t, err)
				r.op.UserToken = &unix.SockaddrUnix{Name: name}
			}
		},
		act: func(r *round) {
			r.start(r.s.AcceptAsync)
			if r.peer < 0 {
				return
			}
			err := unix.Connect(r.peer, r.op.UserToken.(unix.Sockaddr))
			if err != nil && err != unix.ECONNREFUSED { // the listener was closed before
				r.failure = "connect: " + err.Error()
			}
		},
		end: func(r *round) { _ = r.s.Close() },
		verify: func(t *testing.T, r *round) {
			if r.op.Multishot {
				r.once(t, ops.OperationAborted)
				return
			}
			r.once(t, ops.OperationAborted, ops.Success)
			require.Equal(t, r.result == ops.Success, r.accepted != nil)
		},
	}.run(t, ops.PortConfig{}, raceRounds)
}

// Close against connect.
func TestCloseRacesWithConnect(t *testing.T) {
	address := resettingServer(t)
	race{
		prepare: func(t *testing.T, p *ops.Port, r *round) {
			s, err := p.NewSocket(ops.FamilyIPv4, ops.Stream)
			require.NoError(t, err)
			r.s = s
			r.op.RemoteEndpoint = address
			if r.number%2 == 0 {
				r.op.SetBuffer([]byte("initial data"))
			}
		},
		act: func(r *round) { r.start(r.s.ConnectAsync) },
		end: func(r *round) { _ = r.s.Close() },
		verify: func(t *testing.T, r *round) {
			r.once(t, ops.OperationAborted, ops.Success, ops.ConnectionReset, ops.Shutdown, ops.ConnectionRefused)
		},
	}.run(t, ops.PortConfig{}, raceRounds)
}

// resettingServer takes connections and resets them, so that none of them occupies its port for a minute.
func resettingServer(t *testing.T) ops.Endpoint {
	t.Helper()
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	raw, err := l.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptLinger(int(fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}) // inherited
	}))
	var served sync.WaitGroup
	served.Go(func() {
		_ = raw.Read(func(fd uintptr) bool {
			for {
				switch c, _, err := unix.Accept4(int(fd), unix.SOCK_CLOEXEC); err {
				case nil:
					_ = unix.Close(c)
				case syscall.EINTR, syscall.ECONNABORTED:
				default:
					return err != syscall.EAGAIN
				}
			}
		})
	})
	t.Cleanup(func() {
		_ = l.Close()
		served.Wait()
	})
	return ops.IPEndpoint(l.Addr().(*net.TCPAddr).AddrPort())
}

// Cancel against data. What the op does not tell the next one does: nothing is lost.
func TestCancelRacesWithData(t *testing.T) {
	race{
		prepare: func(t *testing.T, p *ops.Port, r *round) {
			r.connected(t, p, nil)
			r.memory()
			r.start(r.s.ReceiveAsync)
		},
		act: func(r *round) { r.write("data") },
		end: func(r *round) { r.s.Cancel(r.op) },
		verify: func(t *testing.T, r *round) {
			r.once(t, ops.OperationAborted, ops.Success)
			if r.bytes == 0 {
				next := newJob()
				next.SetBuffer(make([]byte, 16))
				require.NoError(t, next.run(t, r.s.ReceiveAsync).Err())
				require.Equal(t, "data", string(next.Bytes()))
			} else {
				require.Equal(t, 4, r.bytes)
			}
		},
	}.eachReadAhead(t)
}

// Cancel against the end of the stream, which the next receive sees again.
func TestCancelRacesWithTheEnd(t *testing.T) {
	race{
		prepare: func(t *testing.T, p *ops.Port, r *round) {
			r.connected(t, p, nil)
			r.memory()
			r.start(r.s.ReceiveAsync)
		},
		act: func(r *round) { r.closePeer() },
		end: func(r *round) { r.s.Cancel(r.op) },
		verify: func(t *testing.T, r *round) {
			r.once(t, ops.OperationAborted, ops.Success)
			require.Zero(t, r.bytes)
			next := newJob()
			next.SetBuffer(make([]byte, 16))
			require.NoError(t, next.run(t, r.s.ReceiveAsync).Err())
			require.Zero(t, next.BytesTransferred())
		},
	}.eachReadAhead(t)
}

// Cancel against a reset, which is told once, by this op or by the next.
func TestCancelRacesWithAReset(t *testing.T) {
	race{
		prepare: func(t *testing.T, p *ops.Port, r *round) {
			r.connected(t, p, func(mine, _ int) { // what the peer has not read when it closes is a reset
				_, err := unix.Write(mine, []byte("unread"))
				require.NoError(t, err)
			})
			r.memory()
			r.start(r.s.ReceiveAsync)
		},
		act: func(r *round) { r.closePeer() },
		end: func(r *round) { r.s.Cancel(r.op) },
		verify: func(t *testing.T, r *round) {
			r.once(t, ops.OperationAborted, ops.ConnectionReset)
			require.Zero(t, r.bytes)
			next := newJob()
			next.SetBuffer(make([]byte, 16))
			next.run(t, r.s.ReceiveAsync)
			require.Zero(t, next.BytesTransferred())
			require.Contains(t, []ops.SocketError{ops.ConnectionReset, ops.Success}, next.SocketError())
		},
	}.eachReadAhead(t)
}

// Op.Close against completion: it completes as it would have, and is closed afterwards.
func TestOpCloseRacesWithCompletion(t *testing.T) {
	race{
		prepare: func(t *testing.T, p *ops.Port, r *round) {
			r.connected(t, p, nil)
			r.memory()
			r.op.Multishot = false // it would go on
			r.start(r.s.ReceiveAsync)
		},
		act: func(r *round) { r.write("data") },
		end: func(r *round) { _ = r.op.Close() },
		verify: func(t *testing.T, r *round) {
			r.once(t, ops.Success)
			require.Equal(t, 4, r.bytes)
			require.False(t, r.s.ReceiveAsync(r.op))
			require.ErrorIs(t, r.op.Err(), net.ErrClosed)
		},
	}.eachReadAhead(t)
}

// Op.Close against the start: one of them is first, and the op completes if it was started.
func TestOpCloseRacesWithTheStart(t *testing.T) {
	race{
		prepare: func(t *testing.T, p *ops.Port, r *round) {
			r.connected(t, p, func(_, peer int) {
				_, err := unix.Write(peer, []byte("data"))
				require.NoError(t, err)
			})
			r.op.SetBuffer(make([]byte, 16))
		},
		act: func(r *round) { r.start(r.s.ReceiveAsync) },
		end: func(r *round) { _ = r.op.Close() },
		verify: func(t *testing.T, r *round) {
			r.once(t, ops.Success, ops.OperationAborted)
			if r.pending {
				require.Equal(t, ops.Success, r.result)
				require.Equal(t, 4, r.bytes)
			}
		},
	}.eachReadAhead(t)
}

// Close against SendPackets and against datagrams: descriptors and the requests of single datagrams are handed over
// just as carefully. These have more system calls in a round, so there are fewer rounds.
func TestCloseRacesWithPackets(t *testing.T) {
	path := testFile(t, 200_000)
	buffer := make([]byte, 1<<20)
	race{
		prepare: func(t *testing.T, p *ops.Port, r *round) {
			r.connected(t, p, nil)
			r.op.SetSendPacketsElements([]ops.SendPacketsElement{
				ops.ElementMemory(buffer[:10]), ops.ElementFile(path, 0, 0),
			})
		},
		act: func(r *round) { r.start(r.s.SendPacketsAsync) },
		end: func(r *round) {
			if r.number%2 == 0 {
				r.s.Cancel(r.op)
			}
			_ = r.s.Close()
		},
		verify: func(t *testing.T, r *round) {
			r.once(t, ops.OperationAborted, ops.Success)
			got := 0
			for {
				n, err := unix.Read(r.peer, buffer)
				if n <= 0 {
					require.NoError(t, err)
					break
				}
				got += n
			}
			require.Equal(t, got, r.bytes, "round %d: %v", r.number, r.result)
		},
	}.run(t, ops.PortConfig{}, raceRounds/10)
}

func TestCloseRacesWithDatagrams(t *testing.T) {
	race{
		prepare: func(t *testing.T, p *ops.Port, r *round) {
			fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			require.NoError(t, err)
			r.peer = fds[1]
			r.s, err = p.Associate(fds[0])
			require.NoError(t, err)
			r.memory()
		},
		act: func(r *round) {
			r.start(r.s.ReceiveFromAsync)
			if r.number%8 < 4 {
				r.write("data")
			}
		},
		end: func(r *round) {
			if r.number%3 == 0 {
				r.s.Cancel(r.op)
			}
			_ = r.s.Close()
		},
		verify: func(t *testing.T, r *round) {
			r.once(t, ops.OperationAborted, ops.Success)
			require.Contains(t, []int{0, 4}, r.bytes)
		},
	}.run(t, ops.PortConfig{}, raceRounds/5)
}

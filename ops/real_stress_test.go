package ops_test

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
)

// peers answers the connections of the stress test: each reads, and now and then writes, or goes away.
func peers(t *testing.T, address string, stop <-chan struct{}, all *sync.WaitGroup) {
	for i := range 4 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 7))
			buffer := make([]byte, 32<<10)
			for pause := time.Duration(0); ; {
				select {
				case <-stop:
					return
				case <-time.After(pause):
				}
				c, err := net.Dial("tcp", address)
				if err != nil {
					pause = 10 * time.Millisecond // no port is free, for one
					continue
				}
				pause = 0
				_ = c.SetDeadline(time.Now().Add(100 * time.Millisecond)) // some wait for nothing
				for range random.IntN(20) {
					if _, err := c.Write(buffer[:random.IntN(len(buffer))]); err != nil {
						break
					}
					if _, err := io.ReadAtLeast(c, buffer, 1); err != nil {
						break
					}
				}
				if random.IntN(3) == 0 {
					_ = c.(*net.TCPConn).SetLinger(0)
				}
				_ = c.Close()
			}
		})
	}
}

// TestAnyGoroutineMayCallAnything is for the race detector: whatever comes of it, every op completes once, nothing
// is left behind, and nothing stands still.
func TestAnyGoroutineMayCallAnything(t *testing.T) {
	configs := map[string]ops.PortConfig{
		"default":          {},
		"try-send":         {TrySend: true},
		"scarce":           {Buffers: 8, BufferSize: 512, Entries: 4, SyncBudget: 2, TrySend: true},
		"one by one":       {ReadAhead: -1, TrySend: true},
		"scarce and plain": {ReadAhead: -1, Buffers: 8, BufferSize: 512, Entries: 4},
	}
	for name, cfg := range configs {
		t.Run(name, func(t *testing.T) { stress(t, newPort(t, cfg)) })
	}
}

func stress(t *testing.T, p *ops.Port) {
	const callers, rounds = 6, 150
	l := listen(t, p, ops.ListenConfig{AcceptAhead: 5})
	stop := make(chan struct{})
	var dialers, workers sync.WaitGroup
	peers(t, l.LocalEndpoint().String(), stop, &dialers)
	var pending, completed atomic.Int64
	for i := range callers {
		workers.Go(func() {
			s := stresser{port: p, listener: l, random: rand.New(rand.NewPCG(uint64(i), 1)),
				pending: &pending, completed: &completed}
			for range rounds {
				s.connection()
			}
		})
	}
	workers.Wait()
	close(stop)
	require.NoError(t, l.Close())
	dialers.Wait()
	waitStats(t, p, "all have completed", func(s ops.Stats) bool { return s.InFlight == 0 && s.Sockets == 0 })
	turnBy(t, p)
	require.Equal(t, pending.Load(), completed.Load(), "ops that were pending, and completions")
}

// stresser is one goroutine that does what comes into its head.
type stresser struct {
	port               *ops.Port
	listener           *ops.Socket
	random             *rand.Rand
	pending, completed *atomic.Int64
}

// connection accepts one and misuses it until it is closed.
func (s *stresser) connection() {
	accept := s.op()
	if s.start(accept, s.listener.AcceptAsync) {
		<-accept.UserToken.(chan struct{})
	}
	socket := accept.AcceptSocket
	if socket == nil {
		return
	}
	var friends sync.WaitGroup
	for range 2 { // two goroutines on one socket
		seed := s.random.Uint64()
		friends.Go(func() {
			friend := *s
			friend.random = rand.New(rand.NewPCG(seed, 2))
			for range 6 {
				friend.act(socket)
			}
		})
	}
	friends.Wait()
	_ = socket.Close()
}

func (s *stresser) op() *ops.Op {
	done := make(chan struct{}, 1)
	op := ops.NewOp(nil)
	op.Completed = func(op *ops.Op) {
		if !op.More() {
			s.completed.Add(1)
			done <- struct{}{}
		}
	}
	op.UserToken = done
	return op
}

// start notes that the op will complete.
func (s *stresser) start(op *ops.Op, start func(*ops.Op) bool) bool {
	s.pending.Add(1) // before the start: the completion may be faster than this goroutine
	if start(op) {
		return true
	}
	s.pending.Add(-1)
	return false
}

// act does one thing to a socket. What it starts it cancels, sooner or later, so that nothing waits for ever.
func (s *stresser) act(socket *ops.Socket) {
	op := s.op()
	switch s.random.IntN(10) {
	case 0, 1:
		op.SetBuffer(make([]byte, s.random.IntN(2000)))
		s.finish(socket, op, socket.ReceiveAsync)
	case 2:
		op.Multishot = s.random.IntN(2) == 0
		s.finish(socket, op, socket.ReceiveAsync)
	case 3, 4:
		op.SetBuffer(make([]byte, s.random.IntN(100_000)))
		op.DontWait = s.random.IntN(3) == 0
		s.finish(socket, op, socket.SendAsync)
	case 5:
		op.SetBufferList([][]byte{make([]byte, 10), nil, make([]byte, s.random.IntN(5000))})
		s.finish(socket, op, socket.SendAsync)
	case 6:
		_ = socket.Shutdown(ops.ShutdownHow(s.random.IntN(3)))
	case 7:
		_, _ = socket.RemoteEndpoint(), socket.Connected()
		_ = socket.Control(func(uintptr) {})
		_ = s.port.Stats()
	case 8:
		ran := make(chan struct{})
		timer := s.port.NewTimer(func() { close(ran) })
		timer.Reset(time.Duration(s.random.IntN(2)) * time.Millisecond)
		_ = s.port.Post(func() {})
		<-ran
		timer.Stop()
	case 9:
		if s.random.IntN(4) == 0 {
			_ = socket.Close()
		}
	}
	_ = op.Close()
}

// finish starts an op and brings it to its end.
func (s *stresser) finish(socket *ops.Socket, op *ops.Op, start func(*ops.Op) bool) {
	if !s.start(op, start) {
		return
	}
	done := op.UserToken.(chan struct{})
	if s.random.IntN(2) == 0 {
		select {
		case <-done:
			return
		case <-time.After(time.Duration(s.random.IntN(3)) * time.Millisecond):
		}
	}
	socket.Cancel(op)
	<-done
}

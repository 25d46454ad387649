package ops_test

import (
	"bytes"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/uring"
)

// echoServer sends everything back that comes on a listener's connections. Its methods run on the port.
type echoServer struct {
	listener *ops.Socket
	accept   *ops.Op
	setUp    func(receive *ops.Op) // may give the receives memory of their own
	open     sync.WaitGroup
}

// serveEcho starts it.
func serveEcho(t testing.TB, p *ops.Port, cfg ops.ListenConfig, setUp func(*ops.Op)) *echoServer {
	t.Helper()
	e := &echoServer{listener: listen(t, p, cfg), setUp: setUp}
	e.accept = ops.NewOp(e.accepted)
	onPort(t, p, func() {
		if !e.listener.AcceptAsync(e.accept) {
			e.accepted(e.accept)
		}
	})
	t.Cleanup(e.open.Wait)
	return e
}

func (e *echoServer) accepted(op *ops.Op) {
	for op.Err() == nil {
		c := &echoed{server: e, socket: op.AcceptSocket}
		op.AcceptSocket = nil
		c.receive, c.send = ops.NewOp(c.received), ops.NewOp(c.sent)
		if e.setUp != nil {
			e.setUp(c.receive)
		}
		e.open.Add(1)
		c.next()
		if e.listener.AcceptAsync(op) {
			return
		}
	}
}

// echoed is one connection: what it received it sends, then it receives again.
type echoed struct {
	server        *echoServer
	socket        *ops.Socket
	receive, send *ops.Op
}

func (c *echoed) next() {
	for !c.socket.ReceiveAsync(c.receive) {
		if !c.reply() {
			return
		}
	}
}

func (c *echoed) received(*ops.Op) {
	if c.reply() {
		c.next()
	}
}

// reply sends what was received. It is true when the connection goes on with the next receive at once.
func (c *echoed) reply() bool {
	if c.receive.Err() != nil || c.receive.BytesTransferred() == 0 {
		_ = c.socket.Close()
		_ = c.receive.Close()
		c.server.open.Done()
		return false
	}
	c.send.SetBuffer(c.receive.Bytes())
	return !c.socket.SendAsync(c.send)
}

func (c *echoed) sent(op *ops.Op) { c.next() }

// echoThrough sends a stream through an echo server and compares what comes back.
func echoThrough(t testing.TB, address string, length int) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	data := patterned(length)
	back := readAll(c)
	if _, err := c.Write(data); err != nil {
		t.Error(err)
		return
	}
	_ = c.(*net.TCPConn).CloseWrite()
	got := <-back
	if got.err != nil || !bytes.Equal(data, got.data) {
		t.Errorf("%d of %d bytes came back, or damaged: %v", len(got.data), length, got.err)
	}
}

// echoMany sends a stream over each of many connections at once.
func echoMany(t testing.TB, e *echoServer, clients, length int) {
	t.Helper()
	address := e.listener.LocalEndpoint().String()
	var all sync.WaitGroup
	for range clients {
		all.Go(func() { echoThrough(t, address, length) })
	}
	all.Wait()
	e.open.Wait()
}

func TestTheFirstProgramEchoes(t *testing.T) {
	eachModeWith(t, ops.PortConfig{Buffers: 3, BufferSize: 1000}, func(t *testing.T, p *ops.Port) {
		l := listen(t, p, ops.ListenConfig{})
		accept := ops.NewOp(welcome)
		accept.Multishot = true
		require.True(t, l.AcceptAsync(accept))
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { echoThrough(t, l.LocalEndpoint().String(), 200_000) })
		}
		all.Wait()
	})
}

func TestFewBuffersServeManyConnections(t *testing.T) {
	cfg := ops.PortConfig{Buffers: 4, BufferSize: 1024}
	eachModeWith(t, cfg, func(t *testing.T, p *ops.Port) {
		e := serveEcho(t, p, ops.ListenConfig{}, nil)
		echoMany(t, e, 30, 100_000)
		s := p.Stats()
		require.NotZero(t, s.NoBuffers, "the test is too easy")
		require.Zero(t, s.Starved)
		require.Zero(t, s.Ring.EmptyPairs)
		require.Less(t, s.Ring.Enters, s.Ring.SQEs+s.Ring.CQEs, "it spun")
		require.Less(t, s.Turns, 2*(s.Ring.SQEs+s.Ring.CQEs), "it spun")
	})
}

func TestASocketThatWaitsForABufferGetsTheOneThatIsReleased(t *testing.T) {
	eachModeWith(t, ops.PortConfig{Buffers: 2, BufferSize: 64}, func(t *testing.T, p *ops.Port) {
		c, s := pair(t, p)
		held := jobs(2)
		for _, j := range held {
			_, err := c.Write([]byte("x"))
			require.NoError(t, err)
			j.run(t, s.ReceiveAsync)
		}
		other, starving := pair(t, p)
		_, err := other.Write([]byte("y"))
		require.NoError(t, err)
		j := newJob().pend(t, starving.ReceiveAsync)
		waitStats(t, p, "it starves", func(s ops.Stats) bool { return s.Starved >= 1 && s.NoBuffers >= 1 })
		asleep(t, p)                        // waiting costs nothing
		require.NoError(t, held[0].Close()) // on a goroutine that is not the port's
		require.Equal(t, "y", string(j.wait(t).Bytes()))
		require.NoError(t, held[1].Close())
		require.NoError(t, j.Close())
	})
}

func TestAStarvedReceiveCanBeCancelledAndClosed(t *testing.T) {
	eachModeWith(t, ops.PortConfig{Buffers: 1, BufferSize: 64}, func(t *testing.T, p *ops.Port) {
		c, s := pair(t, p)
		_, err := c.Write([]byte("x"))
		require.NoError(t, err)
		held := newJob().run(t, s.ReceiveAsync)
		var clients []*net.TCPConn
		var sockets []*ops.Socket
		starved := jobs(3)
		for _, j := range starved {
			c, s := pair(t, p)
			clients, sockets = append(clients, c), append(sockets, s)
			_, err := c.Write([]byte("y"))
			require.NoError(t, err)
			j.pend(t, s.ReceiveAsync)
		}
		waitStats(t, p, "they starve", func(s ops.Stats) bool { return s.Starved >= 3 })
		sockets[0].Cancel(starved[0].Op)
		require.Equal(t, ops.OperationAborted, starved[0].wait(t).SocketError())
		require.NoError(t, sockets[1].Close())
		require.Equal(t, ops.OperationAborted, starved[1].wait(t).SocketError())
		require.NoError(t, held.Close())
		require.Equal(t, "y", string(starved[2].wait(t).Bytes()))
		require.NoError(t, starved[2].Close())
		again := newJob().run(t, sockets[0].ReceiveAsync) // cancelled, it lost nothing
		require.Equal(t, "y", string(again.Bytes()))
		require.NoError(t, again.Close())
		require.NotEmpty(t, clients)
	})
}

func TestAnOverflowingCompletionQueueLosesNothing(t *testing.T) {
	small := func(c *uring.Config) { c.Entries, c.CQEntries = 4, 4 }
	for name, readAhead := range map[string]int{"read-ahead": 0, "one by one": -1} {
		cfg := ops.WithRing(ops.PortConfig{ReadAhead: readAhead}, small)
		t.Run("echo with "+name, func(t *testing.T) {
			p := newPort(t, cfg)
			require.EqualValues(t, 4, p.Features().CQEntries)
			echoMany(t, serveEcho(t, p, ops.ListenConfig{}, nil), 40, 300_000)
		})
		t.Run("multishot with "+name, func(t *testing.T) {
			p := newPort(t, cfg)
			overflow(t, p)
			require.NotZero(t, p.Stats().Ring.Overflows)
		})
	}
}

// overflow makes more completions come at once than the completion queue has room for, while the port is busy.
func overflow(t *testing.T, p *ops.Port) {
	const sockets, messages = 20, 30
	var clients []*net.TCPConn
	checks := make([]streamCheck, sockets)
	var done sync.WaitGroup
	for i := range sockets {
		c, s := pair(t, p)
		clients = append(clients, c)
		done.Add(1)
		op := ops.NewOp(nil)
		op.Completed = func(op *ops.Op) {
			checks[i].take(op.Bytes())
			if !op.More() {
				done.Done()
			}
		}
		op.Multishot = true
		require.True(t, s.ReceiveAsync(op))
		t.Cleanup(func() { _ = op.Close() })
	}
	turnBy(t, p)
	onPort(t, p, func() { // meanwhile nobody reaps
		for _, c := range clients {
			for m := range messages {
				b := make([]byte, 10)
				pattern(b, m*10)
				_, _ = c.Write(b)
			}
			_ = c.CloseWrite()
		}
	})
	done.Wait()
	for i := range checks {
		checks[i].require(t, messages*10)
	}
}

func TestEchoesSurviveAStormOfCollections(t *testing.T) {
	ways := map[string]func(*ops.Op){
		"the kernel's buffers": nil,
		"own buffers":          func(op *ops.Op) { op.SetBuffer(make([]byte, 5000)) },
	}
	for name, setUp := range ways {
		t.Run(name, func(t *testing.T) {
			eachMode(t, func(t *testing.T, p *ops.Port) {
				stop := make(chan struct{})
				stopped := collectGarbage(stop)
				e := serveEcho(t, p, ops.ListenConfig{}, setUp)
				echoMany(t, e, 8, 1_000_000)
				close(stop)
				await(t, stopped)
			})
		})
	}
}

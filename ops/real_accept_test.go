package ops_test

import (
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

// waitBacklog waits until so many connections of a listener stand in the kernel's backlog.
func waitBacklog(t testing.TB, p *ops.Port, l *ops.Socket, want int) {
	t.Helper()
	var got int
	waitStats(t, p, "the backlog has its length", func(ops.Stats) bool {
		got = backlog(t, l)
		return got == want
	})
}

// backlog is the number of connections that the kernel holds for a listener: tcp_info calls it unacked.
func backlog(t testing.TB, l *ops.Socket) (n int) {
	t.Helper()
	require.NoError(t, l.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		require.NoError(t, err)
		n = int(info.Unacked)
	}))
	return n
}

// acceptedBy waits until the port has accepted so many connections.
func acceptedBy(t testing.TB, p *ops.Port, n int) {
	t.Helper()
	waitStats(t, p, "the connections are accepted", func(s ops.Stats) bool { return s.Accepts == uint64(n) })
}

func TestAcceptIsPendingUntilAConnectionComes(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	j := newJob().pend(t, l.AcceptAsync)
	require.Equal(t, ops.Accept, j.LastOperation())
	c := dial(t, l)
	j.wait(t)
	require.NoError(t, j.Err())
	require.Zero(t, j.BytesTransferred())
	require.Same(t, l, j.Socket())
	s := j.AcceptSocket
	defer s.Close()
	require.True(t, s.Connected())
	require.Equal(t, c.LocalAddr().String(), s.RemoteEndpoint().String())
	require.Equal(t, c.RemoteAddr().String(), s.LocalEndpoint().String())
	require.Equal(t, ops.FamilyIPv4, s.Family())
	require.Equal(t, ops.Stream, s.SocketType())
	require.Same(t, p, s.Port())
}

func TestAConnectionAcceptedAheadIsGivenAtOnce(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	dial(t, l)
	accept(t, l) // accept-ahead begins with the first
	c := dial(t, l)
	acceptedBy(t, p, 2)
	j := newJob().atOnce(t, l.AcceptAsync)
	require.NoError(t, j.Err())
	defer j.AcceptSocket.Close()
	require.Equal(t, c.LocalAddr().String(), j.AcceptSocket.RemoteEndpoint().String())
	turnBy(t, p)
	require.Empty(t, j.completed)
}

func TestAcceptsCompleteInTheirOrder(t *testing.T) {
	for name, ahead := range map[string]int{"accept-ahead": 0, "one by one": -1} {
		t.Run(name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{})
			l := listen(t, p, ops.ListenConfig{AcceptAhead: ahead})
			order := make(chan *ops.Op, 5)
			all := make([]*ops.Op, 5)
			for i := range all {
				all[i] = ops.NewOp(func(op *ops.Op) { order <- op })
				require.True(t, l.AcceptAsync(all[i]))
			}
			for i := range all {
				c := dial(t, l)
				op := await(t, order)
				require.Same(t, all[i], op, "op %d", i)
				require.Equal(t, c.LocalAddr().String(), op.AcceptSocket.RemoteEndpoint().String())
				require.NoError(t, op.AcceptSocket.Close())
			}
		})
	}
}

func TestAcceptAheadStopsAtItsLimit(t *testing.T) {
	const ahead, clients = 3, 11
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{AcceptAhead: ahead})
	for range clients {
		dial(t, l)
	}
	accept(t, l)
	acceptedBy(t, p, 1+ahead)
	for taken := 1; taken <= clients; taken++ {
		waiting := max(clients-taken-ahead, 0)
		waitBacklog(t, p, l, waiting)
		turnBy(t, p)
		require.EqualValues(t, clients-waiting, p.Stats().Accepts, "the rest stays in the backlog")
		if taken < clients {
			accept(t, l)
		}
	}
}

func TestWithoutAcceptAheadEachAcceptIsOneRequest(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{AcceptAhead: -1})
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

func TestNothingIsAcceptedBeforeTheFirstAccept(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	dial(t, l)
	waitBacklog(t, p, l, 1)
	turnBy(t, p)
	require.Zero(t, p.Stats().Accepts)
}

func TestAMultishotAcceptCompletesForEachConnection(t *testing.T) {
	for name, cfg := range map[string]ops.ListenConfig{
		"default": {}, "no accept-ahead": {AcceptAhead: -1}, "small backlog": {Backlog: 1},
	} {
		t.Run(name, func(t *testing.T) { acceptMultishot(t, cfg) })
	}
}

func acceptMultishot(t *testing.T, cfg ops.ListenConfig) {
	const clients = 40
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, cfg)
	type taken struct {
		socket *ops.Socket
		more   bool
		result ops.SocketError
	}
	got := make(chan taken, clients+1)
	op := ops.NewOp(func(op *ops.Op) {
		got <- taken{op.AcceptSocket, op.More(), op.SocketError()}
		op.AcceptSocket = nil
	})
	op.Multishot = true
	require.True(t, l.AcceptAsync(op))
	for range clients {
		c := dial(t, l)
		next := await(t, got)
		require.True(t, next.more)
		require.Equal(t, c.LocalAddr().String(), next.socket.RemoteEndpoint().String())
		require.NoError(t, next.socket.Close())
	}
	require.Panics(t, func() { l.AcceptAsync(op) }, "the op is in flight")
	l.Cancel(op)
	last := await(t, got)
	require.False(t, last.more)
	require.Equal(t, ops.OperationAborted, last.result)
}

func TestAMultishotAcceptGetsWhatWasAcceptedAhead(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	dial(t, l)
	accept(t, l)
	for range 10 {
		dial(t, l)
	}
	acceptedBy(t, p, 11)
	sockets := make(chan *ops.Socket, 11)
	op := ops.NewOp(func(op *ops.Op) {
		sockets <- op.AcceptSocket
		op.AcceptSocket = nil
	})
	op.Multishot = true
	require.True(t, l.AcceptAsync(op))
	for range 10 {
		require.NoError(t, await(t, sockets).Close())
	}
	require.NoError(t, l.Close())
	require.Nil(t, await(t, sockets))
	require.False(t, op.More())
	require.ErrorIs(t, op.Err(), net.ErrClosed)
}

func TestAStormOfConnectionsIsAccepted(t *testing.T) {
	const clients = 400
	p := newPort(t, ops.PortConfig{Entries: 8})
	l := listen(t, p, ops.ListenConfig{AcceptAhead: 20})
	var accepted sync.WaitGroup
	accepted.Add(clients)
	var handle func(*ops.Op)
	handle = func(op *ops.Op) {
		for op.Err() == nil {
			_ = op.AcceptSocket.Close()
			op.AcceptSocket = nil
			accepted.Done()
			if l.AcceptAsync(op) {
				return
			}
		}
	}
	op := ops.NewOp(handle)
	onPort(t, p, func() {
		if !l.AcceptAsync(op) {
			handle(op)
		}
	})
	var dialed sync.WaitGroup
	for range 8 {
		dialed.Go(func() {
			for range clients / 8 {
				c, err := net.Dial("tcp", l.LocalEndpoint().String())
				if err != nil {
					t.Error(err)
					return
				}
				_ = c.Close()
			}
		})
	}
	dialed.Wait()
	accepted.Wait()
	require.EqualValues(t, clients, p.Stats().Accepts)
}

func TestAnAcceptIsRefusedWithItsReason(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	dial(t, l)
	connected := accept(t, l)
	tests := []struct {
		name   string
		socket *ops.Socket
		set    func(*ops.Op)
		want   error
	}{
		{"a socket that does not listen", connected, func(*ops.Op) {}, ops.ErrState},
		{"a buffer", l, func(op *ops.Op) { op.SetBuffer(make([]byte, 1)) }, ops.ErrUnsupported},
		{"a list", l, func(op *ops.Op) { op.SetBufferList([][]byte{{1}}) }, ops.ErrArgument},
		{"a connected socket to accept into", l, func(op *ops.Op) { op.AcceptSocket = connected }, ops.ErrState},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			j := newJob()
			test.set(j.Op)
			j.atOnce(t, test.socket.AcceptAsync)
			require.ErrorIs(t, j.Err(), test.want)
		})
	}
}

func TestClosingAListenerAbortsItsAccepts(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	all := jobs(3)
	for _, j := range all {
		j.pend(t, l.AcceptAsync)
	}
	require.NoError(t, l.Close())
	require.NoError(t, l.Close(), "Close is idempotent")
	for _, j := range all {
		j.wait(t)
		require.Equal(t, ops.OperationAborted, j.SocketError())
		require.ErrorIs(t, j.Err(), net.ErrClosed)
		require.Nil(t, j.AcceptSocket)
	}
	j := newJob().atOnce(t, l.AcceptAsync)
	require.ErrorIs(t, j.Err(), net.ErrClosed)
	waitStats(t, p, "the listener is gone", func(s ops.Stats) bool { return s.Sockets == 0 })
	require.True(t, l.LocalEndpoint().IsZero())
}

func TestClosingAListenerResetsWhatItAcceptedAhead(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	dial(t, l)
	accept(t, l)
	c := dial(t, l)
	acceptedBy(t, p, 2)
	require.NoError(t, l.Close())
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, syscall.ECONNRESET)
}

func TestCancellingAnAcceptLeavesTheOthers(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{AcceptAhead: -1})
	all := jobs(3)
	for _, j := range all {
		j.pend(t, l.AcceptAsync)
	}
	l.Cancel(all[1].Op)
	all[1].wait(t)
	require.Equal(t, ops.OperationAborted, all[1].SocketError())
	require.NotErrorIs(t, all[1].Err(), net.ErrClosed)
	for _, i := range []int{0, 2} {
		c := dial(t, l)
		all[i].wait(t)
		require.Equal(t, c.LocalAddr().String(), all[i].AcceptSocket.RemoteEndpoint().String())
		require.NoError(t, all[i].AcceptSocket.Close())
	}
}

func TestAPortThatWasJustFreeCanBeListenedOn(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	c := dial(t, l)
	s := accept(t, l)
	address := l.LocalEndpoint()
	require.NoError(t, s.Close())
	require.NoError(t, l.Close())
	_, _ = c.Read(make([]byte, 1))
	waitStats(t, p, "both are gone", func(s ops.Stats) bool { return s.Sockets == 0 })
	again, err := p.Listen(address, ops.ListenConfig{})
	require.NoError(t, err)
	require.NoError(t, again.Close())
}

func TestListenNamesTheEndpointAndTheErrno(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	_, err := p.Listen(l.LocalEndpoint(), ops.ListenConfig{})
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	require.ErrorContains(t, err, l.LocalEndpoint().String())
	_, err = p.Listen(ops.IPEndpoint(netip.MustParseAddrPort("192.0.2.1:0")), ops.ListenConfig{})
	require.ErrorIs(t, err, syscall.EADDRNOTAVAIL)
	_, err = p.Listen(anyLoopback, ops.ListenConfig{Backlog: -1})
	require.ErrorIs(t, err, ops.ErrArgument)
	_, err = p.Listen(anyLoopback, ops.ListenConfig{Control: func(uintptr) error { return syscall.EPERM }})
	require.ErrorIs(t, err, syscall.EPERM)
}

func TestTwoPortsShareAnAddress(t *testing.T) {
	a, b := newPort(t, ops.PortConfig{}), newPort(t, ops.PortConfig{})
	cfg := ops.ListenConfig{ReusePort: true}
	la := listen(t, a, cfg)
	lb, err := b.Listen(la.LocalEndpoint(), cfg)
	require.NoError(t, err)
	defer lb.Close()
	ja, jb := newJob().pend(t, la.AcceptAsync), newJob().pend(t, lb.AcceptAsync)
	for a.Stats().Accepts == 0 || b.Stats().Accepts == 0 {
		before := a.Stats().Accepts + b.Stats().Accepts
		dial(t, la)
		waitStats(t, a, "one of them accepts", func(s ops.Stats) bool {
			return s.Accepts+b.Stats().Accepts > before
		})
	}
	require.NoError(t, ja.wait(t).AcceptSocket.Close())
	require.NoError(t, jb.wait(t).AcceptSocket.Close())
}

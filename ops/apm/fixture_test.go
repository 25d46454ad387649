package apm_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/ops/apm"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// newPort gives a running port. At the end of the test nothing may be left on it.
func newPort(t testing.TB, cfg ops.PortConfig) *ops.Port {
	t.Helper()
	ringtest.Require(t)
	ringtest.Descriptors(t)
	p, err := ops.NewPort(cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		waitUntil(t, p, "nothing but the wake-up poll is left", func() bool {
			s := p.Stats()
			return s.InFlight == 0 && s.Sockets == 0 && s.Slots <= 1 && s.Buffers.Leased == 0
		})
		require.NoError(t, p.Close())
		s := p.Stats()
		require.Zero(t, s.InFlight+s.Sockets+s.Slots+s.Buffers.Leased, "%+v", s)
	})
	return p
}

// waitUntil waits until something has become as it should.
func waitUntil(t testing.TB, p *ops.Port, what string, reached func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	look := time.NewTicker(200 * time.Microsecond)
	defer look.Stop()
	for !reached() {
		select {
		case <-look.C:
		case <-deadline.C:
			t.Fatalf("waited in vain until %s: %+v", what, p.Stats())
		}
	}
}

// await takes what a channel must give.
func await[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	select {
	case v := <-from:
		return v
	case <-deadline.C:
		t.Fatal("waited in vain")
		panic("unreachable")
	}
}

// onPort runs fn on the port's goroutine and waits for it. fn must not fail the test: it brings back what it saw.
func onPort(t testing.TB, p *ops.Port, fn func()) {
	t.Helper()
	done := make(chan struct{})
	require.NoError(t, p.Post(func() {
		defer close(done)
		fn()
	}))
	await(t, done)
}

// begun is what a Begin returned and what came of it.
type begun struct {
	*apm.Result
	called chan *apm.Result // each run of the callback
}

// beginning calls a Begin with a callback and a state that it watches; the Begin must succeed.
func beginning(t testing.TB, begin func(callback func(*apm.Result), state any) (*apm.Result, error)) begun {
	t.Helper()
	b := begun{called: make(chan *apm.Result, 16)}
	state := new(int)
	var err error
	b.Result, err = begin(func(r *apm.Result) { b.called <- r }, state)
	require.NoError(t, err)
	require.Same(t, state, b.State())
	return b
}

// wait waits for the callback, and looks at the result as it must be then.
func (b begun) wait(t testing.TB) begun {
	t.Helper()
	require.Same(t, b.Result, await(t, b.called))
	require.True(t, b.IsCompleted())
	await(t, b.Done())
	require.NoError(t, b.Wait(context.Background()))
	require.Empty(t, b.called, "the callback ran twice")
	return b
}

// pend checks that the operation is pending.
func (b begun) pend(t testing.TB) begun {
	t.Helper()
	require.False(t, b.CompletedSynchronously())
	require.False(t, b.IsCompleted())
	require.Empty(t, b.called)
	select {
	case <-b.Done():
		t.Fatal("Done is closed")
	default:
	}
	return b
}

// atOnce checks that the callback ran inside Begin.
func (b begun) atOnce(t testing.TB) begun {
	t.Helper()
	require.Len(t, b.called, 1)
	require.True(t, b.CompletedSynchronously())
	return b.wait(t)
}

var anyLoopback = ops.IPEndpoint(netip.MustParseAddrPort("127.0.0.1:0"))

// listen gives a listener on a free port of the loopback interface.
func listen(t testing.TB, p *ops.Port) *ops.Socket {
	t.Helper()
	l, err := p.Listen(anyLoopback, ops.ListenConfig{})
	require.NoError(t, err)
	closing(t, l)
	return l
}

// newSocket gives a socket of IPv4.
func newSocket(t testing.TB, p *ops.Port, typ ops.SocketType) *ops.Socket {
	t.Helper()
	s, err := p.NewSocket(ops.FamilyIPv4, typ)
	require.NoError(t, err)
	closing(t, s)
	return s
}

// bound gives a datagram socket with an address.
func bound(t testing.TB, p *ops.Port) *ops.Socket {
	t.Helper()
	s := newSocket(t, p, ops.Dgram)
	require.NoError(t, s.Bind(anyLoopback))
	return s
}

func closing(t testing.TB, s *ops.Socket) { t.Cleanup(func() { _ = s.Close() }) }

// dial connects a client to a listener.
func dial(t testing.TB, l *ops.Socket) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", l.LocalEndpoint().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	return c.(*net.TCPConn)
}

// connection gives both ends of a connection: a client's, and the port's.
func connection(t testing.TB, p *ops.Port) (*net.TCPConn, *ops.Socket) {
	t.Helper()
	l := listen(t, p)
	c := dial(t, l)
	r, err := apm.BeginAccept(l, nil, nil)
	require.NoError(t, err)
	s, err := apm.EndAccept(r)
	require.NoError(t, err)
	closing(t, s)
	return c, s
}

// arrives writes to a client's end and waits until the bytes wait at the port's: a receive finds them at once.
func arrives(t testing.TB, c net.Conn, s *ops.Socket, data string) {
	t.Helper()
	_, err := c.Write([]byte(data))
	require.NoError(t, err)
	peeked, err := apm.BeginReceive(s, make([]byte, len(data)), ops.Peek, nil, nil)
	require.NoError(t, err)
	_, err = apm.EndReceive(peeked)
	require.NoError(t, err)
}

package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/ops"
)

// patience is how long a test waits for what must come before it gives up.
const patience = 30 * time.Second

var loopback = ops.IPEndpoint(netip.MustParseAddrPort("127.0.0.1:0"))

// startServer gives a server that serves on the loopback interface. At the end of the test it is stopped, unless the
// test has done so, and everything must be back in its place.
func startServer(t *testing.T, connections, size int, configure ...func(*Server)) *Server {
	t.Helper()
	return startServerOn(t, loopback, connections, size, configure...)
}

func startServerOn(t *testing.T, ep ops.Endpoint, connections, size int, configure ...func(*Server)) *Server {
	t.Helper()
	ringtest.Require(t)
	ringtest.Descriptors(t)
	s := NewServer(connections, size)
	for _, f := range configure {
		f(s)
	}
	require.NoError(t, s.Init())
	t.Cleanup(func() {
		_ = s.Stop(timeLimit(t))
		requireAllBack(t, s)
	})
	require.NoError(t, s.Start(ep))
	return s
}

// requireAllBack holds that a stopped server has its ops, permits and buffers again, and serves nobody.
func requireAllBack(t *testing.T, s *Server) {
	t.Helper()
	require.Equal(t, s.numConnections, s.readWritePool.Len())
	require.Equal(t, s.numConnections, s.maxNumberAcceptedClients.free)
	require.Nil(t, s.maxNumberAcceptedClients.parked)
	require.Zero(t, s.NumConnectedSockets())
	for _, e := range s.readWriteOps {
		require.Nil(t, tokenOf(e).Socket)
		require.Nil(t, e.Buffer(), "its buffer was not freed")
	}
	stats := s.port.Stats()
	require.Zero(t, stats.InFlight+stats.Sockets+stats.Slots+stats.Buffers.Leased, "%+v", stats)
	require.Zero(t, stats.Stale, "a completion found nobody")
}

// timeLimit gives a context that ends when the test has waited in vain.
func timeLimit(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// over gives a context that has ended.
func over() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// dial connects a client.
func dial(t *testing.T, s *Server) *net.TCPConn {
	t.Helper()
	return dialAny(t, s).(*net.TCPConn)
}

func dialAny(t *testing.T, s *Server) net.Conn {
	t.Helper()
	network := "tcp"
	if s.LocalEndpoint().Family() == ops.FamilyUnix {
		network = "unix"
	}
	c, err := net.Dial(network, s.LocalEndpoint().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	return c
}

// echo sends a message and requires that it comes back.
func echo(t *testing.T, c net.Conn, message []byte) {
	t.Helper()
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(message)
		sent <- err
	}()
	back := make([]byte, len(message))
	_, err := io.ReadFull(c, back)
	require.NoError(t, err)
	require.NoError(t, <-sent)
	require.True(t, bytes.Equal(message, back), "other bytes came back than were sent")
}

// pattern gives n bytes in which none is like the one 251 places away.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}

// await waits until the server is as it should become.
func await(t *testing.T, what string, reached func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	look := time.NewTicker(200 * time.Microsecond)
	defer look.Stop()
	for !reached() {
		select {
		case <-look.C:
		case <-deadline.C:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// awaitRefusal waits until nobody listens at an address: an accept is over when its last completion is there, and the
// listener's descriptor is closed right after it.
func awaitRefusal(t *testing.T, address string) {
	t.Helper()
	await(t, "nobody listens", func() bool {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return true
		}
		_ = c.Close()
		return false
	})
}

func awaitClients(t *testing.T, s *Server, n int64) {
	t.Helper()
	await(t, "the number of clients is right", func() bool { return s.NumConnectedSockets() == n })
}

// onPort runs fn on the port's goroutine and waits for it. fn must not fail the test: it brings back what it saw.
func onPort(t *testing.T, s *Server, fn func()) {
	t.Helper()
	done := make(chan struct{})
	require.NoError(t, s.port.Post(func() {
		defer close(done)
		fn()
	}))
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("the port's goroutine is stuck")
	}
}

package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/server"
)

// patience is how long a test waits for what must come; it is never waited out when all is well.
const patience = 30 * time.Second

// running is a server under test.
type running struct {
	*server.Server
	t      testing.TB
	served chan error
}

// start serves on a free port of the loopback interface, on two shards unless cfg says otherwise. At the end of the
// test it closes the server and looks at what is left behind.
func start(t testing.TB, cfg server.Config, h server.Handler) *running {
	t.Helper()
	ringtest.Require(t)
	ringtest.Descriptors(t)
	if cfg.Listen == nil {
		cfg.Listen = []string{"tcp://127.0.0.1:0"}
	}
	if cfg.Shards == 0 {
		cfg.Shards = 2
	}
	if cfg.Buffers == 0 {
		cfg.Buffers = 1024
	}
	s, err := server.New(cfg, h)
	require.NoError(t, err)
	r := &running{Server: s, t: t, served: make(chan error, 1)}
	go func() { r.served <- s.Serve(context.Background()) }()
	t.Cleanup(r.stop)
	return r
}

// stop closes the server, if the test has not, and checks that nothing is in flight, leased or taken.
func (r *running) stop() {
	require.NoError(r.t, r.Close())
	if err := <-r.served; !errors.Is(err, net.ErrClosed) { // the test was over before Serve began
		require.NoError(r.t, err)
	}
	requireNothingLeft(r.t, r.Stats())
}

func requireNothingLeft(t testing.TB, s server.Stats) {
	require.Zero(t, s.Sessions, "sessions")
	require.Zero(t, s.Parked, "parked connections")
	require.Zero(t, s.Paused, "paused sessions")
	require.Zero(t, s.Queued, "queued bytes")
	for i, p := range s.Shards {
		require.Zero(t, p.InFlight, "ops in flight on shard %d", i)
		require.Zero(t, p.Slots, "slots taken on shard %d", i)
		require.Zero(t, p.Sockets, "sockets of shard %d", i)
		require.Zero(t, p.Timers, "timers of shard %d", i)
		require.Zero(t, p.Buffers.Leased, "buffers leased on shard %d", i)
		require.Equal(t, p.Buffers.Buffers, p.Buffers.Spare, "spare buffers of shard %d", i)
	}
}

func (r *running) addr() string { return r.Addrs()[0].String() }

// dial connects a client, which is closed at the end of the test.
func (r *running) dial() *net.TCPConn {
	r.t.Helper()
	c, err := net.Dial("tcp", r.addr())
	require.NoError(r.t, err)
	r.t.Cleanup(func() { c.Close() })
	require.NoError(r.t, c.SetDeadline(time.Now().Add(patience)))
	return c.(*net.TCPConn)
}

// reset closes a client that has read all that it wants, and leaves nothing of its port behind: closed in order, each
// would be in TIME_WAIT for a minute, and a machine has few ports.
func reset(c *net.TCPConn) error {
	if err := c.SetLinger(0); err != nil {
		return err
	}
	return c.Close()
}

// until waits for something that the server's figures show.
func (r *running) until(what string, reached func(server.Stats) bool) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return reached(r.Stats()) }, patience, time.Millisecond, what)
}

// leased is the number of buffers in use on all shards.
func leased(s server.Stats) (n int) {
	for _, p := range s.Shards {
		n += p.Buffers.Leased
	}
	return n
}

// requireEcho sends a message and reads it back.
func requireEcho(t testing.TB, c net.Conn, message string) {
	t.Helper()
	_, err := c.Write([]byte(message))
	require.NoError(t, err)
	got := make([]byte, len(message))
	_, err = io.ReadFull(c, got)
	require.NoError(t, err)
	require.Equal(t, message, string(got))
}

// requireEnd reads the end of the stream.
func requireEnd(t testing.TB, c net.Conn) {
	t.Helper()
	n, err := c.Read(make([]byte, 1))
	require.Zero(t, n)
	require.ErrorIs(t, err, io.EOF)
}

// source gives the bytes that a client sends: as random as they come, and the same again for the same seed.
func source(seed int) io.Reader {
	return rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)})
}

// sendSource writes n bytes of a source, in pieces of the given size.
func sendSource(w io.Writer, seed, n, piece int) error {
	from, buf := source(seed), make([]byte, min(piece, n))
	for n > 0 {
		part := buf[:min(len(buf), n)]
		if _, err := io.ReadFull(from, part); err != nil {
			return err
		}
		if _, err := w.Write(part); err != nil {
			return err
		}
		n -= len(part)
	}
	return nil
}

// differs reads n bytes and gives the offset of the first that is not its source's, or -1.
func differs(r io.Reader, seed, n int) (at int, err error) {
	from := source(seed)
	got, want := make([]byte, min(n, 64<<10)), make([]byte, min(n, 64<<10))
	for done := 0; done < n; {
		k, err := r.Read(got[:min(len(got), n-done)])
		if _, err := io.ReadFull(from, want[:k]); err != nil {
			return done, err
		}
		if !bytes.Equal(got[:k], want[:k]) {
			return done, nil
		}
		if done += k; err != nil && done < n {
			return done, err
		}
	}
	return -1, nil
}

// requireSource reads n bytes and compares them with their source.
func requireSource(t testing.TB, r io.Reader, seed, n int) {
	t.Helper()
	at, err := differs(r, seed, n)
	require.NoError(t, err, "after %d of %d bytes", at, n)
	require.Equal(t, -1, at, "a byte is lost, doubled or out of place")
}

// handler is a Handler made of functions, each of which may be nil.
type handler struct {
	opened   func(*server.Session)
	received func(*server.Session, bufring.Buffer)
	closed   func(*server.Session, error)
}

func (h *handler) Opened(s *server.Session) {
	if h.opened != nil {
		h.opened(s)
	}
}

func (h *handler) Received(s *server.Session, b bufring.Buffer) {
	if h.received == nil {
		s.Send(b)
		return
	}
	h.received(s, b)
}

func (h *handler) Closed(s *server.Session, err error) {
	if h.closed != nil {
		h.closed(s, err)
	}
}

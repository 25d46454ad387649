package ops_test

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/uring"
)

// patience is how long a test waits for what must come before it gives up, with the port's figures.
const patience = 30 * time.Second

// newPort gives a running port. At the end of the test every socket and op must be gone by what the test itself and
// its fixtures closed; then the port is closed, and it may leave nothing.
func newPort(t testing.TB, cfg ops.PortConfig) *ops.Port {
	t.Helper()
	ringtest.Require(t)
	countDescriptors(t)
	cfg.Restrict = true // an operation that portOperations lacks fails whatever test needs it
	p, err := ops.NewPort(cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		waitStats(t, p, "nothing but the wake-up poll is left", func(s ops.Stats) bool {
			return s.InFlight == 0 && s.Sockets == 0 && s.Slots <= 1 && s.Buffers.Leased == 0
		})
		require.NoError(t, p.Close())
		require.NoError(t, p.Err())
		s := p.Stats()
		require.Zero(t, s.InFlight+s.Sockets+s.Slots+s.Starved+s.Blocked+s.Timers+s.Buffers.Leased, "%+v", s)
		require.Zero(t, s.Stale, "a completion found nobody")
		require.Less(t, s.Ring.EmptyPairs, uint64(10), "the port spun: %+v", s.Ring)
	})
	return p
}

// counted holds the tests whose descriptors are counted already.
var counted sync.Map

// countDescriptors compares the descriptors at the end of the test with those at its first port.
func countDescriptors(t testing.TB) {
	t.Helper()
	if _, again := counted.LoadOrStore(t, true); again {
		return
	}
	ringtest.Descriptors(t)
	t.Cleanup(func() { counted.Delete(t) })
}

// waitStats waits until the port's figures are as they should become.
func waitStats(t testing.TB, p *ops.Port, what string, reached func(ops.Stats) bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	look := time.NewTicker(200 * time.Microsecond)
	defer look.Stop()
	for !reached(p.Stats()) {
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

// turnBy makes the port go round a few times, so that what it would do it has done.
func turnBy(t testing.TB, p *ops.Port) {
	t.Helper()
	for range 5 {
		onPort(t, p, func() {})
	}
}

// job is an op for whose completions a test's goroutine waits.
type job struct {
	*ops.Op
	completed chan struct{}
}

func newJob() *job {
	j := &job{completed: make(chan struct{}, 1024)}
	j.Op = ops.NewOp(func(*ops.Op) { j.completed <- struct{}{} })
	return j
}

// jobs gives n of them.
func jobs(n int) []*job {
	all := make([]*job, n)
	for i := range all {
		all[i] = newJob()
	}
	return all
}

// run starts the op and waits for its result, however it comes.
func (j *job) run(t testing.TB, start func(*ops.Op) bool) *job {
	t.Helper()
	if start(j.Op) {
		await(t, j.completed)
	}
	return j
}

// pend starts the op, which must be pending then.
func (j *job) pend(t testing.TB, start func(*ops.Op) bool) *job {
	t.Helper()
	if !start(j.Op) { // only then is the result ours to look at
		require.Fail(t, "the result was there at once", "%v, %d bytes", j.Err(), j.BytesTransferred())
	}
	return j
}

// wait waits for a completion of an op that is pending.
func (j *job) wait(t testing.TB) *job {
	t.Helper()
	await(t, j.completed)
	return j
}

// atOnce starts the op, whose result must be there when the call returns: no completion follows.
func (j *job) atOnce(t testing.TB, start func(*ops.Op) bool) *job {
	t.Helper()
	require.False(t, start(j.Op), "the op is pending")
	require.Empty(t, j.completed)
	return j
}

var anyLoopback = ops.IPEndpoint(netip.MustParseAddrPort("127.0.0.1:0"))

// listen gives a listener on a free port of the loopback interface.
func listen(t testing.TB, p *ops.Port, cfg ops.ListenConfig) *ops.Socket {
	t.Helper()
	l, err := p.Listen(anyLoopback, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// dial connects a client to a listener.
func dial(t testing.TB, l *ops.Socket) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", l.LocalEndpoint().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	return c.(*net.TCPConn)
}

// accept takes the next connection of a listener.
func accept(t testing.TB, l *ops.Socket) *ops.Socket {
	t.Helper()
	j := newJob().run(t, l.AcceptAsync)
	require.NoError(t, j.Err())
	s := j.AcceptSocket
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// pair gives both ends of a connection: a client's, and the port's.
func pair(t testing.TB, p *ops.Port) (*net.TCPConn, *ops.Socket) {
	t.Helper()
	l := listen(t, p, ops.ListenConfig{})
	c := dial(t, l)
	return c, accept(t, l)
}

// eachMode runs a test on ports that go different ways to the same result.
func eachMode(t *testing.T, test func(*testing.T, *ops.Port)) {
	eachModeWith(t, ops.PortConfig{}, test)
}

func eachModeWith(t *testing.T, cfg ops.PortConfig, test func(*testing.T, *ops.Port)) {
	noMultishot := func(f *uring.Features) { f.MultishotReceive = false }
	noLimit := func(f *uring.Features) { f.ReceiveLimit = false }
	oneByOne := cfg
	oneByOne.ReadAhead = -1
	modes := []struct {
		name string
		cfg  ops.PortConfig
	}{
		{"read-ahead", cfg},
		{"read-ahead without limit", ops.WithFeatures(cfg, noLimit)},
		{"read-ahead without multishot", ops.WithFeatures(cfg, noMultishot)},
		{"one by one", oneByOne},
		{"one by one without multishot", ops.WithFeatures(oneByOne, noMultishot)},
	}
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) { test(t, newPort(t, mode.cfg)) })
	}
}

// megabytes is a length in bytes, a fraction of it under the race detector, where each byte costs much.
func megabytes(n int) int {
	if raceDetector {
		n = max(n/8, 1)
	}
	return n << 20
}

// pattern fills b with the bytes that a stream has from a position on, no two places of which look alike.
func pattern(b []byte, position int) {
	for i := range b {
		n := uint32(position+i) * 2654435761
		b[i] = byte(n >> 24)
	}
}

// patterned gives the first n bytes of the stream.
func patterned(n int) []byte {
	b := make([]byte, n)
	pattern(b, 0)
	return b
}

// streamCheck compares what arrives, piece by piece, with the pattern.
type streamCheck struct {
	position int
	wrong    int // first wrong position + 1, 0: none
	expected []byte
}

func (c *streamCheck) take(b []byte) {
	if len(c.expected) < len(b) {
		c.expected = make([]byte, len(b))
	}
	pattern(c.expected[:len(b)], c.position)
	for i := range b {
		if b[i] != c.expected[i] && c.wrong == 0 {
			c.wrong = c.position + i + 1
		}
	}
	c.position += len(b)
}

func (c *streamCheck) require(t testing.TB, length int) {
	t.Helper()
	require.Zero(t, c.wrong, "the stream is damaged at this position")
	require.Equal(t, length, c.position, "bytes in all")
}

// writeAll writes from a goroutine of its own and gives the error.
func writeAll(c net.Conn, b []byte) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := c.Write(b)
		done <- err
	}()
	return done
}

// readAll reads to the end of the stream on a goroutine of its own.
func readAll(c net.Conn) <-chan readResult {
	done := make(chan readResult, 1)
	go func() {
		b, err := io.ReadAll(c)
		done <- readResult{b, err}
	}()
	return done
}

type readResult struct {
	data []byte
	err  error
}

// readExactly reads n bytes.
func readExactly(t testing.TB, c net.Conn, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	_, err := io.ReadFull(c, b)
	require.NoError(t, err)
	return b
}

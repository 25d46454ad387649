package server_test

import (
	"bytes"
	"io"
	"os"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/server"
)

func TestAnEchoAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	for _, cfg := range []server.Config{{Shards: 1}, {Shards: 1, IdleTimeout: time.Minute, WriteTimeout: time.Minute}} {
		r := start(t, cfg, server.Echo{})
		c := dialRaw(t, r)
		message, got := bytes.Repeat([]byte("x"), 100), make([]byte, 100)
		for range 1000 {
			c.echo(t, message, got)
		}
		const echoes = 10_000
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range echoes {
			c.echo(t, message, got)
		}
		runtime.ReadMemStats(&after)
		// The runtime itself allocates a few times in a second.
		require.Less(t, after.Mallocs-before.Mallocs, uint64(echoes/100))
	}
}

// rawClient is a blocking socket without anything of Go's around it.
type rawClient int

func dialRaw(t testing.TB, r *running) rawClient {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	addr := r.Addrs()[0].AddrPort()
	require.NoError(t, unix.Connect(fd, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}))
	require.NoError(t, unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
	return rawClient(fd)
}

func (c rawClient) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(int(c), p)
		switch {
		case err == unix.EINTR:
		case n == 0 && err == nil:
			return 0, io.EOF
		default:
			return n, err
		}
	}
}

func (c rawClient) Write(p []byte) (int, error) { return unix.Write(int(c), p) }

func (c rawClient) echo(t testing.TB, message, got []byte) {
	if _, err := c.Write(message); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, got[:len(message)]); err != nil {
		t.Fatal(err)
	}
}

func TestAnIdleServerSleeps(t *testing.T) {
	r := start(t, server.Config{}, server.Echo{})
	c := r.dial()
	requireEcho(t, c, "then silence")
	turns := func() (n uint64) {
		for _, p := range r.Stats().Shards {
			n += p.Turns
		}
		return n
	}
	before := settled(t, turns)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(200*time.Millisecond)))
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Equal(t, before, turns())
}

// settled waits until a number does not change any more.
func settled(t testing.TB, number func() uint64) (n uint64) {
	t.Helper()
	same := 0
	require.Eventually(t, func() bool {
		was := n
		if n = number(); n != was {
			same = 0
		}
		same++
		return same == 10
	}, patience, time.Millisecond)
	return n
}

func TestASaturatedServerEntersSeldomAndNeverInVainTwice(t *testing.T) {
	work, each := 50*time.Microsecond, 100
	if raceDetector {
		work, each = 500*time.Microsecond, 20
	}
	// With fewer the clients run only while the server waits, one at a time.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), 2)))
	r := start(t, server.Config{Shards: 1}, working(work))
	clients := dialMany(t, r, 64)
	before := r.Stats().Shards[0]
	pingPong(t, clients, each)
	after := r.Stats().Shards[0]
	t.Logf("%.3f enters per receive", entersPerReceive(before, after))
	require.LessOrEqual(t, entersPerReceive(before, after), 0.05)
	require.Zero(t, after.Ring.EmptyPairs)
	require.Zero(t, after.NoBuffers)
}

func TestAConnectionIsSmall(t *testing.T) {
	session, socket, op := unsafe.Sizeof(server.Session{}), unsafe.Sizeof(ops.Socket{}), unsafe.Sizeof(ops.Op{})
	t.Logf("session %d bytes, of these op %d; socket %d", session, op, socket)
	require.LessOrEqual(t, session+socket, uintptr(900))
}

package ops_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

// Numbers in the comments of conformance tests, such as T-072 or 1.3.12, are those of the rules of the contract that
// the suite holds.

var (
	anyIPv4      = ops.IPEndpoint(netip.MustParseAddrPort("0.0.0.0:0"))
	anyIPv6      = ops.IPEndpoint(netip.MustParseAddrPort("[::]:0"))
	loopbackIPv6 = ops.IPEndpoint(netip.MustParseAddrPort("[::1]:0"))
)

// ipEndpoint gives the endpoint of an address and a port.
func ipEndpoint(addr string, port uint16) ops.Endpoint {
	return ops.IPEndpoint(netip.AddrPortFrom(netip.MustParseAddr(addr), port))
}

// newSocket gives a socket that is closed at the end of the test.
func newSocket(t testing.TB, p *ops.Port, family ops.Family, typ ops.SocketType) *ops.Socket {
	t.Helper()
	s, err := p.NewSocket(family, typ)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// listenOn gives a listener on an endpoint.
func listenOn(t testing.TB, p *ops.Port, ep ops.Endpoint, cfg ops.ListenConfig) *ops.Socket {
	t.Helper()
	l, err := p.Listen(ep, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// bind gives a socket that is bound to an endpoint.
func bind(t testing.TB, p *ops.Port, typ ops.SocketType, ep ops.Endpoint) *ops.Socket {
	t.Helper()
	s := newSocket(t, p, ep.Family(), typ)
	require.NoError(t, s.Bind(ep))
	return s
}

// tcpPair gives both ends of a connection within one port.
func tcpPair(t testing.TB, p *ops.Port) (client, server *ops.Socket) {
	t.Helper()
	l := listen(t, p, ops.ListenConfig{})
	client = newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	connect(t, client, l.LocalEndpoint())
	return client, accept(t, l)
}

// unixPair gives both ends of a connection of Unix sockets within one port.
func unixPair(t testing.TB, p *ops.Port) (client, server *ops.Socket) {
	t.Helper()
	l := listenOn(t, p, tempPath(t), ops.ListenConfig{})
	client = newSocket(t, p, ops.FamilyUnix, ops.Stream)
	connect(t, client, l.LocalEndpoint())
	return client, accept(t, l)
}

// connect connects a socket, which must work.
func connect(t testing.TB, s *ops.Socket, ep ops.Endpoint) *job {
	t.Helper()
	j := newJob()
	j.RemoteEndpoint = ep
	require.NoError(t, j.run(t, s.ConnectAsync).Err())
	return j
}

// to gives a job with a remote endpoint.
func to(ep ops.Endpoint) *job {
	j := newJob()
	j.RemoteEndpoint = ep
	return j
}

// tempPath gives the endpoint of a Unix path that nobody has used yet.
func tempPath(t testing.TB) ops.Endpoint {
	t.Helper()
	return ops.UnixEndpoint(filepath.Join(t.TempDir(), "s"))
}

// abstractName gives an abstract endpoint of this test's own.
func abstractName(t testing.TB) ops.Endpoint {
	return ops.UnixEndpoint(fmt.Sprintf("@ringport-%d-%s", unix.Getpid(), t.Name()))
}

// requireEcho shows that two sockets are the ends of one connection, both ways.
func requireEcho(t testing.TB, a, b *ops.Socket) {
	t.Helper()
	for _, way := range [][2]*ops.Socket{{a, b}, {b, a}} {
		out, in := newJob(), newJob()
		out.SetBuffer([]byte("over"))
		in.SetBuffer(make([]byte, 16))
		require.NoError(t, out.run(t, way[0].SendAsync).Err())
		require.NoError(t, in.run(t, way[1].ReceiveAsync).Err())
		require.Equal(t, "over", string(in.Bytes()))
	}
}

// requireReceived takes exactly these bytes off a stream socket.
func requireReceived(t testing.TB, s *ops.Socket, want string) {
	t.Helper()
	var got []byte
	for len(got) < len(want) {
		j := newJob()
		j.SetBuffer(make([]byte, len(want)-len(got)))
		require.NoError(t, j.run(t, s.ReceiveAsync).Err())
		require.NotZero(t, j.BytesTransferred(), "the stream ended after %q", got)
		got = append(got, j.Bytes()...)
	}
	require.Equal(t, want, string(got))
}

// requireEnd shows that the peer's direction of the stream has ended.
func requireEnd(t testing.TB, s *ops.Socket) {
	t.Helper()
	j := newJob()
	j.SetBuffer(make([]byte, 1))
	require.NoError(t, j.run(t, s.ReceiveAsync).Err())
	require.Zero(t, j.BytesTransferred())
}

// holdUp keeps the port's goroutine busy until release is called, or the test ends.
func holdUp(t testing.TB, p *ops.Port) (release func()) {
	t.Helper()
	held, released := make(chan struct{}), make(chan struct{})
	require.NoError(t, p.Post(func() {
		close(held)
		<-released
	}))
	release = sync.OnceFunc(func() { close(released) })
	t.Cleanup(release)
	await(t, held)
	return release
}

// names answers every look-up with the same addresses.
func names(addrs ...string) func(context.Context, string) ([]netip.Addr, error) {
	var list []netip.Addr
	for _, a := range addrs {
		list = append(list, netip.MustParseAddr(a))
	}
	return func(context.Context, string) ([]netip.Addr, error) { return list, nil }
}

// noAnswer is a look-up that lasts until it is given up.
func noAnswer(ctx context.Context, _ string) ([]netip.Addr, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// blackHole makes an address on which connects never get an answer: a listener whose queue is full. The kernel
// drops what comes then. Port 0 takes a free one.
func blackHole(t testing.TB, addr string, port uint16) ops.Endpoint {
	t.Helper()
	_, ep := fullListener(t, addr, port)
	return ep
}

// fullListener listens, and takes no more connections until one is accepted.
func fullListener(t testing.TB, addr string, port uint16) (fd int, ep ops.Endpoint) {
	t.Helper()
	ap := netip.AddrPortFrom(netip.MustParseAddr(addr), port)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	require.NoError(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
	require.NoError(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: ap.Addr().As4(), Port: int(port)}))
	require.NoError(t, unix.Listen(fd, 0))
	sa, err := unix.Getsockname(fd)
	require.NoError(t, err)
	ep = ipEndpoint(addr, uint16(sa.(*unix.SockaddrInet4).Port))
	// A queue of length 0 takes one connection.
	c, err := net.Dial("tcp", ep.String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return fd, ep
}

// fullUnixListener gives the path of a listener that never answers a connect.
func fullUnixListener(t testing.TB) ops.Endpoint {
	t.Helper()
	ep := tempPath(t)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	require.NoError(t, unix.Bind(fd, &unix.SockaddrUnix{Name: ep.Path()}))
	require.NoError(t, unix.Listen(fd, 0))
	c, err := net.Dial("unix", ep.Path())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return ep
}

// deadPort is a port of the loopback interface on which nobody listens.
func deadPort(t testing.TB) ops.Endpoint {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) }) // bound, it stays dead until then
	require.NoError(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	sa, err := unix.Getsockname(fd)
	require.NoError(t, err)
	return ipEndpoint("127.0.0.1", uint16(sa.(*unix.SockaddrInet4).Port))
}

// socketOption reads an option of a socket.
func socketOption(t testing.TB, s *ops.Socket, level, name int) (value int) {
	t.Helper()
	require.NoError(t, s.Control(func(fd uintptr) {
		var err error
		value, err = unix.GetsockoptInt(int(fd), level, name)
		require.NoError(t, err)
	}))
	return value
}

// pending starts the op, which must be pending then. It looks at nothing else: the op is the port's.
func (j *job) pending(t testing.TB, start func(*ops.Op) bool) *job {
	t.Helper()
	if !start(j.Op) {
		require.FailNow(t, "the result was there at once", "%v, %d bytes", j.Err(), j.BytesTransferred())
	}
	return j
}

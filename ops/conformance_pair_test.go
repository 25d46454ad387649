package ops_test

import (
	"net"
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

// Two sockets of one port that speak to each other, over every transport there is.

var (
	loopback4 = netip.MustParseAddr("127.0.0.1")
	loopback6 = netip.MustParseAddr("::1")
)

// at gives an endpoint on an address; port 0 lets the kernel choose.
func at(addr netip.Addr, port uint16) ops.Endpoint {
	return ops.IPEndpoint(netip.AddrPortFrom(addr, port))
}

// transport is one way to reach a socket.
type transport struct {
	name     string
	family   ops.Family
	endpoint func(t testing.TB) ops.Endpoint // a fresh one to bind to
}

func transports() []transport {
	fixed := func(addr netip.Addr) func(testing.TB) ops.Endpoint {
		return func(testing.TB) ops.Endpoint { return at(addr, 0) }
	}
	return []transport{
		{"IPv4", ops.FamilyIPv4, fixed(loopback4)},
		{"IPv6", ops.FamilyIPv6, fixed(loopback6)},
		{"Unix", ops.FamilyUnix, func(t testing.TB) ops.Endpoint {
			return ops.UnixEndpoint(filepath.Join(t.TempDir(), "s"))
		}},
	}
}

// ipTransports are those of the internet protocols.
func ipTransports() []transport { return transports()[:2] }

// eachCouple runs a test on stream sockets connected with each other, over each transport, with read-ahead and
// without.
func eachCouple(t *testing.T, test func(t *testing.T, p *ops.Port, client, server *ops.Socket)) {
	for _, tr := range transports() {
		for name, ahead := range map[string]int{"read-ahead": 0, "one by one": -1} {
			t.Run(tr.name+" "+name, func(t *testing.T) {
				p := newPort(t, ops.PortConfig{ReadAhead: ahead})
				client, server := couple(t, p, tr)
				test(t, p, client, server)
			})
		}
	}
}

// couple connects two stream sockets of a port: the one that connected, and the one that was accepted.
func couple(t testing.TB, p *ops.Port, tr transport) (client, server *ops.Socket) {
	t.Helper()
	l, err := p.Listen(tr.endpoint(t), ops.ListenConfig{})
	require.NoError(t, err)
	defer l.Close()
	client, err = p.NewSocket(tr.family, ops.Stream)
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	j := newJob()
	j.RemoteEndpoint = l.LocalEndpoint()
	require.NoError(t, j.run(t, client.ConnectAsync).Err())
	return client, accept(t, l)
}

// associated gives both ends of a socketpair(2): sockets that cost neither a listener nor a handshake.
func associated(t testing.TB, p *ops.Port, typ int) (a, b *ops.Socket) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, typ|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	a, err = p.Associate(fds[0])
	require.NoError(t, err)
	b, err = p.Associate(fds[1])
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = a.Close(), b.Close() })
	return a, b
}

// datagramSocket gives a datagram socket that is bound to a fresh endpoint.
func datagramSocket(t testing.TB, p *ops.Port, tr transport) *ops.Socket {
	t.Helper()
	s := unboundSocket(t, p, tr.family)
	require.NoError(t, s.Bind(tr.endpoint(t)))
	return s
}

// unboundSocket gives a datagram socket as it comes.
func unboundSocket(t testing.TB, p *ops.Port, family ops.Family) *ops.Socket {
	t.Helper()
	s, err := p.NewSocket(family, ops.Dgram)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// sendTo sends one datagram, which must work.
func sendTo(t testing.TB, from *ops.Socket, to ops.Endpoint, data []byte) {
	t.Helper()
	j := newJob()
	j.SetBuffer(data)
	if data == nil {
		j.SetBuffer([]byte{})
	}
	j.RemoteEndpoint = to
	require.NoError(t, j.run(t, from.SendToAsync).Err())
	require.Equal(t, len(data), j.BytesTransferred())
}

// send sends bytes on a connected socket, which must take all of them.
func send(t testing.TB, s *ops.Socket, data []byte) {
	t.Helper()
	j := newJob()
	j.SetBuffer(data)
	require.NoError(t, j.run(t, s.SendAsync).Err())
	require.Equal(t, len(data), j.BytesTransferred())
}

// receive takes what comes next on a stream socket, at most size bytes of it.
func receive(t testing.TB, s *ops.Socket, size int) []byte {
	t.Helper()
	j := newJob()
	j.SetBuffer(make([]byte, size))
	require.NoError(t, j.run(t, s.ReceiveAsync).Err())
	return j.Bytes()
}

// receiveAll takes n bytes of a stream, piece by piece.
func receiveAll(t testing.TB, s *ops.Socket, n int) []byte {
	t.Helper()
	all := make([]byte, 0, n)
	for len(all) < n {
		piece := receive(t, s, n-len(all))
		require.NotEmpty(t, piece, "the stream ended after %d of %d bytes", len(all), n)
		all = append(all, piece...)
	}
	return all
}

// loopbackOf is the loopback address of an internet transport.
func loopbackOf(tr transport) netip.Addr {
	if tr.family == ops.FamilyIPv6 {
		return loopback6
	}
	return loopback4
}

// unixInterface is the index of a network interface.
func unixInterface(name string) (int, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return 0, err
	}
	return i.Index, nil
}

package ops_test

import (
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
)

// mapped gives an IPv4 endpoint as a dual-mode socket shows it.
func mapped(ep ops.Endpoint) ops.Endpoint {
	ap := ep.AddrPort()
	return ops.IPEndpoint(netip.AddrPortFrom(netip.AddrFrom16(ap.Addr().As16()), ap.Port()))
}

// newSingle gives an IPv6 socket that is not dual-mode.
func newSingle(t testing.TB, p *ops.Port, typ ops.SocketType) *ops.Socket {
	t.Helper()
	s := newSocket(t, p, ops.FamilyIPv6, typ)
	require.NoError(t, s.SetDualMode(false))
	return s
}

func TestWhoReachesADualModeListener(t *testing.T) { // T-106, T-107
	p := newPort(t, ops.PortConfig{})
	tests := []struct {
		name     string
		bound    ops.Endpoint
		client   string
		connects bool
	}{
		{"v4 to any v4", ipEndpoint("::ffff:0.0.0.0", 0), "127.0.0.1", true},
		{"v4 to v4", ipEndpoint("::ffff:127.0.0.1", 0), "127.0.0.1", true},
		{"v4 to any v6", anyIPv6, "127.0.0.1", true},
		{"v6 to v6", loopbackIPv6, "::1", true},
		{"v6 to any v6", anyIPv6, "::1", true},
		{"v6 to v4", ipEndpoint("::ffff:127.0.0.1", 0), "::1", false},
		{"v6 to any v4", ipEndpoint("::ffff:0.0.0.0", 0), "::1", false},
		{"v4 to v6", loopbackIPv6, "127.0.0.1", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := listenOn(t, p, test.bound, ops.ListenConfig{DualStack: true})
			j := newJob().pending(t, l.AcceptAsync)
			to := to(ipEndpoint(test.client, l.LocalEndpoint().Port()))
			client := newSocket(t, p, to.RemoteEndpoint.Family(), ops.Stream)
			to.run(t, client.ConnectAsync)
			if !test.connects {
				require.Equal(t, ops.ConnectionRefused, to.SocketError())
				require.NoError(t, l.Close())
				require.Equal(t, ops.OperationAborted, j.wait(t).SocketError())
				return
			}
			require.NoError(t, to.Err())
			require.NoError(t, j.wait(t).Err())
			server := j.AcceptSocket
			require.Equal(t, ops.FamilyIPv6, server.Family())
			require.Equal(t, mapped(client.LocalEndpoint()), server.RemoteEndpoint(), "IPv4 shows as mapped")
			require.Equal(t, ops.FamilyIPv6, server.RemoteEndpoint().Family())
			requireEcho(t, client, server)
			require.NoError(t, server.Close())
			require.NoError(t, client.Close())
			require.NoError(t, l.Close())
		})
	}
}

func TestAListenerIsDualModeOnlyWhenAsked(t *testing.T) { // T-107
	p := newPort(t, ops.PortConfig{})
	l := listenOn(t, p, anyIPv6, ops.ListenConfig{})
	client := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	j := to(ipEndpoint("127.0.0.1", l.LocalEndpoint().Port())).run(t, client.ConnectAsync)
	require.Equal(t, ops.ConnectionRefused, j.SocketError())
}

func TestADualModeSocketConnectsToBothFamilies(t *testing.T) { // T-108, T-109
	p := newPort(t, ops.PortConfig{})
	four, six := listen(t, p, ops.ListenConfig{}), listenOn(t, p, loopbackIPv6, ops.ListenConfig{})
	both := listenOn(t, p, anyIPv6, ops.ListenConfig{DualStack: true})
	port := func(l *ops.Socket) uint16 { return l.LocalEndpoint().Port() }
	tests := []struct {
		name string
		to   ops.Endpoint
		l    *ops.Socket
		peer ops.Endpoint
	}{
		{"v4", four.LocalEndpoint(), four, mapped(four.LocalEndpoint())},
		{"mapped v4", mapped(four.LocalEndpoint()), four, mapped(four.LocalEndpoint())},
		{"v4 as a name", ops.DNSEndpoint("127.0.0.1", port(four)), four, mapped(four.LocalEndpoint())},
		{"v6", six.LocalEndpoint(), six, six.LocalEndpoint()},
		{"v6 as a name", ops.DNSEndpoint("::1", port(six)), six, six.LocalEndpoint()},
		{"v4 to both", ipEndpoint("127.0.0.1", port(both)), both, ipEndpoint("::ffff:127.0.0.1", port(both))},
		{"v6 to both", ipEndpoint("::1", port(both)), both, ipEndpoint("::1", port(both))},
		{"name", ops.DNSEndpoint("localhost", port(both)), both, ops.Endpoint{}},
	}
	for _, test := range tests {
		s := newSocket(t, p, ops.FamilyIPv6, ops.Stream)
		j := connect(t, s, test.to)
		require.Equal(t, test.to, j.RemoteEndpoint, "an input")
		if test.peer.IsValid() {
			require.Equal(t, test.peer, s.RemoteEndpoint(), test.name)
		}
		requireEcho(t, s, accept(t, test.l))
	}
}

func TestAnIPv6OnlySocketTakesNoIPv4(t *testing.T) { // T-109, T-110, T-111
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	s := newSingle(t, p, ops.Stream)
	require.ErrorIs(t, to(l.LocalEndpoint()).atOnce(t, s.ConnectAsync).Err(), ops.ErrUnsupported)
	named := to(ops.DNSEndpoint("localhost", l.LocalEndpoint().Port())).run(t, s.ConnectAsync)
	require.Error(t, named.Err())
	require.False(t, s.Connected())
	require.Error(t, newSingle(t, p, ops.Stream).Bind(anyLoopback))
	six := listenOn(t, p, loopbackIPv6, ops.ListenConfig{})
	connect(t, s, six.LocalEndpoint())
	requireEcho(t, s, accept(t, six))
}

func TestAReusedSocketStaysWhatItWas(t *testing.T) { // 1.3.5, tracked options
	p := newPort(t, ops.PortConfig{})
	four, six := listen(t, p, ops.ListenConfig{}), listenOn(t, p, loopbackIPv6, ops.ListenConfig{})
	dual, single := newSocket(t, p, ops.FamilyIPv6, ops.Stream), newSingle(t, p, ops.Stream)
	for _, s := range []*ops.Socket{dual, single} {
		connect(t, s, six.LocalEndpoint())
		accept(t, six)
		disconnect(t, s, true)
	}
	connect(t, dual, four.LocalEndpoint())
	requireEcho(t, dual, accept(t, four))
	require.ErrorIs(t, to(four.LocalEndpoint()).atOnce(t, single.ConnectAsync).Err(), ops.ErrUnsupported)
}

func TestDatagramsOfADualModeSocketGoToBothFamilies(t *testing.T) { // T-112, T-113
	p := newPort(t, ops.PortConfig{})
	s := bind(t, p, ops.Dgram, anyIPv6)
	for _, ep := range []ops.Endpoint{anyLoopback, loopbackIPv6} {
		peer := bind(t, p, ops.Dgram, ep)
		out := to(peer.LocalEndpoint())
		out.SetBuffer([]byte("there"))
		require.NoError(t, out.run(t, s.SendToAsync).Err())
		in := newJob()
		in.SetBuffer(make([]byte, 16))
		require.NoError(t, in.run(t, peer.ReceiveFromAsync).Err())
		require.Equal(t, "there", string(in.Bytes()))
		require.Equal(t, s.LocalEndpoint().Port(), in.RemoteEndpoint.Port())

		back := to(ops.IPEndpoint(netip.AddrPortFrom(ep.AddrPort().Addr(), s.LocalEndpoint().Port())))
		back.SetBuffer([]byte("back"))
		require.NoError(t, back.run(t, peer.SendToAsync).Err())
		require.NoError(t, in.run(t, s.ReceiveFromAsync).Err())
		require.Equal(t, "back", string(in.Bytes()))
		require.Equal(t, mapped(peer.LocalEndpoint()), in.RemoteEndpoint, "IPv4 shows as mapped")
		require.Equal(t, ops.FamilyIPv6, in.RemoteEndpoint.Family())
	}
	require.ErrorIs(t, to(ops.DNSEndpoint("localhost", 9)).atOnce(t, s.SendToAsync).Err(), ops.ErrArgument)
}

func TestADatagramToTheOtherFamilyIsNotReceived(t *testing.T) { // T-113
	p := newPort(t, ops.PortConfig{})
	four := bind(t, p, ops.Dgram, anyIPv4)
	sender := newSocket(t, p, ops.FamilyIPv6, ops.Dgram)
	in := newJob()
	in.SetBuffer(make([]byte, 8))
	in.pending(t, four.ReceiveFromAsync)
	for _, addr := range []string{"::1", "127.0.0.1"} {
		out := to(ipEndpoint(addr, four.LocalEndpoint().Port()))
		out.SetBuffer([]byte(addr[:3]))
		out.run(t, sender.SendToAsync)
	}
	require.NoError(t, in.wait(t).Err())
	require.Equal(t, "127", string(in.Bytes()), "the first one went nowhere")
}

func TestTwoFamiliesHaveOnePortEach(t *testing.T) { // T-109
	p := newPort(t, ops.PortConfig{})
	four, six := listenOnOnePort(t, p)
	port := six.LocalEndpoint().Port()
	for addr, l := range map[string]*ops.Socket{"127.0.0.1": four, "::1": six} {
		j := to(ipEndpoint(addr, port))
		require.NoError(t, j.run(t, p.ConnectAsync).Err())
		requireEcho(t, j.ConnectSocket(), accept(t, l))
		require.NoError(t, j.ConnectSocket().Close())
	}
}

// listenOnOnePort gives listeners of both families. A port that is free for one may be taken for the other, by a
// connection of another process too: then the next one may do.
func listenOnOnePort(t testing.TB, p *ops.Port) (four, six *ops.Socket) {
	t.Helper()
	for range 100 {
		six = newSingle(t, p, ops.Stream)
		require.NoError(t, six.Bind(anyIPv6))
		require.NoError(t, six.Listen(0))
		four, err := p.Listen(ipEndpoint("0.0.0.0", six.LocalEndpoint().Port()), ops.ListenConfig{})
		if err == nil {
			t.Cleanup(func() { _ = four.Close() })
			return four, six
		}
		require.ErrorIs(t, err, syscall.EADDRINUSE)
		require.NoError(t, six.Close())
	}
	require.Fail(t, "no port is free for both families")
	return nil, nil
}

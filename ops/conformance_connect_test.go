package ops_test

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

func TestConnectMakesAConnection(t *testing.T) { // T-062
	p := newPort(t, ops.PortConfig{})
	for name, ep := range map[string]ops.Endpoint{"IPv4": anyLoopback, "IPv6": loopbackIPv6, "Unix": tempPath(t)} {
		l := listenOn(t, p, ep, ops.ListenConfig{})
		s := newSocket(t, p, ep.Family(), ops.Stream)
		require.False(t, s.Connected(), name)
		require.Zero(t, s.LocalEndpoint(), name)
		j := connect(t, s, l.LocalEndpoint())
		require.Equal(t, ops.Connect, j.LastOperation(), name)
		require.Same(t, s, j.ConnectSocket(), name)
		require.Same(t, s, j.Socket(), name)
		require.Zero(t, j.BytesTransferred(), name)
		require.NoError(t, j.ConnectByNameError(), name)
		require.Equal(t, l.LocalEndpoint(), j.RemoteEndpoint, "an input", name)
		require.True(t, s.Connected(), name)
		require.Equal(t, l.LocalEndpoint(), s.RemoteEndpoint(), name)
		requireEcho(t, s, accept(t, l))
	}
}

func TestAStaticConnectMakesASocketOfItsOwn(t *testing.T) { // T-064, 1.3.3
	p := newPort(t, ops.PortConfig{})
	for name, ep := range map[string]ops.Endpoint{"IPv4": anyLoopback, "IPv6": loopbackIPv6, "Unix": tempPath(t)} {
		l := listenOn(t, p, ep, ops.ListenConfig{})
		j := to(l.LocalEndpoint())
		require.NoError(t, j.run(t, p.ConnectAsync).Err(), name)
		s := j.ConnectSocket()
		require.Same(t, s, j.Socket(), name)
		require.Same(t, p, s.Port(), name)
		require.Equal(t, ep.Family(), s.Family(), name)
		require.Equal(t, ops.Stream, s.SocketType(), name)
		require.True(t, s.Connected(), name)
		require.Equal(t, l.LocalEndpoint(), s.RemoteEndpoint(), name)
		requireEcho(t, s, accept(t, l))
		require.NoError(t, s.Close())
	}
}

func TestADatagramConnectIsDoneAtOnce(t *testing.T) { // T-063
	p := newPort(t, ops.PortConfig{})
	for name, ep := range map[string]ops.Endpoint{"IPv4": anyLoopback, "IPv6": loopbackIPv6, "Unix": tempPath(t)} {
		peer := bind(t, p, ops.Dgram, ep)
		s := newSocket(t, p, ep.Family(), ops.Dgram)
		j := to(peer.LocalEndpoint()).atOnce(t, s.ConnectAsync)
		require.NoError(t, j.Err(), name)
		require.Same(t, s, j.ConnectSocket(), name)
		require.True(t, s.Connected(), name)
		require.Equal(t, peer.LocalEndpoint(), s.RemoteEndpoint(), name)
		j.SetBuffer([]byte("hello"))
		require.NoError(t, j.run(t, s.SendAsync).Err(), name)
		in := newJob()
		in.SetBuffer(make([]byte, 16))
		require.NoError(t, in.run(t, peer.ReceiveAsync).Err(), name)
		require.Equal(t, "hello", string(in.Bytes()), name)
	}
}

func TestADatagramSocketConnectsAgain(t *testing.T) { // T-063
	p := newPort(t, ops.PortConfig{})
	s := newSocket(t, p, ops.FamilyIPv4, ops.Dgram)
	for range 2 {
		peer := bind(t, p, ops.Dgram, anyLoopback)
		require.NoError(t, to(peer.LocalEndpoint()).atOnce(t, s.ConnectAsync).Err())
		require.Equal(t, peer.LocalEndpoint(), s.RemoteEndpoint())
	}
}

func TestARefusedConnectSaysSo(t *testing.T) { // T-068
	p := newPort(t, ops.PortConfig{})
	dead := deadPort(t)
	s := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	j := to(dead).run(t, s.ConnectAsync)
	require.Equal(t, ops.ConnectionRefused, j.SocketError())
	require.ErrorIs(t, j.Err(), syscall.ECONNREFUSED)
	require.Nil(t, j.ConnectSocket())
	require.Same(t, s, j.Socket())
	require.False(t, s.Connected())
	require.Zero(t, s.RemoteEndpoint())
	require.NoError(t, j.ConnectByNameError())

	j.run(t, p.ConnectAsync)
	require.Equal(t, ops.ConnectionRefused, j.SocketError())
	require.Nil(t, j.ConnectSocket())
	require.Nil(t, j.Socket(), "the socket is gone that the call had made")
	require.NoError(t, j.ConnectByNameError(), "there was no name")
}

func TestASocketWhoseConnectFailedConnectsAgain(t *testing.T) { // T-070, 1.3.2
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	dead := deadPort(t)
	s := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	require.NoError(t, s.SetNoDelay(true))
	for range 2 {
		require.Equal(t, ops.ConnectionRefused, to(dead).run(t, s.ConnectAsync).SocketError())
	}
	connect(t, s, l.LocalEndpoint())
	requireEcho(t, s, accept(t, l))
	require.Equal(t, 1, socketOption(t, s, unix.IPPROTO_TCP, unix.TCP_NODELAY))
}

func TestASocketThatControlHasShownConnectsOnce(t *testing.T) { // T-046, T-047, T-070
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	s := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	require.NoError(t, s.Control(func(uintptr) {}))
	port := l.LocalEndpoint().Port()
	require.ErrorIs(t, to(ops.DNSEndpoint("localhost", port)).atOnce(t, s.ConnectAsync).Err(), ops.ErrUnsupported)
	require.Equal(t, ops.ConnectionRefused, to(deadPort(t)).run(t, s.ConnectAsync).SocketError())
	require.ErrorIs(t, to(l.LocalEndpoint()).atOnce(t, s.ConnectAsync).Err(), ops.ErrUnsupported)

	fresh := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	require.NoError(t, fresh.Control(func(uintptr) {}))
	connect(t, fresh, ops.DNSEndpoint("127.0.0.1", port)) // an address in text needs one descriptor only
	requireEcho(t, fresh, accept(t, l))
}

func TestAConnectedSocketIsNotConnectedAgain(t *testing.T) { // T-070, T-073
	p := newPort(t, ops.PortConfig{})
	client, server := tcpPair(t, p)
	l := listen(t, p, ops.ListenConfig{})
	for _, s := range []*ops.Socket{client, server} {
		for _, ep := range []ops.Endpoint{l.LocalEndpoint(), ops.DNSEndpoint("localhost", l.LocalEndpoint().Port())} {
			j := to(ep).atOnce(t, s.ConnectAsync)
			require.Equal(t, ops.IsConnected, j.SocketError())
			require.Nil(t, j.ConnectSocket())
		}
	}
	requireEcho(t, client, server)
}

func TestAConnectDuringAConnectIsRefused(t *testing.T) { // 1.3.2
	p := newPort(t, ops.PortConfig{})
	hole := blackHole(t, "127.0.0.1", 0)
	s := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	first := to(hole).pending(t, s.ConnectAsync)
	require.Equal(t, ops.AlreadyInProgress, to(hole).atOnce(t, s.ConnectAsync).SocketError())
	require.NoError(t, s.Close())
	require.Equal(t, ops.OperationAborted, first.wait(t).SocketError())
}

func TestConnectSocketIsClearedByTheNextConnect(t *testing.T) { // 1.2
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	j := to(l.LocalEndpoint())
	require.NoError(t, j.run(t, p.ConnectAsync).Err())
	s := j.ConnectSocket()
	defer s.Close()
	server := accept(t, l)
	j.SetBuffer([]byte("x"))
	require.NoError(t, j.run(t, s.SendAsync).Err())
	require.Same(t, s, j.ConnectSocket(), "other operations leave it")
	requireReceived(t, server, "x")
	j.RemoteEndpoint = deadPort(t)
	require.Error(t, j.run(t, p.ConnectAsync).Err())
	require.Nil(t, j.ConnectSocket())
}

func TestConnectSendsItsInitialData(t *testing.T) { // T-018, T-019
	for _, size := range []int{1, 1000, 4 << 20} {
		t.Run(strconv.Itoa(size), func(t *testing.T) { connectWithData(t, size) })
	}
}

func connectWithData(t *testing.T, size int) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	ul := listenOn(t, p, tempPath(t), ops.ListenConfig{})
	name := ops.DNSEndpoint("localhost", l.LocalEndpoint().Port())
	fresh := newSocket(t, p, ops.FamilyIPv4, ops.Stream).ConnectAsync
	ways := []struct {
		start func(*ops.Op) bool
		to    ops.Endpoint
		l     *ops.Socket
	}{
		{fresh, l.LocalEndpoint(), l},
		{newSocket(t, p, ops.FamilyIPv4, ops.Stream).ConnectAsync, name, l},
		{newSocket(t, p, ops.FamilyUnix, ops.Stream).ConnectAsync, ul.LocalEndpoint(), ul},
		{p.ConnectAsync, l.LocalEndpoint(), l},
		{p.ConnectAsync, name, l},
		{p.ConnectAsync, ul.LocalEndpoint(), ul},
	}
	for _, way := range ways {
		j := to(way.to)
		j.SetBuffer(patterned(size))
		j.SocketFlags, j.DontWait = ops.Peek|ops.OutOfBand, true // not for the initial data
		j.pending(t, way.start)
		server := accept(t, way.l)
		var check streamCheck
		in := newJob()
		for check.position < size {
			require.NoError(t, in.run(t, server.ReceiveAsync).Err())
			require.NotZero(t, in.BytesTransferred())
			check.take(in.Bytes())
		}
		check.require(t, size)
		require.NoError(t, j.wait(t).Err())
		require.Equal(t, size, j.BytesTransferred())
		require.NotNil(t, j.ConnectSocket())
		require.True(t, j.ConnectSocket().Connected())
		require.Zero(t, j.SocketFlags)
		require.Len(t, j.Buffer(), size)
		requireEcho(t, j.ConnectSocket(), server)
		require.NoError(t, in.Close())
		require.NoError(t, j.ConnectSocket().Close())
	}
}

func TestADatagramConnectSendsItsInitialData(t *testing.T) { // T-018, T-063
	p := newPort(t, ops.PortConfig{})
	peer := bind(t, p, ops.Dgram, anyLoopback)
	s := newSocket(t, p, ops.FamilyIPv4, ops.Dgram)
	j := to(peer.LocalEndpoint())
	j.SetBuffer([]byte("first"))
	require.NoError(t, j.run(t, s.ConnectAsync).Err())
	require.Equal(t, 5, j.BytesTransferred())
	require.Same(t, s, j.ConnectSocket())
	in := newJob()
	in.SetBuffer(make([]byte, 16))
	require.NoError(t, in.run(t, peer.ReceiveFromAsync).Err())
	require.Equal(t, "first", string(in.Bytes()))
	require.Equal(t, s.LocalEndpoint(), in.RemoteEndpoint)
}

func TestAnEmptyBufferIsNoInitialData(t *testing.T) { // T-018
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	s := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	j := to(l.LocalEndpoint())
	j.SetBuffer([]byte{})
	require.NoError(t, j.run(t, s.ConnectAsync).Err())
	require.Zero(t, j.BytesTransferred())
	require.Same(t, s, j.ConnectSocket())
	requireEcho(t, s, accept(t, l))
}

// connects gives the ways to a connect that never ends by itself.
func connects(t *testing.T, p *ops.Port) map[string]func() (start func(*ops.Op) bool, j *job, target *ops.Socket) {
	hole, path := blackHole(t, "127.0.0.1", 0), fullUnixListener(t)
	instance := func(family ops.Family, ep ops.Endpoint) func() (func(*ops.Op) bool, *job, *ops.Socket) {
		return func() (func(*ops.Op) bool, *job, *ops.Socket) {
			s := newSocket(t, p, family, ops.Stream)
			return s.ConnectAsync, to(ep), s
		}
	}
	static := func(ep ops.Endpoint) func() (func(*ops.Op) bool, *job, *ops.Socket) {
		return func() (func(*ops.Op) bool, *job, *ops.Socket) { return p.ConnectAsync, to(ep), nil }
	}
	name := ops.DNSEndpoint("hole.test", hole.Port())
	return map[string]func() (func(*ops.Op) bool, *job, *ops.Socket){
		"instance":      instance(ops.FamilyIPv4, hole),
		"instance name": instance(ops.FamilyIPv4, name),
		"instance path": instance(ops.FamilyUnix, path),
		"static":        static(hole),
		"static name":   static(name),
		"static path":   static(path),
	}
}

// waitSubmitted waits until the kernel has a connect, the only request beside the wake-up poll.
func waitSubmitted(t *testing.T, p *ops.Port) {
	t.Helper()
	waitStats(t, p, "the connect is submitted", func(s ops.Stats) bool { return s.Slots > 1 })
}

func TestCancelConnectAsyncAbortsTheConnect(t *testing.T) { // T-016, T-017, T-126, 1.3.4
	t.Run("before it is submitted", func(t *testing.T) { cancelConnects(t, true) })
	t.Run("in the kernel", func(t *testing.T) { cancelConnects(t, false) })
}

func cancelConnects(t *testing.T, early bool) {
	p := newPort(t, ops.WithLookUp(ops.PortConfig{}, names("127.0.0.1")))
	for name, make := range connects(t, p) {
		start, j, target := make()
		if early { // before anything was submitted
			pending := false
			onPort(t, p, func() {
				pending = start(j.Op)
				p.CancelConnectAsync(j.Op)
			})
			require.True(t, pending, name)
		} else {
			j.pending(t, start)
			waitSubmitted(t, p)
			p.CancelConnectAsync(j.Op)
		}
		j.wait(t)
		require.Equal(t, ops.OperationAborted, j.SocketError(), name)
		require.ErrorIs(t, j.Err(), syscall.ECANCELED, name)
		require.NotErrorIs(t, j.Err(), net.ErrClosed, name)
		require.Nil(t, j.ConnectSocket(), name)
		if target != nil {
			require.False(t, target.Connected(), name)
			require.ErrorIs(t, j.atOnce(t, target.ConnectAsync).Err(), net.ErrClosed, name)
		} else {
			require.Nil(t, j.Socket(), name)
		}
		waitStats(t, p, "the sockets are gone: "+name, func(s ops.Stats) bool { return s.Sockets == 0 })
	}
}

func TestCancelOfAConnectingOpAbortsIt(t *testing.T) { // 1.3.4
	p := newPort(t, ops.WithLookUp(ops.PortConfig{}, names("127.0.0.1")))
	for name, make := range connects(t, p) {
		start, j, target := make()
		if target == nil {
			continue
		}
		j.pending(t, start)
		waitSubmitted(t, p)
		target.Cancel(j.Op)
		require.Equal(t, ops.OperationAborted, j.wait(t).SocketError(), name)
		waitStats(t, p, "the socket is gone: "+name, func(s ops.Stats) bool { return s.Sockets == 0 })
	}
}

func TestClosingTheSocketAbortsTheConnect(t *testing.T) { // T-068, T-069
	p := newPort(t, ops.WithLookUp(ops.PortConfig{}, names("127.0.0.1")))
	for name, make := range connects(t, p) {
		start, j, target := make()
		if target == nil {
			continue
		}
		j.pending(t, start)
		waitSubmitted(t, p)
		require.NoError(t, target.Close())
		require.Equal(t, ops.OperationAborted, j.wait(t).SocketError(), name)
		require.ErrorIs(t, j.Err(), net.ErrClosed, name)
		require.Nil(t, j.ConnectSocket(), name)
		waitStats(t, p, "the socket is gone: "+name, func(s ops.Stats) bool { return s.Sockets == 0 })
	}
}

func TestClosingThePortAbortsConnects(t *testing.T) { // T-069
	p := newPort(t, ops.PortConfig{})
	cfgs := map[string]ops.PortConfig{
		"look-up":  ops.WithLookUp(ops.PortConfig{}, noAnswer),
		"attempts": ops.WithLookUp(ops.PortConfig{}, names("127.0.0.1", "127.0.0.1")),
	}
	hole := blackHole(t, "127.0.0.1", 0)
	for name, cfg := range cfgs {
		other, err := ops.NewPort(cfg)
		require.NoError(t, err)
		s, err := other.NewSocket(ops.FamilyIPv4, ops.Stream)
		require.NoError(t, err)
		instance, static := to(ops.DNSEndpoint("x.test", hole.Port())), to(ops.DNSEndpoint("x.test", hole.Port()))
		instance.pending(t, s.ConnectAsync)
		static.pending(t, other.ConnectAsync)
		turnBy(t, other)
		require.NoError(t, other.Close())
		for _, j := range []*job{instance, static} {
			require.ErrorIs(t, j.wait(t).Err(), net.ErrClosed, name)
			require.Equal(t, ops.OperationAborted, j.SocketError(), name)
		}
		require.Zero(t, other.Stats().InFlight, name)
	}
	require.Zero(t, p.Stats().InFlight)
}

func TestCancelConnectAsyncReachesTheInitialData(t *testing.T) { // T-016 to T-018, 1.3.4
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	for _, static := range []bool{false, true} {
		start := p.ConnectAsync
		if !static {
			start = newSocket(t, p, ops.FamilyIPv4, ops.Stream).ConnectAsync
		}
		j := to(l.LocalEndpoint())
		j.SetBuffer(make([]byte, 64<<20))
		j.pending(t, start)
		server := accept(t, l) // which does not read: the data stops on the way
		first := newJob()
		first.SetBuffer(make([]byte, 1))
		require.NoError(t, first.run(t, server.ReceiveAsync).Err())
		p.CancelConnectAsync(j.Op)
		j.wait(t)
		require.Equal(t, ops.OperationAborted, j.SocketError())
		require.Positive(t, j.BytesTransferred())
		require.Less(t, j.BytesTransferred(), 64<<20)
		require.Nil(t, j.ConnectSocket())
		require.Equal(t, static, j.Socket() == nil)
		require.NoError(t, server.Close())
		waitStats(t, p, "only the listener is left", func(s ops.Stats) bool { return s.Sockets == 1 })
	}
}

func TestCancelConnectAsyncOfAnythingElseDoesNothing(t *testing.T) { // 1.3.4
	p := newPort(t, ops.PortConfig{})
	client, server := tcpPair(t, p)
	p.CancelConnectAsync(newJob().Op)
	j := newJob()
	j.SetBuffer(make([]byte, 4))
	j.pending(t, server.ReceiveAsync)
	p.CancelConnectAsync(j.Op)
	turnBy(t, p)
	require.Empty(t, j.completed)
	out := newJob()
	out.SetBuffer([]byte("four"))
	require.NoError(t, out.run(t, client.SendAsync).Err())
	require.Equal(t, "four", string(j.wait(t).Bytes()))
	done := connect(t, newSocket(t, p, ops.FamilyIPv4, ops.Stream), listen(t, p, ops.ListenConfig{}).LocalEndpoint())
	p.CancelConnectAsync(done.Op)
	require.True(t, done.ConnectSocket().Connected())
}

func TestAnUnspecifiedAddressIsNoHostName(t *testing.T) { // T-025
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	j := newJob()
	for _, host := range []string{"::0", "::", "0.0.0.0"} {
		j.RemoteEndpoint = ops.DNSEndpoint(host, l.LocalEndpoint().Port())
		require.ErrorIs(t, j.atOnce(t, p.ConnectAsync).Err(), ops.ErrArgument)
		s := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
		require.ErrorIs(t, j.atOnce(t, s.ConnectAsync).Err(), ops.ErrArgument)
	}
	j.RemoteEndpoint = l.LocalEndpoint()
	require.NoError(t, j.run(t, p.ConnectAsync).Err(), "the op is reusable")
	require.NoError(t, j.ConnectSocket().Close())
}

func TestANameIsResolved(t *testing.T) { // T-067, T-109
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	name := ops.DNSEndpoint("localhost", l.LocalEndpoint().Port())
	for _, family := range []ops.Family{ops.FamilyIPv4, ops.FamilyIPv6} { // dual-mode
		s := newSocket(t, p, family, ops.Stream)
		j := connect(t, s, name)
		require.Same(t, s, j.ConnectSocket())
		require.Same(t, s, j.Socket())
		require.Equal(t, name, j.RemoteEndpoint)
		require.NoError(t, j.ConnectByNameError())
		requireEcho(t, s, accept(t, l))
	}
	j := to(name)
	require.NoError(t, j.run(t, p.ConnectAsync).Err())
	requireEcho(t, j.ConnectSocket(), accept(t, l))
	require.NoError(t, j.ConnectSocket().Close())
}

func TestADatagramSocketConnectsToAName(t *testing.T) { // T-063
	p := newPort(t, ops.WithLookUp(ops.PortConfig{}, names("127.0.0.1")))
	peer := bind(t, p, ops.Dgram, anyLoopback)
	s := newSocket(t, p, ops.FamilyIPv4, ops.Dgram)
	connect(t, s, ops.DNSEndpoint("peer.test", peer.LocalEndpoint().Port()))
	require.Equal(t, peer.LocalEndpoint(), s.RemoteEndpoint())
	connect(t, peer, s.LocalEndpoint())
	requireEcho(t, s, peer)
}

func TestANameWithoutAddressesIsHostNotFound(t *testing.T) { // 1.2, ConnectByNameError
	notFound := &net.DNSError{Err: "no such host", Name: "nobody.test", IsNotFound: true}
	later := &net.DNSError{Err: "server misbehaving", Name: "nobody.test", IsTemporary: true}
	tests := []struct {
		err  error
		want ops.SocketError
	}{{notFound, ops.HostNotFound}, {later, ops.TryAgain}}
	for _, test := range tests {
		t.Run(test.want.String(), func(t *testing.T) { lookUpFails(t, test.err, test.want) })
	}
}

func lookUpFails(t *testing.T, lookUp error, want ops.SocketError) {
	look := func(context.Context, string) ([]netip.Addr, error) { return nil, lookUp }
	p := newPort(t, ops.WithLookUp(ops.PortConfig{}, look))
	s := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	j := to(ops.DNSEndpoint("nobody.test", 80))
	for _, start := range []func(*ops.Op) bool{s.ConnectAsync, p.ConnectAsync} {
		j.run(t, start)
		require.Equal(t, want, j.SocketError())
		require.ErrorIs(t, j.Err(), lookUp)
		require.ErrorContains(t, j.Err(), "nobody.test")
		require.ErrorIs(t, j.ConnectByNameError(), lookUp)
		require.Nil(t, j.ConnectSocket())
	}
	l := listen(t, p, ops.ListenConfig{})
	j.RemoteEndpoint = l.LocalEndpoint()
	require.NoError(t, j.run(t, s.ConnectAsync).Err())
	require.NoError(t, j.ConnectByNameError(), "every other completion clears it")
}

func TestANameOfTheOtherFamilyIsRefused(t *testing.T) { // T-043, T-109
	p := newPort(t, ops.WithLookUp(ops.PortConfig{}, names("::1")))
	s := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	j := to(ops.DNSEndpoint("six.test", 80)).run(t, s.ConnectAsync)
	require.Equal(t, ops.AddressFamilyNotSupported, j.SocketError())
	require.Error(t, j.ConnectByNameError())
}

func TestEachAddressOfANameIsTried(t *testing.T) { // T-065
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	port := l.LocalEndpoint().Port()
	six, err := net.Listen("tcp", netip.AddrPortFrom(netip.IPv6Loopback(), port).String())
	if err == nil { // nobody else has it, so nobody answers there
		require.NoError(t, six.Close())
	}
	for _, addrs := range [][]string{
		{"127.0.0.1", "127.0.0.7", "127.0.0.8"},
		{"127.0.0.7", "127.0.0.1", "127.0.0.8"},
		{"127.0.0.7", "127.0.0.8", "127.0.0.1"},
		{"::1", "127.0.0.7", "127.0.0.1"},
	} {
		t.Run(strings.Join(addrs, " "), func(t *testing.T) { tryAddresses(t, l, addrs) })
	}
}

func tryAddresses(t *testing.T, l *ops.Socket, addrs []string) {
	port := l.LocalEndpoint().Port()
	p := newPort(t, ops.WithLookUp(ops.PortConfig{}, names(addrs...)))
	for _, family := range []ops.Family{ops.FamilyIPv4, ops.FamilyIPv6} {
		s := newSocket(t, p, family, ops.Stream)
		j := connect(t, s, ops.DNSEndpoint("many.test", port))
		require.NoError(t, j.ConnectByNameError())
		require.Equal(t, port, s.RemoteEndpoint().Port())
		requireEcho(t, s, accept(t, l))
	}
	j := to(ops.DNSEndpoint("many.test", port))
	require.NoError(t, j.run(t, p.ConnectAsync).Err())
	require.Equal(t, l.LocalEndpoint(), j.ConnectSocket().RemoteEndpoint())
	requireEcho(t, j.ConnectSocket(), accept(t, l))
	require.NoError(t, j.ConnectSocket().Close())
}

func TestTheFirstAddressThatAnswersWins(t *testing.T) { // T-065, RFC 8305
	p := newPort(t, ops.WithLookUp(ops.PortConfig{}, names("127.0.0.2", "127.0.0.1")))
	second := listenOn(t, p, ipEndpoint("127.0.0.1", 0), ops.ListenConfig{}) // whose ports others take, too
	first := listenOn(t, p, ipEndpoint("127.0.0.2", second.LocalEndpoint().Port()), ops.ListenConfig{})
	s := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	connect(t, s, ops.DNSEndpoint("both.test", first.LocalEndpoint().Port()))
	require.Equal(t, first.LocalEndpoint(), s.RemoteEndpoint(), "in the resolver's order")
	require.Zero(t, backlog(t, second), "the next one is not tried while the first has its time")
	requireEcho(t, s, accept(t, first))
}

func TestASilentAddressDoesNotHoldUpTheNext(t *testing.T) { // T-065, RFC 8305
	p := newPort(t, ops.WithLookUp(ops.PortConfig{}, names("127.0.0.2", "127.0.0.3", "127.0.0.1")))
	l := listen(t, p, ops.ListenConfig{})
	port := l.LocalEndpoint().Port()
	blackHole(t, "127.0.0.2", port)
	blackHole(t, "127.0.0.3", port)
	s := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	j := to(ops.DNSEndpoint("slow.test", port))
	j.SetBuffer([]byte("early"))
	require.NoError(t, j.run(t, s.ConnectAsync).Err())
	require.Equal(t, 5, j.BytesTransferred())
	require.Equal(t, l.LocalEndpoint(), s.RemoteEndpoint())
	server := accept(t, l)
	requireReceived(t, server, "early")
	requireEcho(t, s, server)

	j = to(ops.DNSEndpoint("slow.test", port))
	require.NoError(t, j.run(t, p.ConnectAsync).Err())
	require.Equal(t, l.LocalEndpoint(), j.ConnectSocket().RemoteEndpoint())
	require.NoError(t, j.ConnectSocket().Close())
	waitStats(t, p, "the attempts that lost are gone", func(s ops.Stats) bool { return s.InFlight == 0 && s.Timers == 0 })
}

func TestTheFamiliesTakeTurns(t *testing.T) { // RFC 8305, section 4
	p := newPort(t, ops.WithLookUp(ops.PortConfig{}, names("127.0.0.2", "127.0.0.3", "127.0.0.4", "::1")))
	six := listenOn(t, p, loopbackIPv6, ops.ListenConfig{})
	port := six.LocalEndpoint().Port()
	for _, hole := range []string{"127.0.0.2", "127.0.0.3", "127.0.0.4"} {
		blackHole(t, hole, port)
	}
	j := to(ops.DNSEndpoint("mixed.test", port))
	require.NoError(t, j.run(t, p.ConnectAsync).Err())
	require.Equal(t, six.LocalEndpoint(), j.ConnectSocket().RemoteEndpoint())
	require.NoError(t, j.ConnectSocket().Close())
}

func TestTheLastAddressGivesTheError(t *testing.T) { // 1.3.3
	dead := deadPort(t)
	for _, test := range []struct {
		addrs []string
		want  ops.SocketError
	}{
		{[]string{"255.255.255.255", "127.0.0.1"}, ops.ConnectionRefused},
		{[]string{"127.0.0.1", "255.255.255.255"}, ops.NetworkUnreachable},
	} {
		t.Run(test.want.String(), func(t *testing.T) { failEachAddress(t, dead, test.addrs, test.want) })
	}
}

func failEachAddress(t *testing.T, dead ops.Endpoint, addrs []string, want ops.SocketError) {
	p := newPort(t, ops.WithLookUp(ops.PortConfig{}, names(addrs...)))
	j := to(ops.DNSEndpoint("none.test", dead.Port()))
	s := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	for _, start := range []func(*ops.Op) bool{s.ConnectAsync, p.ConnectAsync} {
		j.run(t, start)
		require.Equal(t, want, j.SocketError())
		require.Equal(t, j.Err(), j.ConnectByNameError())
		require.Nil(t, j.ConnectSocket())
	}
	require.Nil(t, j.Socket())
	l := listen(t, p, ops.ListenConfig{})
	connect(t, s, l.LocalEndpoint()) // it was not harmed
	requireEcho(t, s, accept(t, l))
}

func TestOptionsSurviveAConnectToAName(t *testing.T) { // 1.3.2, tracked options
	p := newPort(t, ops.WithLookUp(ops.PortConfig{}, names("127.0.0.9", "127.0.0.1")))
	l := listen(t, p, ops.ListenConfig{})
	s := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	require.NoError(t, s.SetNoDelay(true))
	require.NoError(t, s.SetTTL(33))
	require.NoError(t, s.SetReceiveBuffer(40000))
	connect(t, s, ops.DNSEndpoint("many.test", l.LocalEndpoint().Port()))
	require.Equal(t, 1, socketOption(t, s, unix.IPPROTO_TCP, unix.TCP_NODELAY))
	require.Equal(t, 33, socketOption(t, s, unix.IPPROTO_IP, unix.IP_TTL))
	require.Equal(t, 80000, socketOption(t, s, unix.SOL_SOCKET, unix.SO_RCVBUF))
}

func TestABoundSocketKeepsItsAddressWhenItConnects(t *testing.T) { // 1.3.2
	p := newPort(t, ops.WithLookUp(ops.PortConfig{}, names("127.0.0.9", "127.0.0.1")))
	l := listen(t, p, ops.ListenConfig{})
	for _, ep := range []ops.Endpoint{l.LocalEndpoint(), ops.DNSEndpoint("many.test", l.LocalEndpoint().Port())} {
		// The kernel keeps an address through a failed connect, but not a port that it has picked itself.
		s := bind(t, p, ops.Stream, ipEndpoint("127.0.0.5", l.LocalEndpoint().Port()))
		local := s.LocalEndpoint()
		connect(t, s, ep)
		require.Equal(t, local, s.LocalEndpoint())
		server := accept(t, l)
		require.Equal(t, local, server.RemoteEndpoint())
		requireEcho(t, s, server)
		reuse := newJob()
		reuse.DisconnectReuseSocket = true
		require.NoError(t, reuse.run(t, server.DisconnectAsync).Err())
		require.NoError(t, server.Close())
		require.NoError(t, s.Close())
		waitStats(t, p, "only the listener is left", func(s ops.Stats) bool { return s.Sockets == 1 })
	}
}

func TestALackOfDescriptorsFailsAConnect(t *testing.T) { // 1.3.3
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	none := unix.Rlimit{Cur: 3, Max: limit.Max}
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &none))
	j := to(l.LocalEndpoint())
	j.run(t, p.ConnectAsync)
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	require.Equal(t, ops.TooManyOpenSockets, j.SocketError(), "%v", j.Err())
	require.ErrorIs(t, j.Err(), syscall.EMFILE)
	require.Nil(t, j.ConnectSocket())
	require.NoError(t, j.run(t, p.ConnectAsync).Err())
	require.NoError(t, j.ConnectSocket().Close())
}

func TestLookUpsAreGivenUp(t *testing.T) { // T-016, T-017
	gone := make(chan struct{}, 4)
	look := func(ctx context.Context, host string) ([]netip.Addr, error) {
		defer func() { gone <- struct{}{} }()
		return noAnswer(ctx, host)
	}
	p := newPort(t, ops.WithLookUp(ops.PortConfig{}, look))
	s := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	other := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	static, instance, closed := to(ops.DNSEndpoint("a.test", 1)), to(ops.DNSEndpoint("b.test", 1)),
		to(ops.DNSEndpoint("c.test", 1))
	static.pending(t, p.ConnectAsync)
	instance.pending(t, s.ConnectAsync)
	closed.pending(t, other.ConnectAsync)
	p.CancelConnectAsync(static.Op)
	p.CancelConnectAsync(instance.Op)
	require.NoError(t, other.Close())
	for _, j := range []*job{static, instance, closed} {
		require.Equal(t, ops.OperationAborted, j.wait(t).SocketError())
		await(t, gone)
	}
}

func TestConnectRacesWithCancelAndClose(t *testing.T) { // T-016, T-068
	p := newPort(t, ops.WithLookUp(ops.PortConfig{}, names("127.0.0.1", "127.0.0.9")))
	l := listen(t, p, ops.ListenConfig{AcceptAhead: 1000})
	multi := ops.NewOp(func(op *ops.Op) {
		if op.Err() == nil {
			_ = op.AcceptSocket.Close()
		}
	})
	multi.Multishot = true
	require.True(t, l.AcceptAsync(multi))
	j := newJob()
	for round := range 600 {
		j.RemoteEndpoint = l.LocalEndpoint()
		if round%2 == 0 {
			j.RemoteEndpoint = ops.DNSEndpoint("race.test", l.LocalEndpoint().Port())
		}
		s, err := p.NewSocket(ops.FamilyIPv4, ops.Stream)
		require.NoError(t, err)
		start, stop := s.ConnectAsync, func() { _ = s.Close() }
		switch round % 3 {
		case 0:
			stop = func() { p.CancelConnectAsync(j.Op) }
		case 1:
			start, stop = p.ConnectAsync, func() { p.CancelConnectAsync(j.Op) }
		}
		pending := start(j.Op)
		stop()
		if pending {
			j.wait(t)
		}
		require.Contains(t, []ops.SocketError{ops.Success, ops.OperationAborted}, j.SocketError())
		if c := j.ConnectSocket(); c != nil {
			require.NoError(t, c.Close())
		}
		require.NoError(t, s.Close())
		require.Empty(t, j.completed)
	}
}

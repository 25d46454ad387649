package ops_test

import (
	"errors"
	"io"
	"math"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

// An option is a plain method with units of its own; the kernel has it in its units.
func TestOptionsReachTheKernel(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	tcp := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	tcp6 := newSocket(t, p, ops.FamilyIPv6, ops.Stream)
	udp := newSocket(t, p, ops.FamilyIPv4, ops.Dgram)
	unixStream := newSocket(t, p, ops.FamilyUnix, ops.Stream)
	tests := []struct {
		name          string
		s             *ops.Socket
		set           func() error
		level, option int
		want          int
	}{
		{"no delay", tcp, func() error { return tcp.SetNoDelay(true) }, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		{"delay", tcp, func() error { return tcp.SetNoDelay(false) }, unix.IPPROTO_TCP, unix.TCP_NODELAY, 0},
		{"reuse address", tcp, func() error { return tcp.SetReuseAddress(true) }, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1},
		{"own address", tcp, func() error { return tcp.SetReuseAddress(false) }, unix.SOL_SOCKET, unix.SO_REUSEADDR, 0},
		{"reuse port", tcp, func() error { return tcp.SetReusePort(true) }, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1},
		{"broadcast", udp, func() error { return udp.SetBroadcast(true) }, unix.SOL_SOCKET, unix.SO_BROADCAST, 1},
		{"single", tcp6, func() error { return tcp6.SetDualMode(false) }, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1},
		{"dual", tcp6, func() error { return tcp6.SetDualMode(true) }, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0},
		{"receive buffer", tcp, func() error { return tcp.SetReceiveBuffer(30000) }, unix.SOL_SOCKET,
			unix.SO_RCVBUF, 60000},
		{"send buffer", unixStream, func() error { return unixStream.SetSendBuffer(30000) }, unix.SOL_SOCKET,
			unix.SO_SNDBUF, 60000},
		{"time to live", tcp, func() error { return tcp.SetTTL(7) }, unix.IPPROTO_IP, unix.IP_TTL, 7},
		{"hop limit", tcp6, func() error { return tcp6.SetTTL(8) }, unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, 8},
	}
	for _, test := range tests {
		require.NoError(t, test.set(), test.name)
		require.Equal(t, test.want, socketOption(t, test.s, test.level, test.option), test.name)
	}
}

func TestABufferSizeIsBounded(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	s := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	for _, n := range []int{math.MaxInt, 0, -1} {
		require.NoError(t, s.SetReceiveBuffer(n))
		require.NoError(t, s.SetSendBuffer(n))
		require.Positive(t, socketOption(t, s, unix.SOL_SOCKET, unix.SO_SNDBUF))
	}
}

func TestKeepAliveTakesDurations(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	s := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	option := func(name int) int { return socketOption(t, s, unix.IPPROTO_TCP, name) }
	idle, interval := option(unix.TCP_KEEPIDLE), option(unix.TCP_KEEPINTVL)
	require.NoError(t, s.SetKeepAlive(0, 0, 0))
	require.Equal(t, 1, socketOption(t, s, unix.SOL_SOCKET, unix.SO_KEEPALIVE))
	require.Equal(t, idle, option(unix.TCP_KEEPIDLE), "0 leaves the system's value")
	require.Equal(t, interval, option(unix.TCP_KEEPINTVL))
	require.NoError(t, s.SetKeepAlive(1500*time.Millisecond, time.Minute, 4))
	require.Equal(t, 2, option(unix.TCP_KEEPIDLE), "rounded up")
	require.Equal(t, 60, option(unix.TCP_KEEPINTVL))
	require.Equal(t, 4, option(unix.TCP_KEEPCNT))
	require.NoError(t, s.SetKeepAlive(-1, 0, 0))
	require.Zero(t, socketOption(t, s, unix.SOL_SOCKET, unix.SO_KEEPALIVE))
}

func TestAnOptionThatDoesNotFitSaysSo(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	tcp, six := newSocket(t, p, ops.FamilyIPv4, ops.Stream), bind(t, p, ops.Stream, loopbackIPv6)
	udp, local := newSocket(t, p, ops.FamilyIPv4, ops.Dgram), newSocket(t, p, ops.FamilyUnix, ops.Stream)
	for name, set := range map[string]func() error{
		"no delay of a datagram socket":   func() error { return udp.SetNoDelay(true) },
		"no delay of a Unix socket":       func() error { return local.SetNoDelay(true) },
		"keep-alive of a datagram socket": func() error { return udp.SetKeepAlive(time.Second, 0, 0) },
		"dual mode of an IPv4 socket":     func() error { return tcp.SetDualMode(true) },
		"dual mode after the bind":        func() error { return six.SetDualMode(false) },
		"a time to live of 0":             func() error { return tcp.SetTTL(0) },
		"a time to live of 256":           func() error { return tcp.SetTTL(256) },
		"a negative count":                func() error { return tcp.SetKeepAlive(0, 0, -1) },
	} {
		err := set()
		var errno syscall.Errno
		require.True(t, errors.As(err, &errno), "%s: %v", name, err)
		require.ErrorContains(t, err, "ops: set ", name)
	}
	require.NoError(t, tcp.Close())
	require.ErrorIs(t, tcp.SetTTL(1), net.ErrClosed)
}

func TestListenersPassTheirOptionsOn(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	for _, nagle := range []bool{false, true} {
		l := listen(t, p, ops.ListenConfig{Nagle: nagle})
		dial(t, l)
		s := accept(t, l)
		require.Equal(t, nagle, socketOption(t, s, unix.IPPROTO_TCP, unix.TCP_NODELAY) == 0)
	}
	l := listen(t, p, ops.ListenConfig{ReusePort: true, Control: func(fd uintptr) error {
		return unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 20000)
	}})
	require.Equal(t, 1, socketOption(t, l, unix.SOL_SOCKET, unix.SO_REUSEPORT))
	require.Equal(t, 1, socketOption(t, l, unix.SOL_SOCKET, unix.SO_REUSEADDR))
	dial(t, l)
	require.Equal(t, 40000, socketOption(t, accept(t, l), unix.SOL_SOCKET, unix.SO_RCVBUF))
	refusal := errors.New("not this one")
	_, err := p.Listen(anyLoopback, ops.ListenConfig{Control: func(uintptr) error { return refusal }})
	require.ErrorIs(t, err, refusal)
}

func TestEveryDescriptorIsClosedOnExec(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	client, server := tcpPair(t, p)
	target := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	l := listen(t, p, ops.ListenConfig{})
	j := newJob()
	j.AcceptSocket = target
	dial(t, l)
	require.NoError(t, j.run(t, l.AcceptAsync).Err())
	disconnect(t, client, true)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	require.NoError(t, err)
	defer unix.Close(fds[1])
	associated, err := p.Associate(fds[0])
	require.NoError(t, err)
	defer associated.Close()
	for _, s := range []*ops.Socket{client, server, target, l, associated} {
		require.NoError(t, s.Control(func(fd uintptr) {
			flags, err := unix.FcntlInt(fd, unix.F_GETFD, 0)
			require.NoError(t, err)
			require.Equal(t, unix.FD_CLOEXEC, flags)
		}))
	}
}

func TestANegativeLingerIsTheDefault(t *testing.T) { // 2.6
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	require.NoError(t, s.SetLinger(0))
	require.NoError(t, s.SetLinger(-1))
	require.NoError(t, s.Close())
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	require.ErrorIs(t, s.SetLinger(0), net.ErrClosed)
}

func TestAssociateTellsWhatADescriptorIs(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	local := l.LocalEndpoint().AddrPort()
	stream := func(family int, then func(fd int) error) func() int {
		return func() int { return newDescriptor(t, family, unix.SOCK_STREAM, then) }
	}
	dgram := func(family int, then func(fd int) error) func() int {
		return func() int { return newDescriptor(t, family, unix.SOCK_DGRAM, then) }
	}
	bind4 := func(fd int) error { return unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}) }
	tests := []struct {
		name      string
		make      func() int
		family    ops.Family
		typ       ops.SocketType
		bound     bool
		connected bool
	}{
		{"fresh", stream(unix.AF_INET, nil), ops.FamilyIPv4, ops.Stream, false, false},
		{"fresh IPv6", stream(unix.AF_INET6, nil), ops.FamilyIPv6, ops.Stream, false, false},
		{"fresh Unix", stream(unix.AF_UNIX, nil), ops.FamilyUnix, ops.Stream, false, false},
		{"bound", stream(unix.AF_INET, bind4), ops.FamilyIPv4, ops.Stream, true, false},
		{"bound datagram", dgram(unix.AF_INET, bind4), ops.FamilyIPv4, ops.Dgram, true, false},
		{"datagram", dgram(unix.AF_INET6, nil), ops.FamilyIPv6, ops.Dgram, false, false},
		{"connected", stream(unix.AF_INET, func(fd int) error {
			return unix.Connect(fd, &unix.SockaddrInet4{Addr: local.Addr().As4(), Port: int(local.Port())})
		}), ops.FamilyIPv4, ops.Stream, true, true},
		{"connected datagram", dgram(unix.AF_INET, func(fd int) error {
			return unix.Connect(fd, &unix.SockaddrInet4{Addr: local.Addr().As4(), Port: int(local.Port())})
		}), ops.FamilyIPv4, ops.Dgram, true, true},
	}
	for _, test := range tests {
		s, err := p.Associate(test.make())
		require.NoError(t, err, test.name)
		require.Equal(t, test.family, s.Family(), test.name)
		require.Equal(t, test.typ, s.SocketType(), test.name)
		require.Equal(t, test.connected, s.Connected(), test.name)
		require.Equal(t, test.bound, s.LocalEndpoint().IsValid(), test.name)
		require.Equal(t, test.connected, s.RemoteEndpoint().IsValid(), test.name)
		require.NoError(t, s.Close())
	}
}

// newDescriptor makes a descriptor of nobody's.
func newDescriptor(t testing.TB, family, typ int, then func(fd int) error) int {
	t.Helper()
	fd, err := unix.Socket(family, typ|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	if then != nil {
		require.NoError(t, then(fd))
	}
	return fd
}

func TestAssociatedSocketsWork(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	for _, nonblocking := range []bool{false, true} {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		require.NoError(t, unix.SetNonblock(fds[0], nonblocking))
		require.NoError(t, unix.SetNonblock(fds[1], nonblocking))
		a, err := p.Associate(fds[0])
		require.NoError(t, err)
		b, err := p.Associate(fds[1])
		require.NoError(t, err)
		requireEcho(t, a, b)
		in := newJob()
		in.SetBuffer(make([]byte, 4))
		in.pending(t, a.ReceiveAsync)
		turnsWithoutSpin(t, p)
		require.NoError(t, b.Close())
		require.NoError(t, in.wait(t).Err())
		require.NoError(t, a.Close())

		fd := newDescriptor(t, unix.AF_INET, unix.SOCK_STREAM, func(fd int) error {
			return errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(fd, 5),
				unix.SetNonblock(fd, nonblocking))
		})
		l, err := p.Associate(fd)
		require.NoError(t, err)
		j := newJob().pending(t, l.AcceptAsync)
		turnsWithoutSpin(t, p)
		client := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
		connect(t, client, l.LocalEndpoint())
		require.NoError(t, j.wait(t).Err())
		requireEcho(t, client, j.AcceptSocket)
		require.NoError(t, j.AcceptSocket.Close())
		require.NoError(t, l.Close())
	}
}

// turnsWithoutSpin shows that what is pending is not asked for again and again.
func turnsWithoutSpin(t testing.TB, p *ops.Port) {
	t.Helper()
	before := p.Stats()
	onPort(t, p, func() {})
	require.Less(t, p.Stats().Turns-before.Turns, uint64(50))
}

func TestAnIPv6OnlyDescriptorIsKnownAsSuch(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	s, err := p.Associate(newDescriptor(t, unix.AF_INET6, unix.SOCK_STREAM, func(fd int) error {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	}))
	require.NoError(t, err)
	defer s.Close()
	require.ErrorIs(t, to(l.LocalEndpoint()).atOnce(t, s.ConnectAsync).Err(), ops.ErrUnsupported)
}

func TestAssociateLeavesWhatItRefuses(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	file, err := os.Open("/dev/null")
	require.NoError(t, err)
	defer file.Close()
	_, err = p.Associate(int(file.Fd()))
	require.ErrorIs(t, err, unix.ENOTSOCK)
	_, err = file.Stat()
	require.NoError(t, err, "it is still the caller's")
	_, err = p.Associate(-1)
	require.ErrorIs(t, err, unix.EBADF)
	_, err = p.Associate(1 << 20)
	require.ErrorIs(t, err, unix.EBADF)
	for name, fd := range map[string]int{
		"netlink":   newDescriptor(t, unix.AF_NETLINK, unix.SOCK_RAW, nil),
		"seqpacket": newDescriptor(t, unix.AF_UNIX, unix.SOCK_SEQPACKET, nil),
	} {
		_, err := p.Associate(fd)
		require.ErrorIs(t, err, ops.ErrUnsupported, name)
		require.NoError(t, unix.Close(fd), name)
	}
	closed, err := ops.NewPort(ops.PortConfig{})
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	fd := newDescriptor(t, unix.AF_INET, unix.SOCK_STREAM, nil)
	_, err = closed.Associate(fd)
	require.ErrorIs(t, err, net.ErrClosed)
	require.NoError(t, unix.Close(fd))
}

func TestADetachedConnectionGoesOn(t *testing.T) {
	p, other := newPort(t, ops.PortConfig{}), newPort(t, ops.PortConfig{})
	client, server := tcpPair(t, p)
	requireEcho(t, client, server)
	fd, err := server.Detach()
	require.NoError(t, err)
	require.ErrorIs(t, newJob().atOnce(t, server.ReceiveAsync).Err(), net.ErrClosed)
	require.Zero(t, server.RemoteEndpoint())
	moved, err := other.Associate(fd)
	require.NoError(t, err)
	defer moved.Close()
	require.True(t, moved.Connected())
	requireEcho(t, client, moved)
}

func TestDetachIsRefusedWhileAnOpIsInFlight(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	hole := blackHole(t, "127.0.0.1", 0)
	connecting := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	j := to(hole).pending(t, connecting.ConnectAsync)
	_, err := connecting.Detach()
	require.ErrorIs(t, err, ops.ErrState)
	p.CancelConnectAsync(j.Op)
	j.wait(t)

	udp := bind(t, p, ops.Dgram, anyLoopback)
	in := newJob()
	in.SetBuffer(make([]byte, 1))
	in.pending(t, udp.ReceiveFromAsync)
	_, err = udp.Detach()
	require.ErrorIs(t, err, ops.ErrState)
	udp.Cancel(in.Op)
	require.Equal(t, ops.OperationAborted, in.wait(t).SocketError())
	fd, err := udp.Detach()
	require.NoError(t, err)
	require.NoError(t, unix.Close(fd))
}

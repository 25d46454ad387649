package ops_test

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
)

// misuse is a start that is refused: at once, with an error of the right kind, and without harm to op or socket.
type misuse struct {
	name  string
	set   func(*ops.Op)      // makes the op unfit; nil: the socket is
	start func(*ops.Op) bool // nil: that of the case's group
	want  error              // errors.Is finds it
	code  ops.SocketError    // .NET's name; 0: not looked at
}

// sockets are what the misuse cases work on. They are in use already: a refusal must leave them so.
type sockets struct {
	port                   *ops.Port
	listener               *ops.Socket
	client, server         *ops.Socket // connected
	fresh, bound           *ops.Socket
	udp, unbound           *ops.Socket // bound, not bound
	ipv4Only               *ops.Socket
	named                  *ops.Socket // Control has shown it
	closed                 *ops.Socket
	shut                   *ops.Socket // Shutdown(Send)
	disconnected, reusable *ops.Socket
	unixStream             *ops.Socket
	single                 *ops.Socket // IPv6, not dual-mode
}

func newSockets(t testing.TB, p *ops.Port) *sockets {
	x := &sockets{port: p, listener: listen(t, p, ops.ListenConfig{})}
	x.client = newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	connect(t, x.client, x.listener.LocalEndpoint())
	x.server = accept(t, x.listener)
	x.fresh = newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	x.bound = bind(t, p, ops.Stream, anyLoopback)
	x.udp = bind(t, p, ops.Dgram, anyLoopback)
	x.unbound = newSocket(t, p, ops.FamilyIPv4, ops.Dgram)
	x.ipv4Only = newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	x.named = newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	require.NoError(t, x.named.Control(func(uintptr) {}))
	x.closed = newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	require.NoError(t, x.closed.Close())
	x.shut, _ = tcpPair(t, p)
	require.NoError(t, x.shut.Shutdown(ops.ShutdownSend))
	x.disconnected, _ = tcpPair(t, p)
	require.NoError(t, newJob().run(t, x.disconnected.DisconnectAsync).Err())
	x.reusable, _ = tcpPair(t, p)
	again := newJob()
	again.DisconnectReuseSocket = true
	require.NoError(t, again.run(t, x.reusable.DisconnectAsync).Err())
	x.unixStream = newSocket(t, p, ops.FamilyUnix, ops.Stream)
	x.single = newSocket(t, p, ops.FamilyIPv6, ops.Stream)
	require.NoError(t, x.single.SetDualMode(false))
	return x
}

// The ways to make an op unfit.
func withBuffer(op *ops.Op) { op.SetBuffer([]byte("x")) }
func withList(op *ops.Op)   { op.SetBufferList([][]byte{[]byte("x")}) }
func withBoth(op *ops.Op)   { withBuffer(op); withList(op) }
func withEndpoint(ep ops.Endpoint) func(*ops.Op) {
	return func(op *ops.Op) { op.RemoteEndpoint = ep }
}
func acceptInto(s *ops.Socket) func(*ops.Op) { return func(op *ops.Op) { op.AcceptSocket = s } }

// T-022 to T-025, T-036 to T-047, T-052 to T-056, T-075, T-105, 1.3.12
func TestEachMisuseGetsItsAnswer(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	x := newSockets(t, p)
	for group, cases := range map[string][]misuse{
		"accept":       acceptMisuse(x),
		"connect":      connectMisuse(x),
		"static":       staticMisuse(x),
		"disconnect":   disconnectMisuse(x),
		"receive":      receiveMisuse(x),
		"send":         sendMisuse(x),
		"send to":      sendToMisuse(x),
		"send packets": packetsMisuse(x),
	} {
		for _, m := range cases {
			t.Run(group+"/"+m.name, func(t *testing.T) { requireRefused(t, x, m) })
		}
	}
	requireEcho(t, x.client, x.server)
}

func requireRefused(t *testing.T, x *sockets, m misuse) {
	j := newJob()
	if m.set != nil {
		m.set(j.Op)
	}
	before := *newSnapshot(j.Op)
	j.atOnce(t, m.start)
	require.ErrorIs(t, j.Err(), m.want)
	var e *ops.Error
	require.ErrorAs(t, j.Err(), &e)
	require.Equal(t, j.LastOperation(), e.Op, "the error names the operation: %v", e)
	if m.code != 0 {
		require.Equal(t, m.code, j.SocketError())
	}
	require.NotEqual(t, ops.Success, j.SocketError())
	require.Zero(t, j.BytesTransferred())
	require.Equal(t, before, *newSnapshot(j.Op), "a refusal leaves the inputs alone")
	// The op works again, at once.
	j.SetBufferList(nil)
	j.AcceptSocket, j.SocketFlags, j.Multishot = nil, 0, false
	j.SetBuffer([]byte("y"))
	require.NoError(t, j.run(t, x.client.SendAsync).Err())
	require.Equal(t, 1, j.BytesTransferred())
	requireReceived(t, x.server, "y")
}

// snapshot is what an op was given.
type snapshot struct {
	buffer, list int
	accept       *ops.Socket
	remote       ops.Endpoint
	flags        ops.SocketFlags
}

func newSnapshot(op *ops.Op) *snapshot {
	return &snapshot{len(op.Buffer()), len(op.BufferList()), op.AcceptSocket, op.RemoteEndpoint, op.SocketFlags}
}

func acceptMisuse(x *sockets) []misuse {
	l := x.listener.AcceptAsync
	return []misuse{
		{name: "not bound", start: x.fresh.AcceptAsync, want: ops.ErrState},                            // T-039
		{name: "not listening", start: x.bound.AcceptAsync, want: ops.ErrState},                        // T-040
		{name: "connected", start: x.client.AcceptAsync, want: ops.ErrState},                           // T-040
		{name: "datagram", start: x.udp.AcceptAsync, want: ops.ErrState},                               // T-040
		{name: "list", set: withList, start: l, want: ops.ErrArgument},                                 // T-038
		{name: "buffer", set: withBuffer, start: l, want: ops.ErrUnsupported},                          // T-022 to T-024
		{name: "both", set: withBoth, start: l, want: ops.ErrArgument},                                 // T-012
		{name: "into a bound socket", set: acceptInto(x.bound), start: l, want: ops.ErrState},          // T-055
		{name: "into a connected socket", set: acceptInto(x.client), start: l, want: ops.ErrState},     // T-056
		{name: "into a shut socket", set: acceptInto(x.shut), start: l, want: ops.ErrState},            // T-056
		{name: "into the listener", set: acceptInto(x.listener), start: l, want: ops.ErrState},         // T-055
		{name: "into a used up socket", set: acceptInto(x.disconnected), start: l, want: ops.ErrState}, // T-054
		{name: "into a closed socket", set: acceptInto(x.closed), start: l, want: net.ErrClosed},       // T-056
		{name: "into a datagram socket", set: acceptInto(x.unbound), start: l, want: ops.ErrArgument},  // T-055
		{name: "into another family", set: acceptInto(x.unixStream), start: l, want: ops.ErrArgument},  // T-055
		{name: "closed", start: x.closed.AcceptAsync, want: net.ErrClosed, code: ops.OperationAborted}, // T-036
		{name: "multishot into a socket", start: l, want: ops.ErrArgument, set: func(op *ops.Op) {
			op.Multishot, op.AcceptSocket = true, x.fresh
		}},
	}
}

func connectMisuse(x *sockets) []misuse {
	good := withEndpoint(x.listener.LocalEndpoint())
	with := func(set ...func(*ops.Op)) func(*ops.Op) {
		return func(op *ops.Op) {
			for _, s := range set {
				s(op)
			}
		}
	}
	six := ops.IPEndpoint(loopbackIPv6.AddrPort())
	return []misuse{
		{name: "list", set: with(good, withList), start: x.fresh.ConnectAsync, want: ops.ErrArgument}, // T-041
		{name: "no endpoint", start: x.fresh.ConnectAsync, want: ops.ErrArgument},                     // T-041
		{name: "listening", set: good, start: x.listener.ConnectAsync, want: ops.ErrState},            // T-042
		{name: "connected", set: good, start: x.client.ConnectAsync, want: syscall.EISCONN, // T-070
			code: ops.IsConnected},
		{name: "used up", set: good, start: x.disconnected.ConnectAsync, want: syscall.EISCONN, // T-073
			code: ops.IsConnected},
		{name: "other family", set: withEndpoint(six), start: x.ipv4Only.ConnectAsync, // T-043
			want: ops.ErrUnsupported},
		{name: "other family in a name", set: withEndpoint(ops.DNSEndpoint("::1", 80)), // T-043
			start: x.ipv4Only.ConnectAsync, want: ops.ErrUnsupported},
		{name: "path", set: withEndpoint(ops.UnixEndpoint("/nowhere")), start: x.ipv4Only.ConnectAsync,
			want: ops.ErrUnsupported},
		{name: "address of a unix socket", set: good, start: x.unixStream.ConnectAsync, want: ops.ErrUnsupported},
		{name: "name of a unix socket", set: withEndpoint(ops.DNSEndpoint("localhost", 80)),
			start: x.unixStream.ConnectAsync, want: ops.ErrUnsupported},
		{name: "IPv4 on an IPv6 socket", set: good, start: x.single.ConnectAsync, want: ops.ErrUnsupported}, // T-109
		{name: "unspecified name", set: withEndpoint(ops.DNSEndpoint("0.0.0.0", 80)), // T-025
			start: x.fresh.ConnectAsync, want: ops.ErrArgument},
		{name: "unspecified IPv6 name", set: withEndpoint(ops.DNSEndpoint("::0", 80)), // T-025
			start: x.fresh.ConnectAsync, want: ops.ErrArgument},
		{name: "empty name", set: withEndpoint(ops.DNSEndpoint("", 80)), start: x.fresh.ConnectAsync,
			want: ops.ErrArgument},
		{name: "name after Control", set: withEndpoint(ops.DNSEndpoint("localhost", 80)), // T-046, T-047
			start: x.named.ConnectAsync, want: ops.ErrUnsupported},
		{name: "long path", set: withEndpoint(ops.UnixEndpoint(string(make([]byte, 200)))),
			start: x.unixStream.ConnectAsync, want: ops.ErrArgument},
		{name: "closed", set: good, start: x.closed.ConnectAsync, want: net.ErrClosed}, // T-042
	}
}

func staticMisuse(x *sockets) []misuse {
	start := x.port.ConnectAsync
	return []misuse{
		{name: "list", start: start, want: ops.ErrArgument, set: func(op *ops.Op) { // T-041
			withList(op)
			op.RemoteEndpoint = x.listener.LocalEndpoint()
		}},
		{name: "no endpoint", start: start, want: ops.ErrArgument}, // T-041
		{name: "unspecified name", set: withEndpoint(ops.DNSEndpoint("0.0.0.0", 1)), start: start,
			want: ops.ErrArgument}, // T-025
		{name: "unspecified IPv6", set: withEndpoint(ops.DNSEndpoint("::0", 1)), start: start,
			want: ops.ErrArgument}, // T-025
		{name: "empty name", set: withEndpoint(ops.DNSEndpoint("", 1)), start: start, want: ops.ErrArgument},
		{name: "long path", set: withEndpoint(ops.UnixEndpoint(string(make([]byte, 200)))), start: start,
			want: ops.ErrArgument},
		{name: "unknown zone", set: withEndpoint(ipEndpoint("fe80::1%nowhere", 1)), start: start, want: ops.ErrArgument},
	}
}

func disconnectMisuse(x *sockets) []misuse {
	return []misuse{
		{name: "not connected", start: x.fresh.DisconnectAsync, want: syscall.ENOTCONN, code: ops.NotConnected}, // T-075
		{name: "listening", start: x.listener.DisconnectAsync, want: syscall.ENOTCONN, code: ops.NotConnected},  // T-075
		{name: "twice", start: x.disconnected.DisconnectAsync, want: syscall.ENOTCONN, code: ops.NotConnected},  // T-075
		{name: "both", set: withBoth, start: x.client.DisconnectAsync, want: ops.ErrArgument},
		{name: "reusable", start: x.reusable.DisconnectAsync, want: syscall.ENOTCONN, code: ops.NotConnected},
		{name: "datagram", start: x.udp.DisconnectAsync, want: syscall.ENOTCONN, code: ops.NotConnected},
		{name: "closed", start: x.closed.DisconnectAsync, want: net.ErrClosed}, // T-077
	}
}

func receiveMisuse(x *sockets) []misuse {
	unknown := func(op *ops.Op) { op.SocketFlags = 0x4000 }
	peekNoBuffer := func(op *ops.Op) { op.SocketFlags = ops.Peek }
	return []misuse{
		{name: "not connected", start: x.fresh.ReceiveAsync, want: syscall.ENOTCONN, code: ops.NotConnected},
		{name: "listening", start: x.listener.ReceiveAsync, want: syscall.ENOTCONN, code: ops.NotConnected},
		{name: "disconnected", start: x.disconnected.ReceiveAsync, want: syscall.ENOTCONN, code: ops.NotConnected},
		{name: "both", set: withBoth, start: x.client.ReceiveAsync, want: ops.ErrArgument},
		{name: "unknown flag", set: unknown, start: x.client.ReceiveAsync, want: ops.ErrUnsupported},
		{name: "peek without a buffer", set: peekNoBuffer, start: x.client.ReceiveAsync, want: ops.ErrArgument},
		{name: "multishot into a buffer", start: x.client.ReceiveAsync, want: ops.ErrArgument, set: func(op *ops.Op) {
			withBuffer(op)
			op.Multishot = true
		}},
		{name: "multishot peek", start: x.client.ReceiveAsync, want: ops.ErrArgument, set: func(op *ops.Op) {
			op.Multishot, op.SocketFlags = true, ops.Peek
		}},
		{name: "not bound", start: x.unbound.ReceiveFromAsync, want: ops.ErrState}, // T-093
		{name: "message, not bound", start: x.unbound.ReceiveMessageFromAsync, want: ops.ErrState},
		{name: "datagram, not bound", start: x.unbound.ReceiveAsync, want: ops.ErrState},
		{name: "closed", start: x.closed.ReceiveAsync, want: net.ErrClosed, code: ops.OperationAborted},
		{name: "from, closed", start: x.closed.ReceiveFromAsync, want: net.ErrClosed},
		{name: "message, closed", start: x.closed.ReceiveMessageFromAsync, want: net.ErrClosed},
	}
}

func sendMisuse(x *sockets) []misuse {
	return []misuse{
		{name: "not connected", set: withBuffer, start: x.fresh.SendAsync, want: syscall.ENOTCONN, code: ops.NotConnected},
		{name: "disconnected", set: withBuffer, start: x.disconnected.SendAsync, want: syscall.ENOTCONN},
		{name: "shut", set: withBuffer, start: x.shut.SendAsync, want: syscall.EPIPE, code: ops.Shutdown},
		{name: "both", set: withBoth, start: x.client.SendAsync, want: ops.ErrArgument},
		{name: "unknown flag", start: x.client.SendAsync, want: ops.ErrUnsupported, set: func(op *ops.Op) {
			op.SocketFlags = 0x4000
		}},
		{name: "datagram to nobody", set: withBuffer, start: x.udp.SendAsync, want: syscall.EDESTADDRREQ,
			code: ops.DestinationAddressRequired},
		{name: "closed", set: withBuffer, start: x.closed.SendAsync, want: net.ErrClosed, code: ops.OperationAborted},
	}
}

func sendToMisuse(x *sockets) []misuse {
	return []misuse{
		{name: "no endpoint", set: withBuffer, start: x.udp.SendToAsync, want: ops.ErrArgument}, // T-105
		{name: "name", set: withEndpoint(ops.DNSEndpoint("localhost", 1)), start: x.udp.SendToAsync,
			want: ops.ErrArgument}, // T-113
		{name: "other family", set: withEndpoint(loopbackIPv6), start: x.udp.SendToAsync, want: ops.ErrUnsupported},
		{name: "closed", set: withEndpoint(anyLoopback), start: x.closed.SendToAsync, want: net.ErrClosed}, // T-105
	}
}

func packetsMisuse(x *sockets) []misuse {
	some := func(op *ops.Op) { op.SetSendPacketsElements([]ops.SendPacketsElement{ops.ElementMemory([]byte("x"))}) }
	return []misuse{
		{name: "no elements", start: x.client.SendPacketsAsync, want: ops.ErrArgument},                // T-131
		{name: "not connected", set: some, start: x.fresh.SendPacketsAsync, want: ops.ErrUnsupported}, // T-045
		{name: "datagram", set: some, start: x.udp.SendPacketsAsync, want: ops.ErrUnsupported},        // T-045
		{name: "closed", set: some, start: x.closed.SendPacketsAsync, want: net.ErrClosed},            // T-128
		{name: "both", start: x.client.SendPacketsAsync, want: ops.ErrArgument, set: func(op *ops.Op) {
			some(op)
			withBoth(op)
		}},
		{name: "negative offset", start: x.client.SendPacketsAsync, want: ops.ErrArgument, set: func(op *ops.Op) { // T-147
			op.SetSendPacketsElements([]ops.SendPacketsElement{ops.ElementFile("/dev/null", -1, 0)})
		}},
	}
}

func TestRefusedSocketsStayUsable(t *testing.T) { // 1.3.12
	p := newPort(t, ops.PortConfig{})
	x := newSockets(t, p)
	for _, cases := range [][]misuse{acceptMisuse(x), connectMisuse(x), disconnectMisuse(x), receiveMisuse(x),
		sendMisuse(x), sendToMisuse(x), packetsMisuse(x)} {
		for _, m := range cases {
			op := ops.NewOp(nil)
			if m.set != nil {
				m.set(op)
			}
			require.False(t, m.start(op), m.name)
		}
	}
	requireEcho(t, x.client, x.server)
	connect(t, x.fresh, x.listener.LocalEndpoint())
	requireEcho(t, x.fresh, accept(t, x.listener))
	connect(t, x.reusable, x.listener.LocalEndpoint())
	requireEcho(t, x.reusable, accept(t, x.listener))
	connect(t, x.bound, x.listener.LocalEndpoint())
	requireEcho(t, x.bound, accept(t, x.listener))
	connect(t, x.ipv4Only, x.listener.LocalEndpoint())
	requireEcho(t, x.ipv4Only, accept(t, x.listener))
	connect(t, x.named, x.listener.LocalEndpoint())
	requireEcho(t, x.named, accept(t, x.listener))
	connect(t, x.unbound, x.udp.LocalEndpoint())
	connect(t, x.udp, x.unbound.LocalEndpoint())
	requireEcho(t, x.udp, x.unbound)
}

func TestStartingANilOpPanics(t *testing.T) { // T-037, T-041, T-045, T-105, T-129
	p := newPort(t, ops.PortConfig{})
	client, _ := tcpPair(t, p)
	l := listen(t, p, ops.ListenConfig{})
	for name, start := range starts(p, client, l) {
		require.Panics(t, func() { start(nil) }, name)
	}
	require.NotPanics(t, func() {
		client.Cancel(nil)
		p.CancelConnectAsync(nil)
	})
	require.True(t, client.Connected())
}

func TestAnOpInFlightPanicsAtEveryStartAndSetter(t *testing.T) { // T-006, 1.3.12
	p := newPort(t, ops.PortConfig{})
	client, server := tcpPair(t, p)
	l := listen(t, p, ops.ListenConfig{})
	j := newJob()
	j.SetBuffer(make([]byte, 4))
	j.pending(t, server.ReceiveAsync)
	for name, start := range starts(p, client, l) {
		require.Panics(t, func() { start(j.Op) }, name)
	}
	setters := map[string]func(){
		"SetBuffer":              func() { j.SetBuffer(nil) },
		"SetBufferList":          func() { j.SetBufferList(nil) },
		"SetSendPacketsElements": func() { j.SetSendPacketsElements(nil) },
		"Pool.Put":               func() { ops.NewPool(1, nil).Put(j.Op) },
	}
	for name, set := range setters {
		require.Panics(t, set, name)
	}
	out := newJob()
	out.SetBuffer([]byte("four"))
	require.NoError(t, out.run(t, client.SendAsync).Err())
	j.wait(t)
	require.Equal(t, "four", string(j.Bytes()), "the operation goes on unharmed")
	require.Equal(t, ops.Receive, j.LastOperation())
	require.Same(t, server, j.Socket())
	requireEcho(t, client, server)
}

func TestAnOpOfAClosedPortIsRefused(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	other, err := ops.NewPort(ops.PortConfig{})
	require.NoError(t, err)
	s, err := other.NewSocket(ops.FamilyIPv4, ops.Stream)
	require.NoError(t, err)
	l, err := other.Listen(anyLoopback, ops.ListenConfig{})
	require.NoError(t, err)
	require.NoError(t, other.Close())
	j := to(anyLoopback)
	for name, start := range starts(other, s, l) {
		require.False(t, start(j.Op), name)
		require.ErrorIs(t, j.Err(), net.ErrClosed, name)
	}
	for _, call := range []func() error{
		func() error { _, err := other.NewSocket(ops.FamilyIPv4, ops.Stream); return err },
		func() error { _, err := other.Listen(anyLoopback, ops.ListenConfig{}); return err },
		func() error { return other.Post(func() {}) },
		func() error { return s.Bind(anyLoopback) },
		func() error { return s.Listen(0) },
		func() error { return s.Shutdown(ops.ShutdownBoth) },
		func() error { return s.SetNoDelay(true) },
		func() error { return s.SetLinger(0) },
		func() error { return s.Control(func(uintptr) {}) },
		func() error { _, err := s.Detach(); return err },
	} {
		require.ErrorIs(t, call(), net.ErrClosed)
	}
	require.NoError(t, s.Close())
	require.Zero(t, s.LocalEndpoint())
	client, server := tcpPair(t, p)
	j.SetBuffer([]byte("x"))
	require.NoError(t, j.run(t, client.SendAsync).Err())
	requireReceived(t, server, "x")
}

func TestSentinelsMatchOneKindEach(t *testing.T) {
	kinds := []error{ops.ErrArgument, ops.ErrState, ops.ErrUnsupported, net.ErrClosed}
	p := newPort(t, ops.PortConfig{})
	x := newSockets(t, p)
	for _, cases := range [][]misuse{acceptMisuse(x), connectMisuse(x), staticMisuse(x), receiveMisuse(x)} {
		for _, m := range cases {
			op := ops.NewOp(nil)
			if m.set != nil {
				m.set(op)
			}
			require.False(t, m.start(op), m.name)
			matches := 0
			for _, kind := range kinds {
				if errors.Is(op.Err(), kind) {
					matches++
				}
			}
			require.LessOrEqual(t, matches, 1, "%s: %v", m.name, op.Err())
			if errors.Is(op.Err(), ops.ErrUnsupported) {
				require.ErrorIs(t, op.Err(), errors.ErrUnsupported)
			}
		}
	}
}

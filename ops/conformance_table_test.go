package ops_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
)

// way is one way that a start can answer: with a result at once, or pending. prepare brings its sockets into the
// state for it and gives the start.
type way struct {
	operation ops.Operation
	name      string
	pending   bool
	cfg       ops.PortConfig
	prepare   func(t *testing.T, p *ops.Port, j *job) (start func(*ops.Op) bool)
	finish    func(t *testing.T, j *job) // brings what is pending to its end
	want      ops.SocketError
}

var readAheadOff = ops.PortConfig{ReadAhead: -1}

// withData gives a socket for which data has arrived ahead of demand.
func withData(t *testing.T, p *ops.Port) *ops.Socket {
	t.Helper()
	client, server := tcpPair(t, p)
	requireEcho(t, client, server) // read-ahead begins with the first receive
	out := newJob()
	out.SetBuffer([]byte("ahead"))
	require.NoError(t, out.run(t, client.SendAsync).Err())
	waitStats(t, p, "it has arrived", func(s ops.Stats) bool { return s.Buffers.Leased == 1 })
	return server
}

// withEnd gives a socket that has seen the end of the stream.
func withEnd(t *testing.T, p *ops.Port) *ops.Socket {
	t.Helper()
	client, server := tcpPair(t, p)
	require.NoError(t, client.Shutdown(ops.ShutdownSend))
	requireEnd(t, server)
	return server
}

// withRoom gives j a buffer to receive into.
func withRoom(j *job) { j.SetBuffer(make([]byte, 16)) }

// onSocket is a way that needs nothing but a socket and what the op is given.
func onSocket(
	socket func(*testing.T, *ops.Port) *ops.Socket, start func(*ops.Socket, *ops.Op) bool, set func(*job),
) func(*testing.T, *ops.Port, *job) func(*ops.Op) bool {
	return func(t *testing.T, p *ops.Port, j *job) func(*ops.Op) bool {
		s := socket(t, p)
		if set != nil {
			set(j)
		}
		return func(op *ops.Op) bool { return start(s, op) }
	}
}

// feeder is the peer of a socket that waits for data.
type feeder struct{ peer *ops.Socket }

func (f *feeder) socket(t *testing.T, p *ops.Port) *ops.Socket {
	client, server := tcpPair(t, p)
	f.peer = client
	return server
}

func (f *feeder) feed(t *testing.T, _ *job) {
	out := newJob()
	out.SetBuffer([]byte("fed"))
	require.NoError(t, out.run(t, f.peer.SendAsync).Err())
}

// datagram gives a socket to which a datagram was sent before anybody asked, which is no way to a result at once.
func (f *feeder) datagram(t *testing.T, p *ops.Port) *ops.Socket {
	s, peer := bind(t, p, ops.Dgram, anyLoopback), bind(t, p, ops.Dgram, anyLoopback)
	out := to(s.LocalEndpoint())
	out.SetBuffer([]byte("fed"))
	require.NoError(t, out.run(t, peer.SendToAsync).Err())
	return s
}

func connected(t *testing.T, p *ops.Port) *ops.Socket {
	client, _ := tcpPair(t, p)
	return client
}

func TestEachOperationAnswersEachWay(t *testing.T) { // architecture: where pending == false comes from
	covered := map[ops.Operation]map[bool]bool{}
	var ways []way
	ways = append(ways, acceptWays()...)
	ways = append(ways, connectWays()...)
	ways = append(ways, disconnectWays()...)
	ways = append(ways, receiveWays(ops.Receive, (*ops.Socket).ReceiveAsync)...)
	ways = append(ways, receiveWays(ops.ReceiveFrom, (*ops.Socket).ReceiveFromAsync)...)
	ways = append(ways, receiveWays(ops.ReceiveMessageFrom, (*ops.Socket).ReceiveMessageFromAsync)...)
	ways = append(ways, sendWays()...)
	ways = append(ways, packetsWays()...)
	for _, w := range ways {
		t.Run(w.operation.String()+"/"+w.name, func(t *testing.T) { requireWay(t, w) })
		if covered[w.operation] == nil {
			covered[w.operation] = map[bool]bool{}
		}
		covered[w.operation][w.pending] = true
	}
	for operation := ops.Accept; operation <= ops.SendTo; operation++ {
		require.Len(t, covered[operation], 2, "%v is not shown both ways", operation)
	}
}

func requireWay(t *testing.T, w way) {
	p := newPort(t, w.cfg)
	j := newJob()
	start := w.prepare(t, p, j)
	if w.pending {
		j.pending(t, start)
		if w.finish != nil {
			w.finish(t, j)
		}
		j.wait(t)
	} else {
		j.atOnce(t, start)
	}
	require.Equal(t, w.want, j.SocketError(), "%v", j.Err())
	require.Equal(t, w.operation, j.LastOperation())
	onPort(t, p, func() {})
	require.Empty(t, j.completed, "it completed once, and only if it was pending")
	for _, s := range []*ops.Socket{j.ConnectSocket(), j.AcceptSocket} {
		if s != nil {
			require.NoError(t, s.Close())
		}
	}
	require.NoError(t, j.Close())
}

func acceptWays() []way {
	var l *ops.Socket
	listening := func(t *testing.T, p *ops.Port, j *job) func(*ops.Op) bool {
		l = listen(t, p, ops.ListenConfig{})
		return l.AcceptAsync
	}
	ahead := func(t *testing.T, p *ops.Port, j *job) func(*ops.Op) bool {
		l = listen(t, p, ops.ListenConfig{})
		dial(t, l)
		dial(t, l)
		accept(t, l)
		acceptedBy(t, p, 2)
		return l.AcceptAsync
	}
	target := func(prepare func(*testing.T, *ops.Port, *job) func(*ops.Op) bool,
	) func(*testing.T, *ops.Port, *job) func(*ops.Op) bool {
		return func(t *testing.T, p *ops.Port, j *job) func(*ops.Op) bool {
			j.AcceptSocket = newSocket(t, p, ops.FamilyIPv4, ops.Stream)
			return prepare(t, p, j)
		}
	}
	call := func(t *testing.T, _ *job) { dial(t, l) }
	return []way{
		{operation: ops.Accept, name: "nobody is there", pending: true, prepare: listening, finish: call},
		{operation: ops.Accept, name: "accepted ahead", prepare: ahead},
		{operation: ops.Accept, name: "into a socket, nobody is there", pending: true, prepare: target(listening),
			finish: call},
		{operation: ops.Accept, name: "into a socket, accepted ahead", prepare: target(ahead)},
		{operation: ops.Accept, name: "not listening", want: ops.InvalidArgument,
			prepare: onSocket(connected, (*ops.Socket).AcceptAsync, nil)},
	}
}

func connectWays() []way {
	fresh := func(t *testing.T, p *ops.Port) *ops.Socket { return newSocket(t, p, ops.FamilyIPv4, ops.Stream) }
	tcp := func(t *testing.T, p *ops.Port, j *job) func(*ops.Op) bool {
		j.RemoteEndpoint = listen(t, p, ops.ListenConfig{}).LocalEndpoint()
		return fresh(t, p).ConnectAsync
	}
	static := func(t *testing.T, p *ops.Port, j *job) func(*ops.Op) bool {
		tcp(t, p, j)
		return p.ConnectAsync
	}
	path := func(t *testing.T, p *ops.Port, j *job) func(*ops.Op) bool {
		j.RemoteEndpoint = listenOn(t, p, tempPath(t), ops.ListenConfig{}).LocalEndpoint()
		return newSocket(t, p, ops.FamilyUnix, ops.Stream).ConnectAsync
	}
	name := func(t *testing.T, p *ops.Port, j *job) func(*ops.Op) bool {
		start := tcp(t, p, j)
		j.RemoteEndpoint = ops.DNSEndpoint("localhost", j.RemoteEndpoint.Port())
		return start
	}
	udp := func(t *testing.T, p *ops.Port, j *job) func(*ops.Op) bool {
		j.RemoteEndpoint = bind(t, p, ops.Dgram, anyLoopback).LocalEndpoint()
		return newSocket(t, p, ops.FamilyIPv4, ops.Dgram).ConnectAsync
	}
	again := func(t *testing.T, p *ops.Port, j *job) func(*ops.Op) bool {
		j.RemoteEndpoint = anyLoopback
		return connected(t, p).ConnectAsync
	}
	refused := func(t *testing.T, p *ops.Port, j *job) func(*ops.Op) bool {
		j.RemoteEndpoint = deadPort(t)
		return fresh(t, p).ConnectAsync
	}
	return []way{
		{operation: ops.Connect, name: "TCP", pending: true, prepare: tcp},
		{operation: ops.Connect, name: "static", pending: true, prepare: static},
		{operation: ops.Connect, name: "path", pending: true, prepare: path},
		{operation: ops.Connect, name: "name", pending: true, prepare: name},
		{operation: ops.Connect, name: "refused", pending: true, prepare: refused, want: ops.ConnectionRefused},
		{operation: ops.Connect, name: "datagram", prepare: udp},
		{operation: ops.Connect, name: "connected", prepare: again, want: ops.IsConnected},
	}
}

func disconnectWays() []way {
	reuse := func(j *job) { j.DisconnectReuseSocket = true }
	sending := func(t *testing.T, p *ops.Port, j *job) func(*ops.Op) bool {
		s, peer := tcpPair(t, p)
		out := newJob()
		out.SetBuffer(make([]byte, 16<<20))
		out.pending(t, s.SendAsync)
		t.Cleanup(func() { out.wait(t) })
		return func(op *ops.Op) bool {
			pending := s.DisconnectAsync(op)
			_ = peer.Close() // the send fails, and the disconnect has its turn
			return pending
		}
	}
	armed := func(t *testing.T, p *ops.Port) *ops.Socket {
		client, server := tcpPair(t, p)
		requireEcho(t, client, server)
		return client
	}
	start := (*ops.Socket).DisconnectAsync
	return []way{
		{operation: ops.Disconnect, name: "idle", prepare: onSocket(connected, start, nil)},
		{operation: ops.Disconnect, name: "idle, for reuse", prepare: onSocket(connected, start, reuse)},
		{operation: ops.Disconnect, name: "a receive is armed", prepare: onSocket(armed, start, nil)},
		{operation: ops.Disconnect, name: "a receive is armed, for reuse", pending: true,
			prepare: onSocket(armed, start, reuse)},
		{operation: ops.Disconnect, name: "sends are queued", pending: true, prepare: sending},
	}
}

func receiveWays(operation ops.Operation, start func(*ops.Socket, *ops.Op) bool) []way {
	var f feeder
	list := func(j *job) { j.SetBufferList([][]byte{make([]byte, 2), make([]byte, 9)}) }
	nothing := func(j *job) { j.SetBuffer([]byte{}) }
	peek := func(j *job) { withRoom(j); j.SocketFlags = ops.Peek }
	picked := func(*job) {}
	ways := []way{
		{name: "datagram", pending: true, prepare: onSocket(f.datagram, start, withRoom)},
		{name: "datagram, nothing wanted", pending: true, prepare: onSocket(f.datagram, start, nothing)},
		{name: "datagram, kernel-picked", pending: true, prepare: onSocket(f.datagram, start, picked)},
		{name: "end seen", prepare: onSocket(withEnd, start, withRoom)},
		{name: "not connected", want: ops.NotConnected, prepare: onSocket(func(t *testing.T, p *ops.Port) *ops.Socket {
			return newSocket(t, p, ops.FamilyIPv4, ops.Stream)
		}, start, withRoom)},
		{name: "budget used up", pending: true, cfg: ops.PortConfig{SyncBudget: 1}, prepare: usedUp(start)},
	}
	for name, set := range map[string]func(*job){
		"own buffer": withRoom, "list": list, "kernel-picked": picked, "nothing wanted": nothing, "peek": peek,
	} {
		ways = append(ways,
			way{name: name + ", nothing there", pending: true, prepare: onSocket(f.socket, start, set), finish: f.feed},
			way{name: name + ", one by one", pending: true, cfg: readAheadOff, prepare: onSocket(f.socket, start, set),
				finish: f.feed},
			way{name: name + ", received ahead", prepare: onSocket(withData, start, set)})
	}
	for i := range ways {
		ways[i].operation = operation
	}
	return ways
}

// usedUp starts a receive of data that is there in a turn whose budget another one has used up.
func usedUp(start func(*ops.Socket, *ops.Op) bool) func(*testing.T, *ops.Port, *job) func(*ops.Op) bool {
	return func(t *testing.T, p *ops.Port, j *job) func(*ops.Op) bool {
		s := withData(t, p)
		withRoom(j)
		first := newJob()
		first.SetBuffer(make([]byte, 1))
		return func(op *ops.Op) (pending bool) {
			atOnce := false
			onPort(t, p, func() {
				atOnce = !s.ReceiveAsync(first.Op)
				pending = start(s, op)
			})
			require.True(t, atOnce)
			return pending
		}
	}
}

func sendWays() []way {
	payload := func(j *job) { j.SetBuffer([]byte("x")) }
	list := func(j *job) { j.SetBufferList([][]byte{[]byte("x"), []byte("y")}) }
	empty := func(j *job) { j.SetBuffer([]byte{}) }
	toPeer := func(t *testing.T, p *ops.Port, j *job) func(*ops.Op) bool {
		payload(j)
		j.RemoteEndpoint = bind(t, p, ops.Dgram, anyLoopback).LocalEndpoint()
		return newSocket(t, p, ops.FamilyIPv4, ops.Dgram).SendToAsync
	}
	tried := func(set func(*job)) func(*testing.T, *ops.Port, *job) func(*ops.Op) bool {
		return func(t *testing.T, p *ops.Port, j *job) func(*ops.Op) bool {
			s := connected(t, p)
			set(j)
			return func(op *ops.Op) (pending bool) {
				for range 10_000 { // until the port happens to sleep
					if !s.SendAsync(op) {
						return false
					}
					j.wait(t)
				}
				return true
			}
		}
	}
	// In a callback the port is awake: the send waits for the turn's end.
	queued := func(t *testing.T, p *ops.Port, j *job) func(*ops.Op) bool {
		s := connected(t, p)
		payload(j)
		return func(op *ops.Op) (pending bool) {
			onPort(t, p, func() { pending = s.SendAsync(op) })
			return pending
		}
	}
	addressed := func(set func(*job)) func(*job) {
		return func(j *job) {
			set(j)
			j.RemoteEndpoint = anyLoopback // not looked at on a connection
		}
	}
	try := ops.PortConfig{TrySend: true}
	send, sendTo := (*ops.Socket).SendAsync, (*ops.Socket).SendToAsync
	unconnected := func(t *testing.T, p *ops.Port) *ops.Socket { return newSocket(t, p, ops.FamilyIPv4, ops.Stream) }
	return []way{
		{operation: ops.Send, name: "queued", pending: true, prepare: onSocket(connected, send, payload)},
		{operation: ops.Send, name: "queued list", pending: true, prepare: onSocket(connected, send, list)},
		{operation: ops.Send, name: "queued while the port is awake", pending: true, cfg: try, prepare: queued},
		{operation: ops.Send, name: "tried", cfg: try, prepare: tried(payload)},
		{operation: ops.Send, name: "tried list", cfg: try, prepare: tried(list)},
		{operation: ops.Send, name: "nothing", prepare: onSocket(connected, send, empty)},
		{operation: ops.Send, name: "not connected", prepare: onSocket(unconnected, send, payload), want: ops.NotConnected},
		{operation: ops.SendTo, name: "datagram", pending: true, prepare: toPeer},
		{operation: ops.SendTo, name: "stream", pending: true, prepare: onSocket(connected, sendTo, addressed(payload))},
		{operation: ops.SendTo, name: "stream, nothing", prepare: onSocket(connected, sendTo, addressed(empty))},
		{operation: ops.SendTo, name: "nowhere", prepare: onSocket(connected, sendTo, payload), want: ops.InvalidArgument},
	}
}

func packetsWays() []way {
	some := func(j *job) {
		j.SetSendPacketsElements([]ops.SendPacketsElement{ops.ElementMemory([]byte("x"))})
	}
	nothing := func(j *job) { j.SetSendPacketsElements([]ops.SendPacketsElement{}) }
	ending := func(j *job) {
		some(j)
		j.SendPacketsFlags = ops.SendPacketsDisconnect
	}
	missing := func(j *job) {
		j.SetSendPacketsElements([]ops.SendPacketsElement{ops.ElementFile("/nowhere/at/all", 0, 0)})
	}
	start := (*ops.Socket).SendPacketsAsync
	return []way{
		{operation: ops.SendPackets, name: "memory", pending: true, prepare: onSocket(connected, start, some)},
		{operation: ops.SendPackets, name: "and disconnect", pending: true, prepare: onSocket(connected, start, ending)},
		{operation: ops.SendPackets, name: "nothing", prepare: onSocket(connected, start, nothing)},
		{operation: ops.SendPackets, name: "missing file", prepare: onSocket(connected, start, missing),
			want: ops.InvalidArgument},
	}
}

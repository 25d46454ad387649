package ops_test

import (
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

func TestAFreshOpIsEmpty(t *testing.T) { // T-001 to T-004, 1.2
	op := ops.NewOp(nil)
	require.Nil(t, op.Completed)
	require.Nil(t, op.UserToken)
	require.Nil(t, op.AcceptSocket)
	require.Nil(t, op.ConnectSocket())
	require.NoError(t, op.ConnectByNameError())
	require.Nil(t, op.Buffer())
	require.Nil(t, op.BufferList())
	require.Nil(t, op.Bytes())
	require.True(t, op.TakeBuffer().IsZero())
	require.Zero(t, op.BytesTransferred())
	require.Zero(t, op.RemoteEndpoint)
	require.Zero(t, op.SocketFlags)
	require.Zero(t, op.SendPacketsFlags)
	require.Zero(t, op.SendPacketsSendSize)
	require.Nil(t, op.SendPacketsElements())
	require.Zero(t, op.ReceiveMessageFromPacketInfo())
	require.False(t, op.DisconnectReuseSocket)
	require.False(t, op.Multishot)
	require.False(t, op.More())
	require.Nil(t, op.Socket())
	require.Equal(t, ops.None, op.LastOperation())
	require.Equal(t, ops.Success, op.SocketError())
	require.NoError(t, op.Err())
}

func TestTheZeroOpIsIdle(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	_, err := c.Write([]byte("x"))
	require.NoError(t, err)
	done := make(chan struct{})
	var op ops.Op
	op.Completed = func(*ops.Op) { close(done) }
	if s.ReceiveAsync(&op) {
		await(t, done)
	}
	require.Equal(t, "x", string(op.Bytes()))
	require.NoError(t, op.Close())
}

func TestTheLibraryNeverTouchesTheUserToken(t *testing.T) { // T-001
	p := newPort(t, ops.PortConfig{})
	client, server := tcpPair(t, p)
	token := new(int)
	j := newJob()
	j.UserToken = token
	j.SetBuffer([]byte("x"))
	require.NoError(t, j.run(t, client.SendAsync).Err())
	require.Same(t, token, j.UserToken)
	require.NoError(t, j.run(t, server.ReceiveAsync).Err())
	require.Same(t, token, j.UserToken)
	require.NoError(t, j.Close())
	require.Same(t, token, j.UserToken)
}

func TestPlainFieldsAreKept(t *testing.T) { // T-002, T-003, T-004
	p := newPort(t, ops.PortConfig{})
	client, _ := tcpPair(t, p)
	j := newJob()
	j.SendPacketsSendSize = 4
	j.SendPacketsFlags = ops.SendPacketsDisconnect
	j.DisconnectReuseSocket = true
	j.SetBuffer([]byte("x"))
	require.NoError(t, j.run(t, client.SendAsync).Err())
	require.Equal(t, 4, j.SendPacketsSendSize)
	require.Equal(t, ops.SendPacketsDisconnect, j.SendPacketsFlags)
	require.True(t, j.DisconnectReuseSocket)
	require.True(t, client.Connected(), "the flags of other operations mean nothing to a send")
}

func TestClosingAnOpTwiceIsFine(t *testing.T) { // T-005
	op := ops.NewOp(nil)
	require.NoError(t, op.Close())
	require.NoError(t, op.Close())
}

func TestAClosedOpIsRefusedByEveryStart(t *testing.T) { // T-005, T-006
	p := newPort(t, ops.PortConfig{})
	client, _ := tcpPair(t, p)
	l := listen(t, p, ops.ListenConfig{})
	op := ops.NewOp(func(*ops.Op) { t.Error("a refused op completed") })
	require.NoError(t, op.Close())
	for name, start := range starts(p, client, l) {
		require.False(t, start(op), name)
		require.ErrorIs(t, op.Err(), net.ErrClosed, name)
		require.Equal(t, ops.OperationAborted, op.SocketError(), name)
		require.Zero(t, op.BytesTransferred(), name)
	}
	require.NotPanics(t, func() {
		op.SetBuffer([]byte("x"))
		op.SetBufferList([][]byte{{1}})
		op.SetSendPacketsElements(nil)
	})
	require.True(t, client.Connected())
}

// starts gives every start there is.
func starts(p *ops.Port, s, l *ops.Socket) map[string]func(*ops.Op) bool {
	return map[string]func(*ops.Op) bool{
		"accept":               l.AcceptAsync,
		"connect":              s.ConnectAsync,
		"static connect":       p.ConnectAsync,
		"disconnect":           s.DisconnectAsync,
		"receive":              s.ReceiveAsync,
		"receive from":         s.ReceiveFromAsync,
		"receive message from": s.ReceiveMessageFromAsync,
		"send":                 s.SendAsync,
		"send to":              s.SendToAsync,
		"send packets":         s.SendPacketsAsync,
	}
}

func TestAnOpClosedInFlightCompletesAndIsClosedInItsHandler(t *testing.T) { // T-006
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	type seen struct {
		bytes   int
		pending bool
		err     error
	}
	handled := make(chan seen, 2)
	op := ops.NewOp(nil)
	op.Completed = func(op *ops.Op) {
		got := seen{bytes: op.BytesTransferred()}
		got.pending = s.ReceiveAsync(op)
		got.err = op.Err()
		handled <- got
	}
	op.SetBuffer(make([]byte, 8))
	require.True(t, s.ReceiveAsync(op))
	require.NoError(t, op.Close())
	require.NoError(t, op.Close())
	_, err := c.Write([]byte("abc"))
	require.NoError(t, err)
	got := await(t, handled)
	require.Equal(t, 3, got.bytes)
	require.False(t, got.pending)
	require.ErrorIs(t, got.err, net.ErrClosed)
	turnBy(t, p)
	require.Empty(t, handled, "it completed once")
}

func TestCompletedRunsOnThePortAndNotOnTheStartersStack(t *testing.T) { // T-007
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	var owner int
	onPort(t, p, func() { owner = unix.Gettid() })
	at := make(chan int, 1)
	op := ops.NewOp(func(*ops.Op) { at <- unix.Gettid() })
	op.SetBuffer(make([]byte, 1))
	require.True(t, s.ReceiveAsync(op))
	_, err := c.Write([]byte("x"))
	require.NoError(t, err)
	require.Equal(t, owner, await(t, at))
	require.NotEqual(t, owner, unix.Gettid())
}

func TestNoHandlerRunsInsideAnother(t *testing.T) { // T-007, law 8
	p := newPort(t, ops.PortConfig{SyncBudget: 1})
	client, server := tcpPair(t, p)
	depth, deepest := 0, 0
	handled := make(chan struct{}, 64)
	enter := func() {
		depth++
		deepest = max(deepest, depth)
	}
	others := make([]*ops.Op, 8)
	for i := range others {
		others[i] = ops.NewOp(func(*ops.Op) {
			enter()
			depth--
			handled <- struct{}{}
		})
		others[i].SetBuffer([]byte("x"))
	}
	first := ops.NewOp(func(*ops.Op) {
		enter()
		for _, op := range others {
			if !client.SendAsync(op) {
				handled <- struct{}{}
			}
		}
		_ = server.Close() // what it aborts completes later, too
		depth--
	})
	first.SetBuffer(make([]byte, 1))
	require.True(t, server.ReceiveAsync(first))
	j := newJob()
	j.SetBuffer([]byte("x"))
	require.NoError(t, j.run(t, client.SendAsync).Err())
	for range others {
		await(t, handled)
	}
	onPort(t, p, func() {})
	require.Equal(t, 1, deepest)
}

func TestSettingABufferToNilClearsIt(t *testing.T) { // T-008, T-009, T-029
	op := ops.NewOp(nil)
	op.SetBuffer(nil)
	require.Nil(t, op.Buffer())
	b := make([]byte, 3)
	op.SetBuffer(b[1:3])
	require.Len(t, op.Buffer(), 2)
	require.Same(t, &b[1], &op.Buffer()[0])
	op.SetBuffer(nil)
	require.Nil(t, op.Buffer())
}

func TestTheLatestBufferCounts(t *testing.T) { // T-013, T-033
	p := newPort(t, ops.PortConfig{})
	client, server := tcpPair(t, p)
	first, second := make([]byte, 8), make([]byte, 8)
	j := newJob()
	j.SetBuffer(first)
	j.SetBuffer(second[:4])
	require.Same(t, &second[0], &j.Buffer()[0])
	out := newJob()
	out.SetBuffer([]byte("data"))
	require.NoError(t, out.run(t, client.SendAsync).Err())
	require.Equal(t, 4, j.run(t, server.ReceiveAsync).BytesTransferred())
	require.Equal(t, "data\x00\x00\x00\x00", string(second))
	require.Equal(t, make([]byte, 8), first)
}

func TestAnOperationNeverChangesTheBufferThatIsSet(t *testing.T) { // 1.2, Count and Offset
	p := newPort(t, ops.PortConfig{})
	client, server := tcpPair(t, p)
	b := make([]byte, 64)
	in, out := newJob(), newJob()
	in.SetBuffer(b)
	for _, text := range []string{"x", "a longer message"} {
		out.SetBuffer([]byte(text))
		require.NoError(t, out.run(t, client.SendAsync).Err())
		require.Equal(t, len(text), in.run(t, server.ReceiveAsync).BytesTransferred())
		require.Len(t, in.Buffer(), 64, "one short message must not narrow the next receive")
		require.Same(t, &b[0], &in.Buffer()[0])
		require.Equal(t, text, string(in.Bytes()))
	}
}

func TestABufferListIsGivenBackAsItWasSet(t *testing.T) { // T-010, T-012, T-014
	op := ops.NewOp(nil)
	list := [][]byte{{1}, {}, {2, 3}}
	op.SetBufferList(list)
	require.Same(t, &list[0], &op.BufferList()[0])
	other := [][]byte{{4}}
	op.SetBufferList(other)
	require.Same(t, &other[0], &op.BufferList()[0])
	op.SetBufferList(nil)
	require.Nil(t, op.BufferList())
	op.SetBufferList([][]byte{})
	require.Nil(t, op.BufferList(), "an empty list is none")
}

func TestABufferAndAListTogetherAreRefusedByTheStart(t *testing.T) { // T-011, T-012, T-031
	p := newPort(t, ops.PortConfig{})
	client, server := tcpPair(t, p)
	b, list := []byte("xy"), [][]byte{[]byte("z")}
	j := newJob()
	j.SetBufferList(list)
	j.SetBuffer(b)
	require.NotNil(t, j.BufferList(), "the setters take what they get")
	require.NotNil(t, j.Buffer())
	for _, start := range []func(*ops.Op) bool{client.SendAsync, client.ReceiveAsync, client.ReceiveFromAsync,
		client.ReceiveMessageFromAsync} {
		require.ErrorIs(t, j.atOnce(t, start).Err(), ops.ErrArgument)
	}
	j.SetBufferList(nil)
	require.Equal(t, 2, j.run(t, client.SendAsync).BytesTransferred())
	j.SetBuffer(nil)
	j.SetBufferList(list)
	require.Equal(t, 1, j.run(t, client.SendAsync).BytesTransferred())
	requireReceived(t, server, "xyz")
}

func TestTheCompletedFieldCountsWhenItEnds(t *testing.T) { // T-015
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	called := make(chan string, 4)
	op := ops.NewOp(func(*ops.Op) { called <- "first" })
	for _, name := range []string{"first", "second"} {
		op.SetBuffer(make([]byte, 1))
		require.True(t, s.ReceiveAsync(op))
		_, err := c.Write([]byte("x"))
		require.NoError(t, err)
		require.Equal(t, name, await(t, called))
		op.Completed = func(*ops.Op) { called <- "second" }
	}
	require.Empty(t, called)
}

func TestAnOpWithoutAHandlerCompletes(t *testing.T) { // T-015
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	op := ops.NewOp(nil)
	op.SetBuffer(make([]byte, 1))
	require.True(t, s.ReceiveAsync(op))
	_, err := c.Write([]byte("x"))
	require.NoError(t, err)
	waitStats(t, p, "it completed", func(s ops.Stats) bool { return s.InFlight == 0 })
	onPort(t, p, func() {})
	require.Equal(t, 1, op.BytesTransferred())
}

func TestTheHandlerMayStartTheSameOpAgain(t *testing.T) { // T-006, T-020, 1.0(1)
	p := newPort(t, ops.PortConfig{})
	client, server := tcpPair(t, p)
	const rounds = 100
	handled := make(chan int, 1)
	n := 0
	op := ops.NewOp(nil)
	op.Completed = func(op *ops.Op) {
		for {
			if n += op.BytesTransferred(); n >= rounds || op.Err() != nil {
				handled <- n
				return
			}
			op.SetBuffer(make([]byte, 1))
			if server.ReceiveAsync(op) {
				return
			}
		}
	}
	op.SetBuffer(make([]byte, 1))
	require.True(t, server.ReceiveAsync(op))
	out := newJob()
	out.SetBuffer(patterned(rounds))
	require.NoError(t, out.run(t, client.SendAsync).Err())
	require.Equal(t, rounds, await(t, handled))
}

func TestLastOperationIsThatOfTheStart(t *testing.T) { // 1.0(5)
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	j := newJob()
	require.Equal(t, ops.None, j.LastOperation())
	j.pending(t, l.AcceptAsync)
	require.Equal(t, ops.Accept, j.LastOperation(), "from the start on")
	client := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	connect(t, client, l.LocalEndpoint())
	j.wait(t)
	require.Equal(t, ops.Accept, j.LastOperation())
	server := j.AcceptSocket
	defer server.Close()
	for name, start := range starts(p, client, l) {
		_ = start // each refused start names its operation, too
		fresh := ops.NewOp(nil)
		require.NoError(t, fresh.Close())
		require.False(t, start(fresh), name)
		require.NotEqual(t, ops.None, fresh.LastOperation(), name)
	}
	j.SetBuffer([]byte("x"))
	j.run(t, client.SendAsync)
	require.Equal(t, ops.Send, j.LastOperation())
	j.run(t, server.ReceiveAsync)
	require.Equal(t, ops.Receive, j.LastOperation())
	j.run(t, client.DisconnectAsync)
	require.Equal(t, ops.Disconnect, j.LastOperation())
	j.SetBuffer(nil)
	require.Equal(t, ops.Disconnect, j.LastOperation(), "and keeps its value")
}

func TestEveryCompletionOverwritesTheResult(t *testing.T) { // 1.2, SocketError and BytesTransferred
	p := newPort(t, ops.PortConfig{})
	client, server := tcpPair(t, p)
	lonely := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	j := newJob()
	j.SetBuffer([]byte("four"))
	require.Equal(t, 4, j.run(t, client.SendAsync).BytesTransferred())
	require.Equal(t, ops.Success, j.SocketError())
	j.run(t, lonely.SendAsync)
	require.Equal(t, ops.NotConnected, j.SocketError())
	require.ErrorIs(t, j.Err(), unix.ENOTCONN)
	require.Zero(t, j.BytesTransferred())
	require.Same(t, lonely, j.Socket())
	j.SetBuffer(make([]byte, 16))
	require.NoError(t, j.run(t, server.ReceiveAsync).Err())
	require.Equal(t, ops.Success, j.SocketError())
	require.Equal(t, 4, j.BytesTransferred())
	require.Same(t, server, j.Socket(), "the sender of the event")
}

func TestBytesOfAReceiveAreGoneWithTheNextStart(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	client, server := tcpPair(t, p)
	j := newJob()
	j.SetBuffer([]byte("x"))
	require.NoError(t, j.run(t, client.SendAsync).Err())
	require.Nil(t, j.Bytes(), "a send delivers nothing")
	require.Equal(t, 1, j.run(t, server.ReceiveAsync).BytesTransferred())
	require.Len(t, j.Bytes(), 1)
	j.run(t, client.SendAsync)
	require.Nil(t, j.Bytes())
	requireReceived(t, server, "x")
}

func TestSocketFlagsAreAnOutput(t *testing.T) { // T-002, T-092, 1.2
	p := newPort(t, ops.PortConfig{})
	client, server := tcpPair(t, p)
	out := newJob()
	out.SetBuffer([]byte("xyz"))
	require.NoError(t, out.run(t, client.SendAsync).Err())
	j := newJob()
	j.SetBuffer(make([]byte, 2))
	j.SocketFlags = ops.Peek
	require.NoError(t, j.run(t, server.ReceiveAsync).Err())
	require.Zero(t, j.SocketFlags, "Peek must be set again before each call; of a stream the output is none")
	require.Equal(t, "xy", string(j.Bytes()))
	requireReceived(t, server, "xyz")

	j.SocketFlags = ops.Peek
	j.run(t, client.DisconnectAsync)
	require.Zero(t, j.SocketFlags)
}

func TestOneOpServesTwoSocketsInTurn(t *testing.T) { // T-020
	p := newPort(t, ops.PortConfig{})
	j := newJob()
	for range 2 {
		client, server := tcpPair(t, p)
		j.SetBuffer([]byte("x"))
		require.NoError(t, j.run(t, client.SendAsync).Err())
		require.Same(t, client, j.Socket())
		require.NoError(t, j.run(t, server.ReceiveAsync).Err())
		require.Same(t, server, j.Socket())
	}
}

func TestOneOpServesTwoPortsInTurn(t *testing.T) { // T-020
	first, second := newPort(t, ops.PortConfig{}), newPort(t, ops.PortConfig{})
	j := newJob()
	for _, p := range []*ops.Port{first, second, first} {
		client, server := tcpPair(t, p)
		j.SetBuffer([]byte("x"))
		require.NoError(t, j.run(t, client.SendAsync).Err())
		j.SetBuffer(nil)
		require.NoError(t, j.run(t, server.ReceiveAsync).Err())
		require.Equal(t, "x", string(j.Bytes()))
	}
	require.NoError(t, j.Close())
}

func TestChangingAListAfterItWasSetChangesNothing(t *testing.T) { // T-021
	p := newPort(t, ops.PortConfig{})
	client, server := tcpPair(t, p)
	out, in := newJob(), newJob()
	outList := [][]byte{{1}}
	room := make([]byte, 1)
	inList := [][]byte{room}
	out.SetBufferList(outList)
	in.SetBufferList(inList)
	for round := range 10 {
		require.Equal(t, 1, out.run(t, client.SendAsync).BytesTransferred())
		require.Equal(t, 1, in.run(t, server.ReceiveAsync).BytesTransferred())
		require.Equal(t, byte(1), room[0])
		room[0] = 0
		outList[0] = make([]byte, round+7)
		inList[0] = make([]byte, round+9)
	}
}

func TestUnguardedFieldsMayChangeInFlight(t *testing.T) { // 1.0(4)
	p := newPort(t, ops.PortConfig{})
	client, server := tcpPair(t, p)
	j := newJob()
	j.SetBuffer(make([]byte, 2))
	j.pending(t, server.ReceiveAsync)
	onPort(t, p, func() { // nothing completes meanwhile
		j.UserToken = 1
		j.SocketFlags = ops.Peek
		j.RemoteEndpoint = anyLoopback
		j.DisconnectReuseSocket = true
		j.SendPacketsFlags = ops.SendPacketsDisconnect
		j.SendPacketsSendSize = 4
		j.Multishot = true
		j.DontWait = true
	})
	out := newJob()
	out.SetBuffer([]byte("xy"))
	require.NoError(t, out.run(t, client.SendAsync).Err())
	j.wait(t)
	require.NoError(t, j.Err())
	require.Equal(t, "xy", string(j.Bytes()), "they take effect with the next start")
	require.False(t, j.More())
	require.Empty(t, j.completed)
}

func TestAnOpIsCollectedOnceNobodyHoldsIt(t *testing.T) { // T-035
	p := newPort(t, ops.PortConfig{})
	client, server := tcpPair(t, p)
	gone := make(chan string, 2)
	func() {
		unused, used := newJob(), newJob()
		runtime.AddCleanup(unused.Op, func(name string) { gone <- name }, "unused")
		runtime.AddCleanup(used.Op, func(name string) { gone <- name }, "used")
		used.SetBuffer([]byte("x"))
		require.NoError(t, used.run(t, client.SendAsync).Err())
		require.NoError(t, used.run(t, server.ReceiveAsync).Err())
	}()
	found := map[string]bool{}
	for deadline := time.Now().Add(patience); len(found) < 2; {
		require.True(t, time.Now().Before(deadline), "the port holds on to an op: %v", found)
		runtime.GC()
		onPort(t, p, func() {})
		select {
		case name := <-gone:
			found[name] = true
		default:
		}
	}
}

func TestTheResultStaysUntilTheNextStart(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	client, server := tcpPair(t, p)
	j := newJob()
	j.SetBuffer([]byte("xyz"))
	require.NoError(t, j.run(t, client.SendAsync).Err())
	j.SetBuffer(nil)
	j.SetBufferList([][]byte{{1}})
	require.Equal(t, 3, j.BytesTransferred(), "setters change no result")
	require.Equal(t, ops.Send, j.LastOperation())
	require.NoError(t, j.Close())
	require.Equal(t, 3, j.BytesTransferred(), "nor does Close")
	require.Same(t, client, j.Socket())
	requireReceived(t, server, "xyz")
}

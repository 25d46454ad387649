package ops_test

import (
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

func TestAnAcceptedSocketIsThePeersMirrorImage(t *testing.T) { // T-048
	p := newPort(t, ops.PortConfig{})
	for name, ep := range map[string]ops.Endpoint{"IPv4": anyLoopback, "IPv6": loopbackIPv6, "Unix": tempPath(t)} {
		l := listenOn(t, p, ep, ops.ListenConfig{})
		client := newSocket(t, p, ep.Family(), ops.Stream)
		a := newJob().pending(t, l.AcceptAsync)
		connect(t, client, l.LocalEndpoint())
		a.wait(t)
		require.NoError(t, a.Err(), name)
		require.Zero(t, a.BytesTransferred(), name)
		server := a.AcceptSocket
		require.True(t, server.Connected(), name)
		require.Equal(t, client.RemoteEndpoint(), server.LocalEndpoint(), name)
		require.Equal(t, client.LocalEndpoint(), server.RemoteEndpoint(), name)
		require.Equal(t, l.LocalEndpoint(), server.LocalEndpoint(), name)
		require.Equal(t, l.Family(), server.Family(), name)
		require.Equal(t, ops.Stream, server.SocketType(), name)
		requireEcho(t, client, server)
		require.NoError(t, server.Close())
	}
}

func TestAcceptsStartedBeforeConnectsCompleteAll(t *testing.T) { // T-049
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	for _, n := range []int{2, 5} {
		accepts := jobs(n)
		for _, j := range accepts {
			j.pending(t, l.AcceptAsync)
		}
		requireAccepted(t, p, l, accepts)
	}
}

// requireAccepted connects once for each accept, in turn: they complete in their order.
func requireAccepted(t *testing.T, p *ops.Port, l *ops.Socket, accepts []*job) {
	for _, j := range accepts {
		client := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
		connect(t, client, l.LocalEndpoint())
		j.wait(t)
		require.NoError(t, j.Err())
		require.Equal(t, client.LocalEndpoint(), j.AcceptSocket.RemoteEndpoint())
		requireEcho(t, client, j.AcceptSocket)
		require.NoError(t, j.AcceptSocket.Close())
	}
}

func TestAcceptsStartedAfterConnectsCompleteAll(t *testing.T) { // T-050
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	for _, n := range []int{2, 5} {
		var clients []*ops.Socket
		for range n {
			client := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
			connect(t, client, l.LocalEndpoint())
			clients = append(clients, client)
		}
		for _, client := range clients {
			requireEcho(t, client, accept(t, l))
		}
	}
}

func TestAcceptFillsASocketMadeBeforehand(t *testing.T) { // T-052
	t.Run("before a connection comes", func(t *testing.T) { fillTarget(t, false) })
	t.Run("that has come", func(t *testing.T) { fillTarget(t, true) })
}

func fillTarget(t *testing.T, connected bool) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	if connected { // another connection waits in accept-ahead: the accept ends at once
		dial(t, l)
		dial(t, l)
		_ = accept(t, l)
		acceptedBy(t, p, 2)
	}
	target := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	j := newJob()
	j.AcceptSocket = target
	if connected {
		j.atOnce(t, l.AcceptAsync)
	} else {
		j.pending(t, l.AcceptAsync)
		dial(t, l)
		j.wait(t)
	}
	require.NoError(t, j.Err())
	require.Same(t, target, j.AcceptSocket, "the same socket object")
	require.True(t, target.Connected())
	require.Equal(t, l.LocalEndpoint(), target.LocalEndpoint())
	require.NotZero(t, target.RemoteEndpoint())
	require.NoError(t, target.Close())
}

func TestAcceptFillsASocketOfAnotherPort(t *testing.T) { // T-052
	p, other := newPort(t, ops.PortConfig{}), newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	for range 2 {
		client := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
		target := newSocket(t, other, ops.FamilyIPv4, ops.Stream)
		j := newJob()
		j.AcceptSocket = target
		if l.AcceptAsync(j.Op) {
			connect(t, client, l.LocalEndpoint())
			j.wait(t)
		} else {
			t.Error("nothing was there yet")
		}
		require.NoError(t, j.Err())
		require.Same(t, target, j.AcceptSocket)
		require.Same(t, other, target.Port())
		requireEcho(t, client, target)
		require.Equal(t, 1, other.Stats().Sockets)
		require.NoError(t, target.Close())
		waitStats(t, other, "it is gone", func(s ops.Stats) bool { return s.Sockets == 0 })
	}
}

func TestAcceptIntoASocketThatWasDisconnectedForReuse(t *testing.T) { // T-053
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	target := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	for range 3 {
		client := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
		j := newJob()
		j.AcceptSocket = target
		connect(t, client, l.LocalEndpoint())
		require.NoError(t, j.run(t, l.AcceptAsync).Err())
		require.Same(t, target, j.AcceptSocket)
		requireEcho(t, client, target)
		d := newJob()
		d.DisconnectReuseSocket = true
		require.NoError(t, d.run(t, target.DisconnectAsync).Err())
		require.False(t, target.Connected())
		require.Zero(t, target.RemoteEndpoint())
		requireEnd(t, client)
	}
}

func TestAcceptIntoASocketThatWasDisconnectedIsRefused(t *testing.T) { // T-054
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	client, server := tcpPair(t, p)
	for _, used := range []*ops.Socket{client, server} {
		require.NoError(t, newJob().run(t, used.DisconnectAsync).Err())
		j := newJob()
		j.AcceptSocket = used
		require.ErrorIs(t, j.atOnce(t, l.AcceptAsync).Err(), ops.ErrState)
		require.Same(t, used, j.AcceptSocket)
	}
}

func TestForgettingToClearAcceptSocketIsRefused(t *testing.T) { // T-056, 1.3.12
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	dial(t, l)
	dial(t, l)
	j := newJob()
	require.NoError(t, j.run(t, l.AcceptAsync).Err())
	first := j.AcceptSocket
	defer first.Close()
	require.ErrorIs(t, j.atOnce(t, l.AcceptAsync).Err(), ops.ErrState)
	j.AcceptSocket = nil
	require.NoError(t, j.run(t, l.AcceptAsync).Err())
	require.NotSame(t, first, j.AcceptSocket)
	require.NoError(t, j.AcceptSocket.Close())
}

func TestOneSocketIsTheTargetOfOneAccept(t *testing.T) { // T-056
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	target := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	first, second := newJob(), newJob()
	first.AcceptSocket, second.AcceptSocket = target, target
	first.pending(t, l.AcceptAsync)
	require.ErrorIs(t, second.atOnce(t, l.AcceptAsync).Err(), ops.ErrState)
	require.ErrorIs(t, to(l.LocalEndpoint()).atOnce(t, target.ConnectAsync).Err(), ops.ErrState)
	require.ErrorIs(t, target.Bind(anyLoopback), ops.ErrState)
	dial(t, l)
	first.wait(t)
	require.NoError(t, first.Err())
	require.True(t, target.Connected())
}

func TestATargetIsFreeAgainAfterItsAcceptWasCancelled(t *testing.T) { // T-056
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	target := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	j := newJob()
	j.AcceptSocket = target
	j.pending(t, l.AcceptAsync)
	l.Cancel(j.Op)
	require.Equal(t, ops.OperationAborted, j.wait(t).SocketError())
	require.False(t, target.Connected())
	client := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	j.pending(t, l.AcceptAsync)
	connect(t, client, l.LocalEndpoint())
	require.NoError(t, j.wait(t).Err())
	requireEcho(t, client, target)
}

func TestATargetClosedMeanwhileEndsTheConnection(t *testing.T) { // T-056
	p, other := newPort(t, ops.PortConfig{}), newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	for _, home := range []*ops.Port{p, other} {
		target := newSocket(t, home, ops.FamilyIPv4, ops.Stream)
		j := newJob()
		j.AcceptSocket = target
		j.pending(t, l.AcceptAsync)
		require.NoError(t, target.Close())
		c := dial(t, l)
		require.ErrorIs(t, j.wait(t).Err(), net.ErrClosed)
		require.False(t, target.Connected())
		_, err := c.Read(make([]byte, 1))
		require.Error(t, err, "nobody keeps the connection")
	}
}

func TestAFreshSocketThatControlHasShownCanBeATarget(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	target := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	var before, after uintptr
	require.NoError(t, target.Control(func(fd uintptr) { before = fd }))
	j := newJob()
	j.AcceptSocket = target
	client := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	connect(t, client, l.LocalEndpoint())
	require.NoError(t, j.run(t, l.AcceptAsync).Err())
	require.NoError(t, target.Control(func(fd uintptr) { after = fd }))
	require.Equal(t, before, after, "the number is still the socket's")
	requireEcho(t, client, target)
}

func TestLookingAtATargetWhileItIsFilledSeesNoStranger(t *testing.T) {
	p, other := newPort(t, ops.PortConfig{}), newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	for range 50 {
		target := newSocket(t, other, ops.FamilyIPv4, ops.Stream)
		stop := make(chan struct{})
		var wg sync.WaitGroup
		strange := false
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := target.Control(func(fd uintptr) {
					_, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TYPE)
					strange = strange || err != nil
				}); err != nil {
					strange = true
				}
				_ = target.LocalEndpoint()
			}
		})
		j := newJob()
		j.AcceptSocket = target
		dial(t, l)
		j.run(t, l.AcceptAsync)
		close(stop)
		wg.Wait()
		require.NoError(t, j.Err())
		require.False(t, strange)
		require.NoError(t, target.Close())
	}
}

func TestClosingAListenerAbortsEveryPendingAccept(t *testing.T) { // T-058, T-059
	p := newPort(t, ops.PortConfig{})
	for name, ep := range map[string]ops.Endpoint{
		"IPv4": anyLoopback, "IPv6": loopbackIPv6, "mapped": ipEndpoint("::ffff:127.0.0.1", 0), "Unix": tempPath(t),
	} {
		l := listenOn(t, p, ep, ops.ListenConfig{DualStack: true})
		plain, into, multi := newJob(), newJob(), newJob()
		plain.pending(t, l.AcceptAsync)
		into.AcceptSocket = newSocket(t, p, ep.Family(), ops.Stream)
		into.pending(t, l.AcceptAsync)
		multi.Multishot = true
		multi.pending(t, l.AcceptAsync)
		require.NoError(t, l.Close())
		for _, j := range []*job{plain, into, multi} {
			j.wait(t)
			require.Equal(t, ops.OperationAborted, j.SocketError(), name)
			require.ErrorIs(t, j.Err(), net.ErrClosed, name)
			require.Zero(t, j.BytesTransferred(), name)
			require.False(t, j.More(), name)
		}
		require.Nil(t, plain.AcceptSocket, name)
		require.False(t, into.AcceptSocket.Connected(), name)
		require.ErrorIs(t, newJob().atOnce(t, l.AcceptAsync).Err(), net.ErrClosed, name)
	}
}

func TestAListenerOfAnAssociatedDescriptorIsAbortedByClose(t *testing.T) { // T-059, owning descriptor
	p := newPort(t, ops.PortConfig{})
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, unix.Listen(fd, 5))
	l, err := p.Associate(fd)
	require.NoError(t, err)
	j := newJob().pending(t, l.AcceptAsync)
	require.NoError(t, l.Close())
	require.Equal(t, ops.OperationAborted, j.wait(t).SocketError())
}

func TestAcceptingIsSeveralOpsOrOneArmedAlike(t *testing.T) { // 1.3.1, T-049
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	single := newJob().pending(t, l.AcceptAsync)
	accepted := make(chan *ops.Socket, 16)
	ended := make(chan struct{})
	multi := ops.NewOp(nil)
	multi.Completed = func(op *ops.Op) {
		if op.More() {
			accepted <- op.AcceptSocket
			return
		}
		close(ended)
	}
	multi.Multishot = true
	require.True(t, l.AcceptAsync(multi))
	for i := range 4 {
		c := dial(t, l)
		var s *ops.Socket
		if i == 0 {
			s = single.wait(t).AcceptSocket
		} else {
			s = await(t, accepted)
		}
		require.Equal(t, c.LocalAddr().String(), s.RemoteEndpoint().String())
		require.NoError(t, s.Close())
	}
	l.Cancel(multi)
	await(t, ended)
	require.Equal(t, ops.OperationAborted, multi.SocketError())
}

// 1.3.1: on a failed accept there is no socket, though the completion before had one.
func TestTheLastCompletionOfAMultishotAcceptHasNoSocket(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	for name, end := range map[string]func(l *ops.Socket, op *ops.Op){
		"cancelled": func(l *ops.Socket, op *ops.Op) { l.Cancel(op) },
		"closed":    func(l *ops.Socket, _ *ops.Op) { _ = l.Close() },
		"broken": func(l *ops.Socket, _ *ops.Op) {
			_ = l.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), unix.SHUT_RDWR) })
		},
	} {
		l := listen(t, p, ops.ListenConfig{})
		multi := newJob()
		multi.Multishot = true
		multi.pending(t, l.AcceptAsync)
		c := dial(t, l)
		require.Equal(t, c.LocalAddr().String(), multi.wait(t).AcceptSocket.RemoteEndpoint().String(), name)
		require.NoError(t, multi.AcceptSocket.Close())
		end(l, multi.Op)
		require.Error(t, multi.wait(t).Err(), name)
		require.False(t, multi.More(), name)
		require.Nil(t, multi.AcceptSocket, name)
	}
}

func TestListenNeedsABoundStreamSocket(t *testing.T) { // T-039
	p := newPort(t, ops.PortConfig{})
	require.ErrorIs(t, newSocket(t, p, ops.FamilyIPv4, ops.Stream).Listen(1), ops.ErrState)
	require.ErrorIs(t, bind(t, p, ops.Dgram, anyLoopback).Listen(1), ops.ErrUnsupported)
	client, _ := tcpPair(t, p)
	require.ErrorIs(t, client.Listen(1), ops.ErrState)
	s := bind(t, p, ops.Stream, anyLoopback)
	require.ErrorIs(t, s.Listen(-1), ops.ErrArgument)
	require.NoError(t, s.Listen(4))
	require.NoError(t, s.Listen(8), "a second time changes the backlog")
	require.ErrorIs(t, s.Bind(anyLoopback), ops.ErrState)
	other := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	connect(t, other, s.LocalEndpoint())
	requireEcho(t, other, accept(t, s))
}

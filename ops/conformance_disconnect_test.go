package ops_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

// disconnect ends a connection, which must work.
func disconnect(t testing.TB, s *ops.Socket, reuse bool) *job {
	t.Helper()
	j := newJob()
	j.DisconnectReuseSocket = reuse
	require.NoError(t, j.run(t, s.DisconnectAsync).Err())
	return j
}

func TestDisconnectEndsTheConnectionAtOnce(t *testing.T) { // T-072, T-073, 1.3.5
	p := newPort(t, ops.PortConfig{})
	for _, pair := range []func(testing.TB, *ops.Port) (*ops.Socket, *ops.Socket){tcpPair, unixPair} {
		for _, reuse := range []bool{false, true} {
			client, server := pair(t, p)
			j := newJob()
			j.DisconnectReuseSocket = reuse
			j.atOnce(t, client.DisconnectAsync)
			require.NoError(t, j.Err())
			require.Equal(t, ops.Disconnect, j.LastOperation())
			require.Zero(t, j.BytesTransferred())
			require.Same(t, client, j.Socket())
			require.False(t, client.Connected())
			require.Zero(t, client.RemoteEndpoint())
			require.Equal(t, reuse, j.DisconnectReuseSocket)
			requireEnd(t, server)
		}
	}
}

func TestADisconnectedSocketForReuseConnectsAgain(t *testing.T) { // T-072
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	client, server := tcpPair(t, p)
	for range 3 {
		requireEcho(t, client, server) // read-ahead is armed from now on
		disconnect(t, client, true)
		requireEnd(t, server)
		require.Zero(t, client.LocalEndpoint())
		connect(t, client, l.LocalEndpoint())
		require.NoError(t, server.Close())
		server = accept(t, l)
	}
	requireEcho(t, client, server)
}

func TestADisconnectedSocketConnectsNoMore(t *testing.T) { // T-073
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	client, _ := tcpPair(t, p)
	disconnect(t, client, false)
	require.Equal(t, ops.IsConnected, to(l.LocalEndpoint()).atOnce(t, client.ConnectAsync).SocketError())
	require.ErrorIs(t, client.Bind(anyLoopback), ops.ErrState)
	require.Equal(t, ops.NotConnected, newJob().atOnce(t, client.ReceiveAsync).SocketError())
	require.Equal(t, ops.NotConnected, newJob().atOnce(t, client.SendAsync).SocketError())
	require.ErrorIs(t, client.Shutdown(ops.ShutdownSend), unix.ENOTCONN)
}

func TestDisconnectGoesBehindTheSendsThatWereStarted(t *testing.T) { // 1.3.5
	for _, reuse := range []bool{false, true} {
		p := newPort(t, ops.PortConfig{})
		client, server := tcpPair(t, p)
		const size = 4 << 20
		out, end := newJob(), newJob()
		out.SetBuffer(patterned(size))
		out.pending(t, client.SendAsync)
		end.DisconnectReuseSocket = reuse
		end.pending(t, client.DisconnectAsync)
		var check streamCheck
		in := newJob()
		for {
			require.NoError(t, in.run(t, server.ReceiveAsync).Err())
			if in.BytesTransferred() == 0 {
				break
			}
			check.take(in.Bytes())
		}
		check.require(t, size)
		require.NoError(t, out.wait(t).Err())
		require.NoError(t, end.wait(t).Err())
		require.False(t, client.Connected())
		require.NoError(t, in.Close())
	}
}

func TestAReceiveThatWaitsSeesTheEndOfADisconnect(t *testing.T) { // 1.3.5
	eachMode(t, func(t *testing.T, p *ops.Port) {
		for _, reuse := range []bool{false, true} {
			client, _ := tcpPair(t, p)
			waiting := jobs(2)
			for _, j := range waiting {
				j.SetBuffer(make([]byte, 4))
				j.pending(t, client.ReceiveAsync)
			}
			disconnect(t, client, reuse)
			for _, j := range waiting {
				require.NoError(t, j.wait(t).Err())
				require.Zero(t, j.BytesTransferred())
			}
			require.False(t, client.Connected())
		}
	})
}

func TestDataOfTheOldConnectionIsNotThatOfTheNew(t *testing.T) { // 1.3.5
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	client, server := tcpPair(t, p)
	requireEcho(t, client, server)
	out := newJob()
	out.SetBuffer([]byte("stale"))
	require.NoError(t, out.run(t, server.SendAsync).Err())
	waitStats(t, p, "it was received ahead", func(s ops.Stats) bool { return s.Buffers.Leased == 1 })
	disconnect(t, client, true)
	connect(t, client, l.LocalEndpoint())
	requireEcho(t, client, accept(t, l))
}

func TestASocketIsReusedAfterAReset(t *testing.T) { // T-072
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	client, server := tcpPair(t, p)
	require.NoError(t, server.SetLinger(0))
	in := newJob()
	in.SetBuffer(make([]byte, 1))
	in.pending(t, client.ReceiveAsync)
	require.NoError(t, server.Close())
	require.Equal(t, ops.ConnectionReset, in.wait(t).SocketError())
	require.False(t, client.Connected())
	disconnect(t, client, true)
	connect(t, client, l.LocalEndpoint())
	require.True(t, client.Connected())
	requireEcho(t, client, accept(t, l))
}

func TestOptionsSurviveADisconnectForReuse(t *testing.T) { // 1.3.2, 1.3.5, tracked options
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	client, _ := tcpPair(t, p)
	require.NoError(t, client.SetNoDelay(true))
	require.NoError(t, client.SetNoDelay(false))
	require.NoError(t, client.SetNoDelay(true))
	require.NoError(t, client.SetTTL(44))
	require.NoError(t, client.SetSendBuffer(50000))
	require.NoError(t, client.SetKeepAlive(0, 0, 0))
	var before uintptr
	require.NoError(t, client.Control(func(fd uintptr) { before = fd }))
	disconnect(t, client, true)
	require.NoError(t, client.Control(func(fd uintptr) { require.Equal(t, before, fd) }))
	connect(t, client, l.LocalEndpoint())
	require.Equal(t, 1, socketOption(t, client, unix.IPPROTO_TCP, unix.TCP_NODELAY))
	require.Equal(t, 44, socketOption(t, client, unix.IPPROTO_IP, unix.IP_TTL))
	require.Equal(t, 100000, socketOption(t, client, unix.SOL_SOCKET, unix.SO_SNDBUF))
	require.Equal(t, 1, socketOption(t, client, unix.SOL_SOCKET, unix.SO_KEEPALIVE))
	requireEcho(t, client, accept(t, l))
}

func TestDisconnectDissolvesADatagramSocketsConnection(t *testing.T) { // T-072
	p := newPort(t, ops.PortConfig{})
	for _, ep := range []ops.Endpoint{anyLoopback, loopbackIPv6} {
		for _, reuse := range []bool{false, true} {
			s, peer := bind(t, p, ops.Dgram, ep), bind(t, p, ops.Dgram, ep)
			local := s.LocalEndpoint()
			connect(t, s, peer.LocalEndpoint())
			waiting := newJob()
			waiting.SetBuffer(make([]byte, 8))
			waiting.pending(t, s.ReceiveFromAsync) // stays armed: it must not hold the disconnect up
			disconnect(t, s, reuse)
			require.False(t, s.Connected())
			require.Zero(t, s.RemoteEndpoint())
			require.Equal(t, local, s.LocalEndpoint())
			stranger := bind(t, p, ops.Dgram, ep)
			out := to(s.LocalEndpoint())
			out.SetBuffer([]byte("hi"))
			require.NoError(t, out.run(t, stranger.SendToAsync).Err())
			require.NoError(t, waiting.wait(t).Err())
			require.Equal(t, stranger.LocalEndpoint(), waiting.RemoteEndpoint)
			connect(t, s, stranger.LocalEndpoint())
		}
	}
}

func TestDisconnectRacesWithReceivesAndClose(t *testing.T) { // 1.3.5
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	for round := range 200 {
		client, err := p.NewSocket(ops.FamilyIPv4, ops.Stream)
		require.NoError(t, err)
		connect(t, client, l.LocalEndpoint())
		server := accept(t, l)
		end, in := newJob(), newJob()
		end.DisconnectReuseSocket = round%2 == 0
		var wg sync.WaitGroup
		wg.Go(func() { end.run(t, client.DisconnectAsync) })
		wg.Go(func() { in.run(t, client.ReceiveAsync) })
		if round%3 == 0 {
			wg.Go(func() { _ = client.Close() })
		}
		wg.Wait()
		require.Contains(t, []ops.SocketError{ops.Success, ops.OperationAborted}, end.SocketError())
		require.Contains(t, []ops.SocketError{ops.Success, ops.OperationAborted, ops.NotConnected}, in.SocketError())
		require.Zero(t, in.BytesTransferred())
		if end.DisconnectReuseSocket && round%3 != 0 {
			connect(t, client, l.LocalEndpoint())
			again := accept(t, l)
			requireEcho(t, client, again)
			require.NoError(t, again.Close())
		}
		require.NoError(t, client.Close())
		require.NoError(t, server.Close())
	}
}

func TestPacketsForReuseLeaveASocketThatConnectsAgain(t *testing.T) { // T-139, 1.3.11
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	client, server := tcpPair(t, p)
	require.NoError(t, client.Control(func(uintptr) {}))
	requireEcho(t, client, server) // a receive is armed
	j := newJob()
	j.SetSendPacketsElements([]ops.SendPacketsElement{ops.ElementMemory([]byte("last"))})
	j.SendPacketsFlags = ops.SendPacketsDisconnect | ops.SendPacketsReuseSocket
	j.SocketFlags = ops.Peek
	require.NoError(t, j.run(t, client.SendPacketsAsync).Err())
	require.Equal(t, 4, j.BytesTransferred())
	require.Equal(t, ops.SendPackets, j.LastOperation())
	require.Zero(t, j.SocketFlags)
	require.False(t, client.Connected())
	requireReceived(t, server, "last")
	requireEnd(t, server)
	connect(t, client, l.LocalEndpoint())
	requireEcho(t, client, accept(t, l))
}

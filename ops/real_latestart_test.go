package ops_test

import (
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

func TestASocketThatConnectsDoesNotListen(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	s := bind(t, p, ops.Stream, anyLoopback)
	j := to(l.LocalEndpoint())
	release := holdUp(t, p)
	j.pending(t, s.ConnectAsync)
	require.ErrorIs(t, s.Listen(0), ops.ErrState)
	release()
	require.NoError(t, j.wait(t).Err())
}

func TestPacketInfoIsKeptByAConnectByName(t *testing.T) {
	p := newPort(t, ops.WithLookUp(ops.PortConfig{}, names("127.0.0.1")))
	peer := bind(t, p, ops.Dgram, anyLoopback)
	s := newSocket(t, p, ops.FamilyIPv4, ops.Dgram)
	require.NoError(t, s.RequestPacketInfo())
	connect(t, s, ops.DNSEndpoint("peer.test", peer.LocalEndpoint().Port()))
	out := to(s.LocalEndpoint())
	out.SetBuffer([]byte("x"))
	require.NoError(t, out.run(t, peer.SendToAsync).Err())
	in := newJob()
	in.SetBuffer(make([]byte, 8))
	require.NoError(t, in.run(t, s.ReceiveMessageFromAsync).Err())
	require.Equal(t, netip.MustParseAddr("127.0.0.1"), in.ReceiveMessageFromPacketInfo().Address)
}

func TestAnOptionThatIsSetDuringAConnectByNameIsKept(t *testing.T) {
	p := newPort(t, ops.WithLookUp(ops.PortConfig{}, names("127.0.0.1")))
	busy, address := fullListener(t, "127.0.0.1", 0)
	s := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	j := to(ops.DNSEndpoint("slow.test", address.Port()))
	j.pending(t, s.ConnectAsync)
	waitStats(t, p, "the connect has begun", func(s ops.Stats) bool { return s.Slots > 1 })
	require.NoError(t, s.SetNoDelay(true))
	first, _, err := unix.Accept(busy)
	require.NoError(t, err)
	require.NoError(t, unix.Close(first))
	require.NoError(t, j.wait(t).Err())
	require.Equal(t, 1, socketOption(t, s, unix.IPPROTO_TCP, unix.TCP_NODELAY))
}

func TestACancelReachesAReceiveOnASocketThatLingers(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	client, _ := tcpPair(t, p)
	require.NoError(t, client.SetLinger(time.Hour))
	in, out := newJob(), newJob()
	in.pending(t, client.ReceiveAsync)
	out.SetBuffer(make([]byte, 64<<20))
	out.pending(t, client.SendAsync)
	turnBy(t, p)
	require.NoError(t, client.Close())
	turnBy(t, p)
	client.Cancel(in.Op)
	require.Equal(t, ops.OperationAborted, in.wait(t).SocketError())
	client.Cancel(out.Op)
	out.wait(t)
}

// What tells of room at a receiver goes with the datagram that is cancelled, whenever that is.
func TestNothingIsLeftOfACancelledUnixDatagram(t *testing.T) {
	for turns := range 8 {
		t.Run(strconv.Itoa(turns), func(t *testing.T) {
			p := newPort(t, ops.PortConfig{})
			receiver := bind(t, p, ops.Dgram, abstractName(t))
			filler := newSocket(t, p, ops.FamilyUnix, ops.Dgram)
			for full := false; !full; {
				j := to(receiver.LocalEndpoint())
				j.DontWait = true
				j.SetBuffer([]byte("x"))
				full = j.run(t, filler.SendToAsync).Err() != nil
			}
			s := newSocket(t, p, ops.FamilyUnix, ops.Dgram)
			j := to(receiver.LocalEndpoint())
			j.SetBuffer([]byte("y"))
			cancelAfter := func(int) {}
			cancelAfter = func(turns int) {
				if turns == 0 {
					s.Cancel(j.Op)
					return
				}
				_ = p.Post(func() { cancelAfter(turns - 1) })
			}
			onPort(t, p, func() {
				_ = s.SendToAsync(j.Op)
				cancelAfter(turns)
			})
			require.Equal(t, ops.OperationAborted, j.wait(t).SocketError())
			fd, err := s.Detach()
			require.NoError(t, err)
			require.NoError(t, unix.Close(fd)) // newPort holds that no descriptor is left
		})
	}
}

func TestAnOpWithMemoryOfItsOwnWaitsForNoBuffer(t *testing.T) {
	p := newPort(t, ops.PortConfig{Buffers: 1, ReadAhead: -1})
	a, b := bind(t, p, ops.Dgram, anyLoopback), bind(t, p, ops.Dgram, anyLoopback)
	send := func() {
		j := to(b.LocalEndpoint())
		j.SetBuffer([]byte("x"))
		require.NoError(t, j.run(t, a.SendToAsync).Err())
	}
	send()
	taken := newJob()
	require.NoError(t, taken.run(t, b.ReceiveFromAsync).Err())
	buffer := taken.TakeBuffer()
	t.Cleanup(buffer.Release)
	first, second := newJob(), newJob()
	second.SetBuffer(make([]byte, 4))
	first.pending(t, b.ReceiveFromAsync)
	second.pending(t, b.ReceiveFromAsync)
	send()
	waitStats(t, p, "it starves", func(s ops.Stats) bool { return s.Starved == 1 })
	b.Cancel(first.Op)
	first.wait(t)
	require.NoError(t, second.wait(t).Err())
}

package ops_test

import (
	"errors"
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

// lowerEffort is the traffic class of RFC 8622, which nothing has by itself.
const lowerEffort = 1 << 2

// eachReceiveMessage receives one datagram, by a Multishot op and by one that is not, and shows what it told.
func eachReceiveMessage(t *testing.T, to *ops.Socket, send func(), look func(from ops.Endpoint, info ops.PacketInfo)) {
	t.Helper()
	single := newJob()
	single.SetBuffer(make([]byte, 100))
	single.pending(t, to.ReceiveMessageFromAsync)
	send()
	require.NoError(t, single.wait(t).Err())
	look(single.RemoteEndpoint, single.ReceiveMessageFromPacketInfo())

	m := newMultishot()
	require.True(t, to.ReceiveMessageFromAsync(m.Op))
	send()
	got := m.next(t, 0)
	require.Equal(t, ops.Success, got.err)
	look(got.from, got.packet)
	m.stop(t, to)
}

func TestADatagramTellsTheTrafficClassThatItWasSentWith(t *testing.T) {
	for _, tr := range ipTransports() {
		t.Run(tr.name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{})
			from, to := datagramSocket(t, p, tr), datagramSocket(t, p, tr)
			for _, class := range []int{0, lowerEffort, 46 << 2, 0} {
				require.NoError(t, from.SetTrafficClass(class))
				send := func() { sendTo(t, from, to.LocalEndpoint(), []byte("marked")) }
				eachReceiveMessage(t, to, send, func(_ ops.Endpoint, info ops.PacketInfo) {
					require.EqualValues(t, class, info.TrafficClass)
				})
			}
		})
	}
}

func TestADualModeSocketTellsAndSetsTheTrafficClassOfBothFamilies(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	dual := unboundSocket(t, p, ops.FamilyIPv6)
	require.NoError(t, dual.Bind(anyIPv6))
	require.NoError(t, dual.SetTrafficClass(lowerEffort))
	for _, tr := range ipTransports() {
		peer := datagramSocket(t, p, tr)
		require.NoError(t, peer.SetTrafficClass(8))
		send := func() { sendTo(t, peer, at(loopbackOf(tr), dual.LocalEndpoint().Port()), []byte("to dual")) }
		eachReceiveMessage(t, dual, send, func(_ ops.Endpoint, info ops.PacketInfo) {
			require.EqualValues(t, 8, info.TrafficClass)
			require.False(t, info.Broadcast)
			require.Equal(t, netip.AddrFrom16(loopbackOf(tr).As16()), info.Address)
		})
		send = func() { sendTo(t, dual, peer.LocalEndpoint(), []byte("from dual")) }
		eachReceiveMessage(t, peer, send, func(_ ops.Endpoint, info ops.PacketInfo) {
			require.EqualValues(t, lowerEffort, info.TrafficClass)
		})
	}
}

func TestATrafficClassIsAnOctet(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	four := unboundSocket(t, p, ops.FamilyIPv4)
	for _, class := range []int{-1, 256} {
		require.ErrorIs(t, four.SetTrafficClass(class), ops.ErrArgument)
	}
	require.NoError(t, four.SetTrafficClass(252))
	require.Equal(t, 252, socketOption(t, four, unix.IPPROTO_IP, unix.IP_TOS))
	six := unboundSocket(t, p, ops.FamilyIPv6)
	require.NoError(t, six.SetDualMode(false))
	require.NoError(t, six.SetTrafficClass(8))
	require.Equal(t, 8, socketOption(t, six, unix.IPPROTO_IPV6, unix.IPV6_TCLASS))
	require.Error(t, unboundSocket(t, p, ops.FamilyUnix).SetTrafficClass(8))
}

func TestABroadcastSaysThatItIsOne(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	from := datagramSocket(t, p, ipTransports()[0])
	require.NoError(t, from.SetBroadcast(true))
	for _, family := range []ops.Family{ops.FamilyIPv4, ops.FamilyIPv6} {
		to := unboundSocket(t, p, family)
		wild := anyIPv4
		if family == ops.FamilyIPv6 {
			wild = anyIPv6
		}
		require.NoError(t, to.Bind(wild))
		all := netip.AddrFrom4([4]byte{127, 255, 255, 255}) // that of the network 127.0.0.0/8
		send := func() { sendTo(t, from, at(all, to.LocalEndpoint().Port()), []byte("everybody")) }
		eachReceiveMessage(t, to, send, func(sender ops.Endpoint, info ops.PacketInfo) {
			require.True(t, info.Broadcast)
			require.Equal(t, all, info.Address.Unmap())
			require.Equal(t, from.LocalEndpoint().Port(), sender.Port())
		})
	}
}

func TestADatagramLeavesFromTheSourceOfItsOp(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	four, six := netip.MustParseAddr("127.0.0.7"), netip.MustParseAddr("::1")
	for _, test := range []struct {
		name   string
		family ops.Family
		from   ops.Endpoint
		to     transport
		source netip.Addr
	}{
		{"IPv4", ops.FamilyIPv4, anyIPv4, ipTransports()[0], four},
		{"IPv6", ops.FamilyIPv6, anyIPv6, ipTransports()[1], six},
		{"dual mode", ops.FamilyIPv6, anyIPv6, ipTransports()[0], four},
		{"dual mode, mapped", ops.FamilyIPv6, anyIPv6, ipTransports()[0], netip.AddrFrom16(four.As16())},
		{"IPv4, mapped", ops.FamilyIPv4, anyIPv4, ipTransports()[0], netip.AddrFrom16(four.As16())},
	} {
		t.Run(test.name, func(t *testing.T) {
			from, peer := unboundSocket(t, p, test.family), datagramSocket(t, p, test.to)
			require.NoError(t, from.Bind(test.from))
			j := to(peer.LocalEndpoint())
			j.SetBuffer([]byte("from there"))
			for _, lo := range []int{0, loopbackIndex(t)} {
				j.SetSource(test.source, lo)
				for range 2 { // it stays for the next send
					require.NoError(t, j.run(t, from.SendToAsync).Err())
					got := newJob()
					got.SetBuffer(make([]byte, 100))
					require.NoError(t, got.run(t, peer.ReceiveFromAsync).Err())
					require.Equal(t, at(test.source.Unmap(), from.LocalEndpoint().Port()), got.RemoteEndpoint)
				}
			}
			j.SetSource(netip.Addr{}, 0)
			require.NoError(t, j.run(t, from.SendToAsync).Err())
			got := newJob()
			got.SetBuffer(make([]byte, 100))
			require.NoError(t, got.run(t, peer.ReceiveFromAsync).Err())
			require.Equal(t, loopbackOf(test.to), got.RemoteEndpoint.AddrPort().Addr(), "the kernel's choice again")
		})
	}
}

func TestASourceThatIsNotTheHostsIsAnError(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	four, six := datagramSocket(t, p, ipTransports()[0]), datagramSocket(t, p, ipTransports()[1])
	send := func(s *ops.Socket, source string) error {
		j := to(s.LocalEndpoint())
		j.SetBuffer([]byte("never"))
		j.SetSource(netip.MustParseAddr(source), 0)
		return j.run(t, s.SendToAsync).Err()
	}
	require.ErrorIs(t, send(four, "::1"), ops.ErrArgument)
	for s, source := range map[*ops.Socket]string{four: "192.0.2.1", six: "2001:db8::1"} {
		err := send(s, source)
		require.True(t, errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENETUNREACH), "%v", err)
	}
}

package ops

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// The layout of control messages on 64-bit machines: length, level and type, then the data, each message aligned.
const (
	controlHeader    = 16
	controlAlignment = 8
)

// parsePacketInfo finds in the control data of a datagram where it was sent to and its traffic class; the zero
// PacketInfo when they are not there. A dual-mode socket is told twice about an IPv4 datagram: the mapped address
// counts, and what only the IPv4 message tells is added. See cmsg(3), ip(7), ipv6(7).
func parsePacketInfo(control []byte) (info PacketInfo) {
	for len(control) >= controlHeader {
		length := binary.NativeEndian.Uint64(control)
		if length < controlHeader || length > uint64(len(control)) {
			return info
		}
		level := int(binary.NativeEndian.Uint32(control[8:]))
		typ := int(binary.NativeEndian.Uint32(control[12:]))
		info.take(level, typ, control[controlHeader:length])
		next := (length + controlAlignment - 1) &^ (controlAlignment - 1)
		control = control[min(next, uint64(len(control))):]
	}
	return info
}

// take adds what one control message tells.
func (i *PacketInfo) take(level, typ int, data []byte) {
	switch {
	case level == unix.IPPROTO_IP && typ == unix.IP_PKTINFO && len(data) >= 12:
		// struct in_pktinfo: interface, local address, destination
		i.Broadcast = isBroadcast([4]byte(data[4:8]), [4]byte(data[8:12]))
		if !i.Address.IsValid() {
			i.Address = netip.AddrFrom4([4]byte(data[8:12]))
			i.Interface = int(binary.NativeEndian.Uint32(data))
		}
	case level == unix.IPPROTO_IPV6 && typ == unix.IPV6_PKTINFO && len(data) >= 20:
		// struct in6_pktinfo: destination, interface
		i.Address = netip.AddrFrom16([16]byte(data[:16]))
		i.Interface = int(binary.NativeEndian.Uint32(data[16:]))
	case level == unix.IPPROTO_IP && typ == unix.IP_TOS && len(data) >= 1:
		i.TrafficClass = data[0]
	case level == unix.IPPROTO_IPV6 && typ == unix.IPV6_TCLASS && len(data) >= 4:
		i.TrafficClass = uint8(binary.NativeEndian.Uint32(data))
	}
}

// isBroadcast tells a broadcast by the local address that the kernel puts beside the destination: for what was sent to
// this host alone, both are the same. That covers the broadcast addresses of all its networks, which nobody else knows.
func isBroadcast(local, destination [4]byte) bool {
	multicast := destination[0]>>4 == 14
	return local != destination && local != [4]byte{} && !multicast
}

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

// parsePacketInfo finds the destination of a datagram in its control data; the zero PacketInfo when it is not there.
// See cmsg(3), ip(7), ipv6(7).
func parsePacketInfo(control []byte) PacketInfo {
	for len(control) >= controlHeader {
		length := binary.NativeEndian.Uint64(control)
		if length < controlHeader || length > uint64(len(control)) {
			return PacketInfo{}
		}
		level := int(binary.NativeEndian.Uint32(control[8:]))
		typ := int(binary.NativeEndian.Uint32(control[12:]))
		data := control[controlHeader:length]
		switch {
		case level == unix.IPPROTO_IP && typ == unix.IP_PKTINFO && len(data) >= 12:
			return PacketInfo{ // struct in_pktinfo: interface, local address, destination
				Address:   netip.AddrFrom4([4]byte(data[8:12])),
				Interface: int(binary.NativeEndian.Uint32(data)),
			}
		case level == unix.IPPROTO_IPV6 && typ == unix.IPV6_PKTINFO && len(data) >= 20:
			return PacketInfo{ // struct in6_pktinfo: destination, interface
				Address:   netip.AddrFrom16([16]byte(data[:16])),
				Interface: int(binary.NativeEndian.Uint32(data[16:])),
			}
		}
		next := (length + controlAlignment - 1) &^ (controlAlignment - 1)
		control = control[min(next, uint64(len(control))):]
	}
	return PacketInfo{}
}

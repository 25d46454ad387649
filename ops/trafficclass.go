package ops

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// SetTrafficClass sets the traffic class, 0..255, of the packets that the socket sends: six bits of DSCP (RFC 2474)
// and two for congestion, which the kernel may use itself. On a dual-mode socket it is that of IPv4 and IPv6 packets.
// It is IP_TOS of ip(7) and IPV6_TCLASS of ipv6(7). Returns an error that wraps the errno: EINVAL beyond the range,
// ENOPROTOOPT for a Unix socket.
//
// ReceiveMessageFromPacketInfo tells the class of a datagram that was received.
func (s *Socket) SetTrafficClass(class int) error {
	if class < 0 || class > 255 {
		return fmt.Errorf("ops: set traffic class %d: %w", class, errTrafficClass)
	}
	if s.family == FamilyIPv6 {
		if err := s.set("traffic class", option{unix.IPPROTO_IPV6, unix.IPV6_TCLASS, class}); err != nil || s.isSingle() {
			return err
		}
	}
	return s.set("traffic class", option{unix.IPPROTO_IP, unix.IP_TOS, class})
}

var errTrafficClass = argumentError(None, "a traffic class is 0 to 255")

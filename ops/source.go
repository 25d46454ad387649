package ops

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// sourceRoom is what the control message takes that says where a datagram leaves from.
const sourceRoom = 40 // IPV6_PKTINFO, which is longer than IP_PKTINFO

// source is where the datagrams of an op leave from, as SetSource was told.
type source struct {
	addr    netip.Addr
	index   int
	control [sourceRoom]byte // the kernel reads it until the completion
	used    int              // bytes of control
}

// SetSource has the datagrams that SendToAsync sends with this op leave from an address of this host, as the answer to
// one that was sent to that address must (see ReceiveMessageFromPacketInfo). index is the interface to send on, which
// link-local addresses need; 0: the one that the routes say. The zero Addr leaves the address to the kernel again. It
// panics while the op is in flight; on a closed op it does nothing.
//
// SendToAsync refuses an address of another family than the socket's with ErrArgument, and fails with InvalidArgument
// or NetworkUnreachable when the host does not have the address. Stream and Unix sockets do not look at it.
func (o *Op) SetSource(addr netip.Addr, index int) {
	if !o.configure("set the source") || !addr.IsValid() && o.extra == nil {
		return
	}
	s := &o.extras().source
	s.addr, s.index, s.used = addr, index, 0
}

// writeSource writes the control message for the op's source down; see ip(7), IP_PKTINFO.
func (s *Socket) writeSource(x *opExtra) error {
	from := &x.source
	switch {
	case !from.addr.IsValid() || s.family == FamilyUnix:
		from.used = 0
	case s.family == FamilyIPv6:
		from.write6()
	case from.addr.Unmap().Is4():
		from.write4()
	default:
		return errSourceFamily
	}
	return nil
}

var errSourceFamily = argumentError(SendTo, "an IPv4 socket has no IPv6 source; set another with SetSource")

func (s *source) write4() {
	data := s.header(unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo)
	addr := s.addr.Unmap().As4()
	binary.NativeEndian.PutUint32(data, uint32(s.index))
	copy(data[4:8], addr[:]) // the local address; the destination behind it is for receives
}

// write6 is for IPv4 addresses, too, which the kernel wants mapped from such a socket.
func (s *source) write6() {
	data := s.header(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo)
	addr := s.addr.As16()
	copy(data, addr[:])
	binary.NativeEndian.PutUint32(data[16:], uint32(s.index))
}

// header begins a control message and gives the place of its data.
func (s *source) header(level, typ, size int) []byte {
	clear(s.control[:])
	binary.NativeEndian.PutUint64(s.control[:], uint64(controlHeader+size))
	binary.NativeEndian.PutUint32(s.control[8:], uint32(level))
	binary.NativeEndian.PutUint32(s.control[12:], uint32(typ))
	s.used = (controlHeader + size + controlAlignment - 1) &^ (controlAlignment - 1)
	return s.control[controlHeader : controlHeader+size]
}

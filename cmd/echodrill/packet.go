package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"syscall"
)

// Lengths of the headers that are made here, none of which has options.
const (
	ipHeader  = 20
	udpHeader = 8
	tcpHeader = 20
)

// flagSYN is the flag of a connection's first segment (RFC 9293).
const flagSYN = 2

// onlyIPv4 holds that packets can be made for the addresses.
func onlyIPv4(addresses ...netip.AddrPort) error {
	for _, a := range addresses {
		if !a.Addr().Is4() {
			return fmt.Errorf("%v is no IPv4 address; packets are made by hand for IPv4 only", a)
		}
	}
	return nil
}

// udpPacket is a datagram in an IPv4 packet that claims to come from an address.
func udpPacket(from, to netip.AddrPort, payload []byte) []byte {
	packet := ipPacket(from.Addr(), to.Addr(), syscall.IPPROTO_UDP, udpHeader+len(payload))
	udp := packet[ipHeader:]
	binary.BigEndian.PutUint16(udp[0:], from.Port())
	binary.BigEndian.PutUint16(udp[2:], to.Port())
	binary.BigEndian.PutUint16(udp[4:], uint16(len(udp)))
	copy(udp[udpHeader:], payload)
	sum := transportSum(packet)
	if sum == 0 {
		sum = 0xffff // 0 says that there is no checksum (RFC 768)
	}
	binary.BigEndian.PutUint16(udp[6:], sum)
	return packet
}

// synPacket asks for a connection that nobody wants.
func synPacket(from, to netip.AddrPort, sequence uint32) []byte {
	packet := ipPacket(from.Addr(), to.Addr(), syscall.IPPROTO_TCP, tcpHeader)
	tcp := packet[ipHeader:]
	binary.BigEndian.PutUint16(tcp[0:], from.Port())
	binary.BigEndian.PutUint16(tcp[2:], to.Port())
	binary.BigEndian.PutUint32(tcp[4:], sequence)
	tcp[12] = tcpHeader / 4 << 4
	tcp[13] = flagSYN
	binary.BigEndian.PutUint16(tcp[14:], 65535) // window
	binary.BigEndian.PutUint16(tcp[16:], transportSum(packet))
	return packet
}

// ipPacket is an IPv4 packet with room for so many bytes. The kernel fills in the checksum of its header (raw(7)).
func ipPacket(from, to netip.Addr, protocol byte, length int) []byte {
	packet := make([]byte, ipHeader+length)
	packet[0] = 4<<4 | ipHeader/4
	binary.BigEndian.PutUint16(packet[2:], uint16(len(packet)))
	packet[8] = 64 // time to live
	packet[9] = protocol
	copy(packet[12:16], from.AsSlice())
	copy(packet[16:20], to.AsSlice())
	return packet
}

// transportSum is the checksum over what an IPv4 packet carries, with the addresses, protocol and length before it.
func transportSum(packet []byte) uint16 {
	body := packet[ipHeader:]
	sum := uint32(packet[9]) + uint32(len(body))
	for _, part := range [][]byte{packet[12:20], body} {
		for i, b := range part {
			if i%2 == 0 {
				sum += uint32(b) << 8
			} else {
				sum += uint32(b)
			}
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// raw is a socket for packets that are made by hand.
type raw struct{ fd int }

// openRaw opens one. The error matches os.ErrPermission where that takes a privilege.
func openRaw() (raw, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, syscall.IPPROTO_RAW)
	if err != nil {
		return raw{}, fmt.Errorf("packets made by hand need CAP_NET_RAW; run as root: %w", err)
	}
	return raw{fd: fd}, nil
}

// send sends a packet to the IPv4 address that it is for.
func (r raw) send(packet []byte, to netip.AddrPort) error {
	if err := syscall.Sendto(r.fd, packet, 0, &syscall.SockaddrInet4{Addr: to.Addr().As4()}); err != nil {
		return fmt.Errorf("send a packet made by hand to %v: %w", to, err)
	}
	return nil
}

func (r raw) close() { _ = syscall.Close(r.fd) }

package server

import (
	"encoding/binary"
	"net/netip"
)

// source is what counts as one client: an IPv4 address, or the network of 64 bits that an IPv6 host can choose its
// address in.
type source struct {
	bits uint64
	is4  bool
}

// sourceOf gives the source of an address, which is valid.
func sourceOf(addr netip.Addr) source {
	if addr = addr.Unmap(); addr.Is4() {
		b := addr.As4()
		return source{uint64(binary.BigEndian.Uint32(b[:])), true}
	}
	b := addr.As16()
	return source{binary.BigEndian.Uint64(b[:8]), false}
}

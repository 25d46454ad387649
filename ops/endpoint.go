package ops

import (
	"net"
	"net/netip"
	"strconv"
)

// Endpoint is one end of a connection, or where a datagram comes from or goes to: an IP address and port, the path of a
// Unix socket, or a host name that is still to be resolved. It is a comparable value; the zero Endpoint is no endpoint.
type Endpoint struct {
	addr netip.Addr // of an IP endpoint
	name string     // the path of a Unix endpoint, the host of a name
	port uint16     // of an IP endpoint or of a name
	kind endpointKind
}

type endpointKind uint8

const (
	noEndpoint endpointKind = iota
	ipEndpoint
	unixEndpoint
	dnsEndpoint
)

// IPEndpoint returns the endpoint of an IP address and port. An IPv4 address mapped to IPv6 stays mapped, and is of
// FamilyIPv6. An invalid address gives the zero Endpoint.
func IPEndpoint(addr netip.AddrPort) Endpoint {
	if !addr.IsValid() {
		return Endpoint{}
	}
	return Endpoint{kind: ipEndpoint, addr: addr.Addr(), port: addr.Port()}
}

// UnixEndpoint returns the endpoint of a Unix socket: the path of a file, at most 107 bytes; or after a leading @ a
// name in the abstract namespace, of at most 107 bytes too (106 to bind to), which may be any bytes. "./@name" is the
// file of that name. An empty path asks a bind for an abstract name of the kernel's choice; the endpoint of a Unix socket
// without a name is the zero Endpoint. Length and content are checked when the endpoint is used.
func UnixEndpoint(path string) Endpoint {
	return Endpoint{kind: unixEndpoint, name: path}
}

// DNSEndpoint returns the endpoint of a host name and port, for Port.ConnectAsync and Socket.ConnectAsync, which
// resolve it. The host may also be an address in text.
func DNSEndpoint(host string, port uint16) Endpoint {
	return Endpoint{kind: dnsEndpoint, name: host, port: port}
}

// IsZero reports whether e is the zero Endpoint: no endpoint.
func (e Endpoint) IsZero() bool {
	return e.kind == noEndpoint
}

// IsValid reports whether e is an endpoint at all, the opposite of IsZero.
func (e Endpoint) IsValid() bool {
	return e.kind != noEndpoint
}

// Family returns the address family that a socket must have to use e: FamilyUnspecified for no endpoint and for a
// name. A dual-mode FamilyIPv6 socket takes endpoints of FamilyIPv4 too.
func (e Endpoint) Family() Family {
	switch {
	case e.kind == unixEndpoint:
		return FamilyUnix
	case e.kind != ipEndpoint:
		return FamilyUnspecified
	case e.addr.Is4():
		return FamilyIPv4
	}
	return FamilyIPv6
}

// AddrPort returns the address and port of an IP endpoint, and for any other the zero AddrPort.
func (e Endpoint) AddrPort() netip.AddrPort {
	if e.kind != ipEndpoint {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(e.addr, e.port)
}

// Path returns the path of a Unix endpoint, with @ before an abstract name; "" for any other endpoint.
func (e Endpoint) Path() string {
	if e.kind != unixEndpoint {
		return ""
	}
	return e.name
}

// Host returns the host of a name, or the address of an IP endpoint as text, without brackets. A Unix endpoint has
// none.
func (e Endpoint) Host() string {
	switch e.kind {
	case ipEndpoint:
		return e.addr.String()
	case dnsEndpoint:
		return e.name
	}
	return ""
}

// Port returns the port of an IP endpoint or of a name; 0 for any other.
func (e Endpoint) Port() uint16 {
	return e.port
}

// String returns the endpoint as people write it: "127.0.0.1:80", "[::1]:80", "/run/x.sock", "@name", "example.com:80";
// "" for no endpoint.
func (e Endpoint) String() string {
	switch e.kind {
	case ipEndpoint:
		return e.AddrPort().String()
	case unixEndpoint:
		return e.name
	case dnsEndpoint:
		return net.JoinHostPort(e.name, strconv.Itoa(int(e.Port())))
	}
	return ""
}

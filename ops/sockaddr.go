package ops

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// This file writes and reads the kernel's struct sockaddr, as bytes for what goes through the ring and as unix.Sockaddr
// for the calls that x/sys makes.

// The parts of struct sockaddr_un: the family, then sun_path, whose last byte is kept for a NUL.
const (
	unixPathOffset = 2
	unixPathSize   = unix.SizeofSockaddrUnix - unixPathOffset // 108
	unixPathMax    = unixPathSize - 1
)

// The reasons why an endpoint has no sockaddr. They name no operation: see withOperation.
var (
	errNoEndpoint = &Error{
		SocketError: InvalidArgument, cause: ErrArgument,
		detail: "no endpoint given: set one",
	}
	errUnresolved = &Error{
		SocketError: InvalidArgument, cause: ErrArgument,
		detail: "the endpoint is a host name: resolve it first, only a connect does that by itself",
	}
	errWrongFamily = &Error{
		SocketError: AddressFamilyNotSupported, Errno: syscall.EAFNOSUPPORT, cause: ErrUnsupported,
		detail: "the endpoint is of another address family than the socket",
	}
	errPathTooLong = &Error{
		SocketError: InvalidArgument, cause: ErrArgument,
		detail: "the path of a Unix socket is longer than 107 bytes: use a shorter or a relative one",
	}
	errPathNUL = &Error{
		SocketError: InvalidArgument, cause: ErrArgument,
		detail: "the path of a Unix socket has a NUL byte in it",
	}
	errAbstractTooLong = &Error{
		SocketError: InvalidArgument, cause: ErrArgument,
		detail: "an abstract Unix name is longer than 106 bytes, more than bind is given here: use a shorter one",
	}
)

// appendSockaddr appends ep as the struct sockaddr for a socket of the family: an IPv4 endpoint is written mapped where
// the socket is of FamilyIPv6. FamilyUnspecified stands for the endpoint's own. It allocates nothing if dst has room;
// a zone given by name may cost a system call, so do not hold a lock. On an error dst comes back as it was.
func appendSockaddr(dst []byte, ep Endpoint, family Family) ([]byte, error) {
	family, err := sockaddrFamily(ep, family)
	if err != nil {
		return dst, err
	}
	switch family {
	case FamilyIPv4:
		return appendInet4(dst, ep.AddrPort()), nil
	case FamilyIPv6:
		scope, err := scopeOf(ep.addr.Zone())
		if err != nil {
			return dst, err
		}
		return appendInet6(dst, ep.AddrPort(), scope), nil
	}
	if err := checkUnixPath(ep.name); err != nil {
		return dst, err
	}
	return appendUnix(dst, ep.name), nil
}

// sockaddrFamily returns the family that ep is written in on a socket of the given family.
func sockaddrFamily(ep Endpoint, family Family) (Family, error) {
	own := ep.Family()
	switch {
	case ep.kind == noEndpoint:
		return 0, errNoEndpoint
	case ep.kind == dnsEndpoint:
		return 0, errUnresolved
	case family == own, family == FamilyUnspecified:
		return own, nil
	case family == FamilyIPv6 && own == FamilyIPv4:
		return FamilyIPv6, nil
	}
	return 0, errWrongFamily
}

func appendInet4(dst []byte, ap netip.AddrPort) []byte {
	addr := ap.Addr().As4()
	dst = binary.NativeEndian.AppendUint16(dst, unix.AF_INET)
	dst = binary.BigEndian.AppendUint16(dst, ap.Port())
	dst = append(dst, addr[:]...)
	return append(dst, make([]byte, 8)...) // sin_zero
}

func appendInet6(dst []byte, ap netip.AddrPort, scope uint32) []byte {
	addr := ap.Addr().As16() // maps an IPv4 address
	dst = binary.NativeEndian.AppendUint16(dst, unix.AF_INET6)
	dst = binary.BigEndian.AppendUint16(dst, ap.Port())
	dst = binary.NativeEndian.AppendUint32(dst, 0) // sin6_flowinfo
	dst = append(dst, addr[:]...)
	return binary.NativeEndian.AppendUint32(dst, scope)
}

// appendUnix ends a file's path with NUL and an abstract name with its last byte, as the kernel does. Of the endpoint
// without a path only the family is left, which makes bind choose an abstract name.
func appendUnix(dst []byte, path string) []byte {
	dst = binary.NativeEndian.AppendUint16(dst, unix.AF_UNIX)
	switch {
	case path == "":
		return dst
	case path[0] == '@':
		dst = append(dst, 0)
		return append(dst, path[1:]...)
	}
	dst = append(dst, path...)
	return append(dst, 0)
}

// checkUnixPath refuses what does not fit sun_path, and file names that the kernel would cut at a NUL.
func checkUnixPath(path string) *Error {
	switch {
	case strings.HasPrefix(path, "@") && len(path) <= unixPathSize:
		return nil
	case len(path) > unixPathMax:
		return errPathTooLong
	case strings.IndexByte(path, 0) >= 0:
		return errPathNUL
	}
	return nil
}

// scopeOf returns the scope id for the zone of an address: the number of an interface, or its name.
func scopeOf(zone string) (uint32, error) {
	if zone == "" {
		return 0, nil
	}
	if scope, ok := zones.scope(zone); ok {
		return scope, nil
	}
	return 0, argumentError(None, fmt.Sprintf("no network interface is called %q: see ip link", zone))
}

// parseSockaddr reads a struct sockaddr that the kernel wrote; b must end where the kernel says that it ends, since
// that is where an abstract name ends. No bytes, and a Unix family without a path, are the name of a socket that has none:
// no endpoint.
func parseSockaddr(b []byte) (Endpoint, error) {
	if len(b) == 0 {
		return Endpoint{}, nil
	}
	if len(b) < unixPathOffset {
		return Endpoint{}, fmt.Errorf("ops: sockaddr of %d byte: too short for a family", len(b))
	}
	switch family := binary.NativeEndian.Uint16(b); family {
	case unix.AF_INET:
		return parseInet4(b)
	case unix.AF_INET6:
		return parseInet6(b)
	case unix.AF_UNIX:
		return parseUnix(b[unixPathOffset:])
	default:
		return Endpoint{}, fmt.Errorf("ops: sockaddr of address family %d: only IPv4, IPv6 and Unix are known", family)
	}
}

func parseInet4(b []byte) (Endpoint, error) {
	if len(b) < unix.SizeofSockaddrInet4 {
		return Endpoint{}, fmt.Errorf("ops: IPv4 sockaddr of %d bytes: %d expected", len(b), unix.SizeofSockaddrInet4)
	}
	addr := netip.AddrFrom4([4]byte(b[4:8]))
	return IPEndpoint(netip.AddrPortFrom(addr, binary.BigEndian.Uint16(b[2:]))), nil
}

func parseInet6(b []byte) (Endpoint, error) {
	if len(b) < unix.SizeofSockaddrInet6 {
		return Endpoint{}, fmt.Errorf("ops: IPv6 sockaddr of %d bytes: %d expected", len(b), unix.SizeofSockaddrInet6)
	}
	return inet6Endpoint([16]byte(b[8:24]), binary.BigEndian.Uint16(b[2:]), binary.NativeEndian.Uint32(b[24:])), nil
}

func inet6Endpoint(addr [16]byte, port uint16, scope uint32) Endpoint {
	ip := netip.AddrFrom16(addr)
	if scope != 0 {
		ip = ip.WithZone(zones.name(scope))
	}
	return IPEndpoint(netip.AddrPortFrom(ip, port))
}

// parseUnix reads sun_path. A socket without a name has none at all.
func parseUnix(path []byte) (Endpoint, error) {
	if len(path) == 0 {
		return Endpoint{}, nil
	}
	if path[0] == 0 {
		if len(path) > unixPathSize {
			return Endpoint{}, fmt.Errorf("ops: abstract name of %d bytes, at most %d fit", len(path), unixPathSize)
		}
		return UnixEndpoint("@" + string(path[1:])), nil
	}
	name, _, _ := strings.Cut(string(path), "\x00")
	if len(name) > unixPathSize { // A path may fill sun_path without a NUL: Linux allows that.
		return Endpoint{}, fmt.Errorf("ops: Unix path of %d bytes, at most %d fit", len(name), unixPathSize)
	}
	if name[0] == '@' {
		name = "./" + name // A file, and must not be mistaken for an abstract name.
	}
	return UnixEndpoint(name), nil
}

// unixSockaddr returns what appendSockaddr appends, for the calls of x/sys. They take an abstract name one byte less
// long than the kernel does.
func unixSockaddr(ep Endpoint, family Family) (unix.Sockaddr, error) {
	family, err := sockaddrFamily(ep, family)
	if err != nil {
		return nil, err
	}
	port := int(ep.Port())
	switch family {
	case FamilyIPv4:
		return &unix.SockaddrInet4{Port: port, Addr: ep.addr.As4()}, nil
	case FamilyIPv6:
		scope, err := scopeOf(ep.addr.Zone())
		if err != nil {
			return nil, err
		}
		return &unix.SockaddrInet6{Port: port, ZoneId: scope, Addr: ep.addr.As16()}, nil
	}
	if err := checkUnixPath(ep.name); err != nil {
		return nil, err
	}
	if len(ep.name) > unixPathMax {
		return nil, errAbstractTooLong
	}
	return &unix.SockaddrUnix{Name: ep.name}, nil
}

// endpointOfSockaddr returns the endpoint of what getsockname, getpeername or accept gave; no endpoint for nil, for a
// Unix socket without a name, and for a family that this package does not speak.
func endpointOfSockaddr(sa unix.Sockaddr) Endpoint {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return IPEndpoint(netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)))
	case *unix.SockaddrInet6:
		return inet6Endpoint(sa.Addr, uint16(sa.Port), sa.ZoneId)
	case *unix.SockaddrUnix:
		if sa.Name == "" || sa.Name == "@" { // x/sys says the latter of a socket without a name.
			return Endpoint{}
		}
		return UnixEndpoint(sa.Name)
	}
	return Endpoint{}
}

package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

// parseAddress reads an address of Config.Listen.
func parseAddress(address string) (network string, ep ops.Endpoint, err error) {
	network, ep, err = ops.ParseEndpoint(address)
	if err != nil {
		return "", ops.Endpoint{}, fmt.Errorf("server: Listen: %w", err)
	}
	return network, ep, nil
}

// resolve gives the endpoint to bind for an address: a name becomes its first IPv4 address, or else its first.
func resolve(address string) (network string, ep ops.Endpoint, err error) {
	network, ep, err = parseAddress(address)
	if err != nil || ep.Family() != ops.FamilyUnspecified {
		return network, ep, err
	}
	found, err := net.DefaultResolver.LookupNetIP(context.Background(), "ip", ep.Host())
	if err != nil {
		return "", ops.Endpoint{}, fmt.Errorf("server: listen on %s: %w; write an IP address instead", address, err)
	}
	i := max(slices.IndexFunc(found, func(a netip.Addr) bool { return a.Unmap().Is4() }), 0)
	return network, ops.IPEndpoint(netip.AddrPortFrom(found[i].Unmap(), ep.Port())), nil
}

// anyAddress tells whether an endpoint means every address of the machine, of both families.
func anyAddress(ep ops.Endpoint) bool { return ep.AddrPort().Addr() == netip.IPv6Unspecified() }

// withoutIPv6 is what every address means where there is no IPv6.
func withoutIPv6(ep ops.Endpoint) ops.Endpoint {
	return ops.IPEndpoint(netip.AddrPortFrom(netip.IPv4Unspecified(), ep.Port()))
}

// noIPv6 tells whether listening failed because the machine has no IPv6.
func noIPv6(err error) bool {
	return errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL)
}

// withPort is the endpoint with the port that was bound.
func withPort(ep ops.Endpoint, port uint16) ops.Endpoint {
	return ops.IPEndpoint(netip.AddrPortFrom(ep.AddrPort().Addr(), port))
}

// probe binds an endpoint for a moment, without SO_REUSEPORT. With it, a second server of the same user would share
// the port silently, and each would get a part of the connections.
func probe(ep ops.Endpoint) error {
	addr := ep.AddrPort()
	if addr.Port() == 0 {
		return nil // the kernel chooses one that is free
	}
	var sa unix.Sockaddr = &unix.SockaddrInet4{Port: int(addr.Port()), Addr: as4(addr.Addr())}
	domain := unix.AF_INET
	if addr.Addr().Is6() {
		zone, err := zoneIndex(addr.Addr().Zone())
		if err != nil {
			return err
		}
		sa = &unix.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16(), ZoneId: zone}
		domain = unix.AF_INET6
	}
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	// The options are those of the listener to come, as far as they decide what conflicts.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if domain == unix.AF_INET6 {
		v6Only := 1
		if anyAddress(ep) {
			v6Only = 0
		}
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, v6Only); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	return os.NewSyscallError("bind", unix.Bind(fd, sa))
}

func as4(a netip.Addr) (b [4]byte) {
	if a.Is4() {
		b = a.As4()
	}
	return b
}

func zoneIndex(zone string) (uint32, error) {
	if zone == "" {
		return 0, nil
	}
	i, err := net.InterfaceByName(zone)
	if err != nil {
		return 0, err
	}
	return uint32(i.Index), nil
}

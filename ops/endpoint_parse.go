package ops

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

const endpointExamples = "write for example tcp://127.0.0.1:7007, tcp://:7007, udp://[::1]:7007, " +
	"tcp://localhost:7007, unix:///run/name.sock or unix://@name"

// ParseEndpoint reads an endpoint with its network before it: "tcp://127.0.0.1:7007", "udp://[fe80::1%eth0]:53",
// "tcp://localhost:80", "unix:///run/x.sock", "unix://@name". The network is "tcp", "udp" or "unix". A host that is no
// address is a name, and gives a [DNSEndpoint]. No host at all, as in "tcp://:7007", is every address of this machine:
// [::], on which Port.Listen takes IPv4 as well with ListenConfig.DualStack. Ports are numbers, 0..65535. The error
// contains s and matches [ErrArgument].
func ParseEndpoint(s string) (network string, ep Endpoint, err error) {
	network, rest, found := strings.Cut(s, "://")
	switch {
	case !found:
		err = errors.New("no network before it")
	case network == "tcp" || network == "udp":
		ep, err = parseHostPort(rest)
	case network == "unix":
		ep, err = parseUnixPath(rest)
	default:
		err = errors.New("the network is none of tcp, udp, unix")
	}
	if err != nil {
		// The input stands there as it is, not escaped, so that who reads the message finds what was written.
		return "", Endpoint{}, fmt.Errorf("%w: endpoint \"%s\": %v; %s", ErrArgument, s, err, endpointExamples)
	}
	return network, ep, nil
}

func parseHostPort(s string) (Endpoint, error) {
	host, portText, err := net.SplitHostPort(s)
	if err != nil {
		var addrErr *net.AddrError
		if errors.As(err, &addrErr) {
			return Endpoint{}, errors.New(addrErr.Err)
		}
		return Endpoint{}, err
	}
	port, err := parsePort(portText)
	if err != nil {
		return Endpoint{}, err
	}
	if host == "" && !strings.HasPrefix(s, "[") {
		return IPEndpoint(netip.AddrPortFrom(netip.IPv6Unspecified(), port)), nil
	}
	addr, err := netip.ParseAddr(host)
	bracketed := strings.HasPrefix(s, "[")
	switch {
	case bracketed && (err != nil || addr.Is4()):
		return Endpoint{}, errors.New("what is in brackets is no IPv6 address")
	case err == nil:
		return IPEndpoint(netip.AddrPortFrom(addr, port)), nil
	}
	if err := checkHostName(host); err != nil {
		return Endpoint{}, err
	}
	return DNSEndpoint(host, port), nil
}

// parsePort takes numbers only: what a service name stands for depends on the machine.
func parsePort(s string) (uint16, error) {
	if s == "" {
		return 0, errors.New("missing port")
	}
	port, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0, errors.New("the port is no number from 0 to 65535")
	}
	return uint16(port), nil
}

// checkHostName refuses what no resolver would find, so that a slip of the pen is found where it was made.
func checkHostName(host string) error {
	if len(host) > 253 { // RFC 1035, 2.3.4, without the root label
		return errors.New("the host name is longer than 253 bytes")
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.IndexFunc(label, notInHostName) >= 0 {
			return errors.New("the host is neither an address nor a name")
		}
	}
	// No top-level domain is a number, so this is an address with a part missing or too large.
	if last := labels[len(labels)-1]; strings.Trim(last, "0123456789") == "" {
		return errors.New("the host is no valid IPv4 address")
	}
	return nil
}

// notInHostName allows the underscore, which names inside a company do have, and letters beyond ASCII.
func notInHostName(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_':
		return false
	}
	return r < 0x80 || !strconv.IsPrint(r) || r == '\uFFFD'
}

func parseUnixPath(path string) (Endpoint, error) {
	switch {
	case path == "" || path == "@":
		return Endpoint{}, errors.New("the path is empty")
	case strings.IndexByte(path, 0) >= 0:
		return Endpoint{}, errors.New("there is a NUL byte in the path")
	}
	if err := checkUnixPath(path); err != nil {
		return Endpoint{}, errors.New(err.detail)
	}
	return UnixEndpoint(path), nil
}

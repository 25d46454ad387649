package ops_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

func ip(s string) ops.Endpoint {
	return ops.IPEndpoint(netip.MustParseAddrPort(s))
}

func TestEndpointsTellTheirParts(t *testing.T) {
	cases := []struct {
		name   string
		ep     ops.Endpoint
		family ops.Family
		host   string
		port   uint16
		path   string
		text   string
	}{
		{"IPv4", ip("127.0.0.1:80"), ops.FamilyIPv4, "127.0.0.1", 80, "", "127.0.0.1:80"},
		{"IPv6", ip("[::1]:80"), ops.FamilyIPv6, "::1", 80, "", "[::1]:80"},
		{"zone", ip("[fe80::1%lo]:80"), ops.FamilyIPv6, "fe80::1%lo", 80, "", "[fe80::1%lo]:80"},
		{
			"mapped stays mapped", ip("[::ffff:127.0.0.1]:80"), ops.FamilyIPv6, "::ffff:127.0.0.1", 80, "",
			"[::ffff:127.0.0.1]:80",
		},
		{"path", ops.UnixEndpoint("/run/x.sock"), ops.FamilyUnix, "", 0, "/run/x.sock", "/run/x.sock"},
		{"abstract", ops.UnixEndpoint("@name"), ops.FamilyUnix, "", 0, "@name", "@name"},
		{"unbound", ops.UnixEndpoint(""), ops.FamilyUnix, "", 0, "", ""},
		{"name", ops.DNSEndpoint("example.com", 80), ops.FamilyUnspecified, "example.com", 80, "", "example.com:80"},
		{"address as name", ops.DNSEndpoint("::1", 80), ops.FamilyUnspecified, "::1", 80, "", "[::1]:80"},
		{"none", ops.Endpoint{}, ops.FamilyUnspecified, "", 0, "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.family, c.ep.Family())
			require.Equal(t, c.host, c.ep.Host())
			require.Equal(t, c.port, c.ep.Port())
			require.Equal(t, c.path, c.ep.Path())
			require.Equal(t, c.text, c.ep.String())
			require.Equal(t, c.name == "none", c.ep.IsZero())
			require.Equal(t, c.name != "none", c.ep.IsValid())
		})
	}
}

func TestOnlyAnIPEndpointHasAnAddrPort(t *testing.T) {
	require.Equal(t, netip.MustParseAddrPort("[::ffff:1.2.3.4]:5"), ip("[::ffff:1.2.3.4]:5").AddrPort())
	require.Zero(t, ops.DNSEndpoint("localhost", 5).AddrPort())
	require.Zero(t, ops.UnixEndpoint("/x").AddrPort())
	require.Zero(t, ops.Endpoint{}.AddrPort())
}

func TestAnInvalidAddressIsNoEndpoint(t *testing.T) {
	require.Equal(t, ops.Endpoint{}, ops.IPEndpoint(netip.AddrPort{}))
	require.Equal(t, ops.Endpoint{}, ops.IPEndpoint(netip.AddrPortFrom(netip.Addr{}, 80)))
}

func TestEndpointsCompareByValue(t *testing.T) {
	require.True(t, ip("[fe80::1%lo]:80") == ip("[fe80::1%lo]:80"))
	require.False(t, ip("[fe80::1%lo]:80") == ip("[fe80::1]:80"))
	require.False(t, ip("127.0.0.1:80") == ip("[::ffff:127.0.0.1]:80"))
	require.False(t, ops.UnixEndpoint("") == ops.Endpoint{})
	require.False(t, ops.DNSEndpoint("127.0.0.1", 80) == ip("127.0.0.1:80"))
	require.Len(t, map[ops.Endpoint]bool{ip("1.2.3.4:5"): true, ip("1.2.3.4:6"): true}, 2)
}

func TestParseEndpointReads(t *testing.T) {
	long := strings.Repeat("x", 107)
	cases := []struct {
		in      string
		network string
		ep      ops.Endpoint
	}{
		{"tcp://127.0.0.1:7007", "tcp", ip("127.0.0.1:7007")},
		{"udp://127.0.0.1:53", "udp", ip("127.0.0.1:53")},
		{"tcp://0.0.0.0:0", "tcp", ip("0.0.0.0:0")},
		{"tcp://127.0.0.1:65535", "tcp", ip("127.0.0.1:65535")},
		{"tcp://[::1]:80", "tcp", ip("[::1]:80")},
		{"tcp://[::ffff:127.0.0.1]:80", "tcp", ip("[::ffff:127.0.0.1]:80")},
		{"tcp://[fe80::1%lo]:80", "tcp", ip("[fe80::1%lo]:80")},
		{"udp://[fe80::1%2]:80", "udp", ip("[fe80::1%2]:80")},
		{"tcp://:7007", "tcp", ip("[::]:7007")},
		{"udp://:0", "udp", ip("[::]:0")},
		{"tcp://localhost:80", "tcp", ops.DNSEndpoint("localhost", 80)},
		{"udp://a-b_c.example.com.:80", "udp", ops.DNSEndpoint("a-b_c.example.com.", 80)},
		{"tcp://1and1.de:80", "tcp", ops.DNSEndpoint("1and1.de", 80)},
		{"tcp://bücher.example:80", "tcp", ops.DNSEndpoint("bücher.example", 80)},
		{"unix:///run/x.sock", "unix", ops.UnixEndpoint("/run/x.sock")},
		{"unix://x.sock", "unix", ops.UnixEndpoint("x.sock")},
		{"unix:///run/a b:c://d", "unix", ops.UnixEndpoint("/run/a b:c://d")},
		{"unix://@abstract", "unix", ops.UnixEndpoint("@abstract")},
		{"unix://" + long, "unix", ops.UnixEndpoint(long)},
		{"unix://@" + long, "unix", ops.UnixEndpoint("@" + long)},
	}
	for _, c := range cases {
		network, ep, err := ops.ParseEndpoint(c.in)
		require.NoError(t, err, c.in)
		require.Equal(t, c.network, network, c.in)
		require.Equal(t, c.ep, ep, c.in)
	}
}

func TestParseEndpointRefuses(t *testing.T) {
	long := strings.Repeat("x", 108)
	cases := []struct{ in, says string }{
		{"", "no network"},
		{"127.0.0.1:80", "no network"},
		{"tcp:127.0.0.1:80", "no network"},
		{"://127.0.0.1:80", "none of tcp, udp, unix"},
		{"tcp4://127.0.0.1:80", "none of tcp, udp, unix"},
		{"TCP://127.0.0.1:80", "none of tcp, udp, unix"},
		{"http://localhost:80", "none of tcp, udp, unix"},
		{"tcp://", "missing port"},
		{"tcp://127.0.0.1", "missing port"},
		{"tcp://127.0.0.1:", "missing port"},
		{"tcp://:", "missing port"},
		{"tcp://[::1]", "missing port"},
		{"tcp://127.0.0.1:65536", "0 to 65535"},
		{"tcp://127.0.0.1:99999999999999999999", "0 to 65535"},
		{"tcp://127.0.0.1:-1", "0 to 65535"},
		{"tcp://127.0.0.1:+80", "0 to 65535"},
		{"tcp://127.0.0.1:0x50", "0 to 65535"},
		{"tcp://127.0.0.1:http", "0 to 65535"},
		{"tcp://127.0.0.1:80/", "0 to 65535"},
		{"tcp://127.0.0.1: 80", "0 to 65535"},
		{"tcp://::1:80", "too many colons"},
		{"tcp://[]:80", "no IPv6 address"},
		{"tcp://[127.0.0.1]:80", "no IPv6 address"},
		{"tcp://[localhost]:80", "no IPv6 address"},
		{"tcp://[::1%]:80", "no IPv6 address"},
		{"tcp://127.0.0.256:80", "no valid IPv4"},
		{"tcp://127.0.0:80", "no valid IPv4"},
		{"tcp://7007:80", "no valid IPv4"},
		{"tcp://user@host:80", "neither an address nor a name"},
		{"tcp://*:80", "neither an address nor a name"},
		{"tcp://.:80", "neither an address nor a name"},
		{"tcp://a..b:80", "neither an address nor a name"},
		{"tcp://a b:80", "neither an address nor a name"},
		{"tcp://a\x00b:80", "neither an address nor a name"},
		{"tcp://a\xffb:80", "neither an address nor a name"},
		{"tcp://" + strings.Repeat("x", 64) + ":80", "neither an address nor a name"},
		{"tcp://" + strings.Repeat("x.", 127) + "com:80", "longer than 253"},
		{"unix://", "path is empty"},
		{"unix://@", "path is empty"},
		{"unix:///run/\x00x", "NUL"},
		{"unix://@a\x00b", "NUL"},
		{"unix://" + long, "longer than 107"},
		{"unix://@" + long, "longer than 107"},
	}
	for _, c := range cases {
		network, ep, err := ops.ParseEndpoint(c.in)
		require.ErrorIs(t, err, ops.ErrArgument, c.in)
		require.ErrorContains(t, err, c.says, c.in)
		require.ErrorContains(t, err, c.in)
		require.ErrorContains(t, err, "for example tcp://127.0.0.1:7007")
		require.Empty(t, network)
		require.Zero(t, ep)
	}
}

func FuzzParseEndpoint(f *testing.F) {
	for _, s := range []string{
		"tcp://127.0.0.1:7007", "tcp://:7007", "udp://[::1]:53", "tcp://[fe80::1%lo]:80", "tcp://[::ffff:1.2.3.4]:1",
		"tcp://localhost:80", "unix:///run/x.sock", "unix://@name", "unix://", "tcp://[::1", "x://y",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		network, ep, err := ops.ParseEndpoint(s)
		if err != nil {
			require.ErrorContains(t, err, s)
			return
		}
		require.True(t, ep.IsValid())
		network2, again, err := ops.ParseEndpoint(network + "://" + ep.String())
		require.NoError(t, err)
		require.Equal(t, network, network2)
		require.Equal(t, ep, again)
		if ep.Family() == ops.FamilyUnspecified || ep.AddrPort().Addr().Zone() != "" {
			return // A name has no sockaddr, and the interface of a zone may not be here.
		}
		b, err := ops.AppendSockaddr(nil, ep, ops.FamilyUnspecified)
		require.NoError(t, err)
		require.LessOrEqual(t, len(b), unix.SizeofSockaddrUnix)
	})
}

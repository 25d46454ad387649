package ops_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

// TestSockaddrsHaveTheKernelsBytes pins the encoding for little-endian machines, which is what amd64 and arm64 are.
func TestSockaddrsHaveTheKernelsBytes(t *testing.T) {
	cases := []struct {
		name   string
		ep     ops.Endpoint
		family ops.Family
		want   string
	}{
		{"IPv4", ip("127.0.0.1:7007"), ops.FamilyIPv4, "0200 1b5f 7f000001 0000000000000000"},
		{"IPv4, own family", ip("127.0.0.1:7007"), ops.FamilyUnspecified, "0200 1b5f 7f000001 0000000000000000"},
		{
			"IPv6", ip("[2001:db8::1]:80"), ops.FamilyIPv6,
			"0a00 0050 00000000 20010db8000000000000000000000001 00000000",
		},
		{
			"IPv4 on IPv6", ip("127.0.0.1:80"), ops.FamilyIPv6,
			"0a00 0050 00000000 00000000000000000000ffff7f000001 00000000",
		},
		{
			"mapped", ip("[::ffff:127.0.0.1]:80"), ops.FamilyIPv6,
			"0a00 0050 00000000 00000000000000000000ffff7f000001 00000000",
		},
		{
			"zone", ip("[fe80::1%258]:80"), ops.FamilyIPv6,
			"0a00 0050 00000000 fe800000000000000000000000000001 02010000",
		},
		{"path", ops.UnixEndpoint("/a"), ops.FamilyUnix, "0100 2f6100"},
		{"abstract", ops.UnixEndpoint("@a"), ops.FamilyUnix, "0100 0061"},
		{"abstract with NUL", ops.UnixEndpoint("@a\x00b"), ops.FamilyUnix, "0100 00610062"},
		{"abstract, no name", ops.UnixEndpoint("@"), ops.FamilyUnix, "0100 00"},
		{"autobind", ops.UnixEndpoint(""), ops.FamilyUnix, "0100"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := ops.AppendSockaddr([]byte("kept"), c.ep, c.family)
			require.NoError(t, err)
			require.Equal(t, "kept", string(got[:4]))
			require.Equal(t, strings.ReplaceAll(c.want, " ", ""), hex.EncodeToString(got[4:]))

			back, err := ops.ParseSockaddr(got[4:])
			require.NoError(t, err)
			want := c.ep
			switch c.name {
			case "IPv4 on IPv6":
				want = ip("[::ffff:127.0.0.1]:80")
			case "autobind": // in the kernel's mouth it is no name
				want = ops.Endpoint{}
			}
			require.Equal(t, want, back)
		})
	}
}

func TestAnEndpointThatDoesNotFitTheSocketIsRefused(t *testing.T) {
	long := strings.Repeat("x", 108)
	cases := []struct {
		name   string
		ep     ops.Endpoint
		family ops.Family
		is     error
	}{
		{"none", ops.Endpoint{}, ops.FamilyIPv4, ops.ErrArgument},
		{"none, any family", ops.Endpoint{}, ops.FamilyUnspecified, ops.ErrArgument},
		{"name", ops.DNSEndpoint("localhost", 80), ops.FamilyIPv4, ops.ErrArgument},
		{"IPv6 on IPv4", ip("[::1]:80"), ops.FamilyIPv4, ops.ErrUnsupported},
		{"mapped on IPv4", ip("[::ffff:1.2.3.4]:80"), ops.FamilyIPv4, syscall.EAFNOSUPPORT},
		{"IPv4 on Unix", ip("127.0.0.1:80"), ops.FamilyUnix, ops.ErrUnsupported},
		{"Unix on IPv4", ops.UnixEndpoint("/x"), ops.FamilyIPv4, ops.ErrUnsupported},
		{"Unix on IPv6", ops.UnixEndpoint("/x"), ops.FamilyIPv6, syscall.EAFNOSUPPORT},
		{"unbound on IPv6", ops.UnixEndpoint(""), ops.FamilyIPv6, ops.ErrUnsupported},
		{"long path", ops.UnixEndpoint(long), ops.FamilyUnix, ops.ErrArgument},
		{"long abstract name", ops.UnixEndpoint("@" + long), ops.FamilyUnix, ops.ErrArgument},
		{"NUL in path", ops.UnixEndpoint("/a\x00b"), ops.FamilyUnix, ops.ErrArgument},
		{"no such zone", ip("[fe80::1%nosuchif]:80"), ops.FamilyIPv6, ops.ErrArgument},
		{"zone too large", ip("[fe80::1%4294967296]:80"), ops.FamilyIPv6, ops.ErrArgument},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := ops.AppendSockaddr([]byte("kept"), c.ep, c.family)
			require.ErrorIs(t, err, c.is)
			require.Equal(t, "kept", string(got))

			sa, err := ops.UnixSockaddr(c.ep, c.family)
			require.ErrorIs(t, err, c.is)
			require.Nil(t, sa)
		})
	}
}

func TestAWrongFamilyIsTheSocketErrorOfDotNet(t *testing.T) {
	_, err := ops.AppendSockaddr(nil, ip("[::1]:80"), ops.FamilyIPv4)
	var e *ops.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, ops.AddressFamilyNotSupported, e.SocketError)
}

func TestParseSockaddrReadsWhatOnlyTheKernelWrites(t *testing.T) {
	full := strings.Repeat("x", 108)
	cases := []struct {
		name string
		in   string
		want ops.Endpoint
	}{
		{"no sender", "", ops.Endpoint{}},
		{"more than the struct", "\x02\x00\x00\x50\x7f\x00\x00\x01" + strings.Repeat("\xff", 99), ip("127.0.0.1:80")},
		{"path without NUL", "\x01\x00/a", ops.UnixEndpoint("/a")},
		{"path with rubbish behind the NUL", "\x01\x00/a\x00bc", ops.UnixEndpoint("/a")},
		{"path that fills sun_path", "\x01\x00" + full + "\x00", ops.UnixEndpoint(full)},
		{"file that looks abstract", "\x01\x00@a\x00", ops.UnixEndpoint("./@a")},
		{"autobound name", "\x01\x00\x0000001", ops.UnixEndpoint("@00001")},
	}
	for _, c := range cases {
		got, err := ops.ParseSockaddr([]byte(c.in))
		require.NoError(t, err, c.name)
		require.Equal(t, c.want, got, c.name)
	}
}

func TestParseSockaddrRefuses(t *testing.T) {
	cases := []struct{ name, in string }{
		{"half a family", "\x02"},
		{"short IPv4", "\x02\x00\x00\x50\x7f\x00\x00\x01"},
		{"short IPv6", "\x0a\x00" + strings.Repeat("\x00", 25)},
		{"AF_UNSPEC", "\x00\x00"},
		{"AF_NETLINK", "\x10\x00" + strings.Repeat("\x00", 10)},
		{"long path", "\x01\x00" + strings.Repeat("x", 109)},
		{"long abstract name", "\x01\x00\x00" + strings.Repeat("x", 108)},
	}
	for _, c := range cases {
		got, err := ops.ParseSockaddr([]byte(c.in))
		require.ErrorContains(t, err, "ops: ", c.name)
		require.Zero(t, got, c.name)
	}
}

func TestAZoneIsTheNameOfItsInterface(t *testing.T) {
	lo := loopbackInterface(t)
	b, err := ops.AppendSockaddr(nil, ip("[fe80::1%"+lo.Name+"]:80"), ops.FamilyIPv6)
	require.NoError(t, err)
	byNumber, err := ops.AppendSockaddr(nil, ip("[fe80::1%"+strconv.Itoa(lo.Index)+"]:80"), ops.FamilyIPv6)
	require.NoError(t, err)
	require.Equal(t, byNumber, b)

	ep, err := ops.ParseSockaddr(b)
	require.NoError(t, err)
	require.Equal(t, "[fe80::1%"+lo.Name+"]:80", ep.String())
}

func TestAZoneWithoutAnInterfaceIsItsNumber(t *testing.T) {
	const far = "[fe80::1%4000000000]:80"
	b, err := ops.AppendSockaddr(nil, ip(far), ops.FamilyIPv6)
	require.NoError(t, err)
	ep, err := ops.ParseSockaddr(b)
	require.NoError(t, err)
	require.Equal(t, far, ep.String())
}

func loopbackInterface(t *testing.T) net.Interface {
	t.Helper()
	all, err := net.Interfaces()
	require.NoError(t, err)
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 {
			return i
		}
	}
	t.Fatal("this machine has no loopback interface")
	return net.Interface{}
}

// TestTheKernelAgreesAboutSockaddrs binds through both forms, to raw bytes and to x/sys' structs, and reads back what
// getsockname says, in both forms.
func TestTheKernelAgreesAboutSockaddrs(t *testing.T) {
	dir := shortTempDir(t)
	long := filepath.Join(dir, strings.Repeat("x", 107))[:107]
	abstract := fmt.Sprintf("@ringport-sockaddr-%d-", os.Getpid())
	cases := []struct {
		name   string
		ep     ops.Endpoint
		family ops.Family
		want   string // what the name must start with
		noXSys bool
	}{
		{name: "IPv4", ep: ip("127.0.0.1:0"), family: ops.FamilyIPv4, want: "127.0.0.1:"},
		{name: "IPv6", ep: ip("[::1]:0"), family: ops.FamilyIPv6, want: "[::1]:"},
		{name: "IPv6 any", ep: ip("[::]:0"), family: ops.FamilyIPv6, want: "[::]:"},
		{name: "IPv4 on IPv6", ep: ip("127.0.0.1:0"), family: ops.FamilyIPv6, want: "[::ffff:127.0.0.1]:"},
		{name: "path", ep: ops.UnixEndpoint(dir + "/a"), family: ops.FamilyUnix, want: dir + "/a"},
		{name: "longest path", ep: ops.UnixEndpoint(long), family: ops.FamilyUnix, want: long},
		{name: "abstract", ep: ops.UnixEndpoint(abstract), family: ops.FamilyUnix, want: abstract},
		{
			name: "abstract of 106", ep: ops.UnixEndpoint(padTo(abstract, 107)), family: ops.FamilyUnix,
			want: padTo(abstract, 107),
		},
		{
			name: "abstract of 107", ep: ops.UnixEndpoint(padTo(abstract, 108)), family: ops.FamilyUnix,
			want: padTo(abstract, 108), noXSys: true,
		},
		{
			name: "abstract with NUL", ep: ops.UnixEndpoint(abstract + "\x00\x01"), family: ops.FamilyUnix,
			want: abstract + "\x00\x01", noXSys: true,
		},
		{name: "autobind", ep: ops.UnixEndpoint(""), family: ops.FamilyUnix, want: "@"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			fd := rawSocket(t, c.family)
			b, err := ops.AppendSockaddr(nil, c.ep, c.family)
			require.NoError(t, err)
			require.NoError(t, bindRaw(fd, b))
			byBytes := rawName(t, fd)
			require.True(t, strings.HasPrefix(byBytes.String(), c.want), byBytes.String())
			require.Equal(t, c.family, byBytes.Family())
			if c.noXSys {
				return
			}
			require.Equal(t, byBytes, xsysName(t, fd))

			require.NoError(t, unix.Close(fd))
			if path := c.ep.Path(); strings.HasPrefix(path, "/") {
				require.NoError(t, os.Remove(path))
			}
			other := rawSocket(t, c.family)
			sa, err := ops.UnixSockaddr(c.ep, c.family)
			require.NoError(t, err)
			require.NoError(t, unix.Bind(other, sa))
			byStruct := xsysName(t, other)
			require.True(t, strings.HasPrefix(byStruct.String(), c.want), byStruct.String())
			require.Equal(t, byStruct, rawName(t, other))
		})
	}
}

func TestASocketThatIsNotBoundHasNoName(t *testing.T) {
	for _, family := range []ops.Family{ops.FamilyIPv4, ops.FamilyIPv6} {
		name := rawName(t, rawSocket(t, family))
		require.True(t, name.AddrPort().Addr().IsUnspecified())
		require.Zero(t, name.Port())
	}
	fd := rawSocket(t, ops.FamilyUnix)
	require.Equal(t, ops.Endpoint{}, rawName(t, fd))
	require.Equal(t, ops.Endpoint{}, xsysName(t, fd))
}

func TestASockaddrOfAnotherKindIsNoEndpoint(t *testing.T) {
	require.Zero(t, ops.EndpointOfSockaddr(nil))
	require.Zero(t, ops.EndpointOfSockaddr(&unix.SockaddrNetlink{}))
}

func TestAnAbstractNameThatOnlyXSysCannotBindIsNamedSo(t *testing.T) {
	_, err := ops.UnixSockaddr(ops.UnixEndpoint(padTo("@", 108)), ops.FamilyUnix)
	require.ErrorIs(t, err, ops.ErrArgument)
	require.ErrorContains(t, err, "106 bytes")
}

func TestSockaddrsOfAddressesDoNotAllocate(t *testing.T) {
	buf := make([]byte, 0, unix.SizeofSockaddrAny)
	v4, v6 := ip("127.0.0.1:80"), ip("[::1]:80")
	mismatched := errors.New("none yet")
	require.Zero(t, testing.AllocsPerRun(100, func() {
		for _, ep := range [...]ops.Endpoint{v4, v6} {
			b, _ := ops.AppendSockaddr(buf, ep, ops.FamilyIPv6)
			if _, err := ops.ParseSockaddr(b); err != nil {
				panic(err)
			}
		}
		_, mismatched = ops.AppendSockaddr(buf, v6, ops.FamilyIPv4)
	}))
	require.ErrorIs(t, mismatched, ops.ErrUnsupported)
}

func FuzzSockaddr(f *testing.F) {
	for _, s := range []string{
		"", "\x02", "\x02\x00\x1b\x5f\x7f\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00", "\x01\x00", "\x01\x00\x00name",
		"\x01\x00/run/x.sock\x00", "\x01\x00@file\x00", "\x0a\x00\x00\x50\x00\x00\x00\x00\xfe\x80" +
			strings.Repeat("\x00", 13) + "\x01\x01\x00\x00\x00", "\x00\x00", "\x10\x00\x00\x00",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ep, err := ops.ParseSockaddr(b)
		if err != nil || ep.IsZero() {
			require.Zero(t, ep)
			return
		}
		encoded, err := ops.AppendSockaddr(nil, ep, ops.FamilyUnspecified)
		if err != nil {
			require.Greater(t, len(ep.Path()), 107, "only a path may be readable and not writable")
			return
		}
		again, err := ops.ParseSockaddr(encoded)
		require.NoError(t, err)
		require.Equal(t, ep, again)

		sa, err := ops.UnixSockaddr(ep, ops.FamilyUnspecified)
		if err != nil {
			require.Len(t, ep.Path(), 108)
			return
		}
		if ep.Path() != "@" {
			require.Equal(t, ep, ops.EndpointOfSockaddr(sa))
		}
		if addr := ep.AddrPort(); addr.Addr().Is4() {
			mapped, err := ops.AppendSockaddr(nil, ep, ops.FamilyIPv6)
			require.NoError(t, err)
			got, err := ops.ParseSockaddr(mapped)
			require.NoError(t, err)
			require.Equal(t, netip.AddrPortFrom(netip.AddrFrom16(addr.Addr().As16()), addr.Port()), got.AddrPort())
		}
	})
}

func padTo(s string, n int) string {
	return s + strings.Repeat("x", n-len(s))
}

// shortTempDir is a t.TempDir whose path leaves room in sun_path.
func shortTempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "ops")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

func rawSocket(t *testing.T, family ops.Family) int {
	t.Helper()
	fd, err := unix.Socket(family.Domain(), unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

// bindRaw is bind(2) on bytes, which x/sys does not offer.
func bindRaw(fd int, b []byte) error {
	_, _, errno := unix.Syscall(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	if errno != 0 {
		return errno
	}
	return nil
}

// rawName is getsockname(2) into bytes.
func rawName(t *testing.T, fd int) ops.Endpoint {
	t.Helper()
	var b [unix.SizeofSockaddrAny]byte
	n := uint32(len(b))
	_, _, errno := unix.Syscall(
		unix.SYS_GETSOCKNAME, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(unsafe.Pointer(&n)))
	require.Zero(t, errno)
	ep, err := ops.ParseSockaddr(b[:n])
	require.NoError(t, err)
	return ep
}

func xsysName(t *testing.T, fd int) ops.Endpoint {
	t.Helper()
	sa, err := unix.Getsockname(fd)
	require.NoError(t, err)
	return ops.EndpointOfSockaddr(sa)
}

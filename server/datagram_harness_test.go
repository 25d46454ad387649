package server_test

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/server"
)

// udp4 is the address that most tests of datagrams listen on.
var udp4 = []string{"udp://127.0.0.1:0"}

// udpClient is a UDP socket of a test's own, which is closed at its end.
type udpClient struct {
	*net.UDPConn
	t testing.TB
}

// udpFrom gives a client with this address of its own; port 0: any.
func udpFrom(t testing.TB, local string) udpClient {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(local)))
	if isDenied(err) {
		t.Skipf("needs CAP_NET_BIND_SERVICE: %v", err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return udpClient{conn, t}
}

// udpFromHost gives a client with an address of the host. The server would drop what comes from a port of its own,
// which the kernel may choose where the server does not listen.
func (r *running) udpFromHost(host string) udpClient {
	r.t.Helper()
	for {
		c := udpFrom(r.t, host+":0") // open until the end, so that the next one is another
		port := c.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		if !slices.ContainsFunc(r.Addrs(), func(own ops.Endpoint) bool { return own.Port() == port }) {
			return c
		}
	}
}

// isDenied tells whether a bind was refused for lack of a capability.
func isDenied(err error) bool { return errors.Is(err, syscall.EACCES) }

// udpTo gives a client that is connected to an address: it hears nobody else.
func udpTo(t testing.TB, remote netip.AddrPort) udpClient {
	t.Helper()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(remote))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return udpClient{conn, t}
}

// send sends a datagram to the server's first address.
func (c udpClient) send(r *running, payload string) {
	c.t.Helper()
	_, err := c.WriteToUDPAddrPort([]byte(payload), r.Addrs()[0].AddrPort())
	require.NoError(c.t, err)
}

// requireAnswer waits for a datagram and compares it.
func (c udpClient) requireAnswer(want string) {
	c.t.Helper()
	got := make([]byte, 1<<16)
	n, _, err := c.ReadFromUDPAddrPort(got)
	require.NoError(c.t, err)
	require.Equal(c.t, want, string(got[:n]))
}

// requireSilence shows that nothing has arrived. It is for after something that would have come later was seen.
func (c udpClient) requireSilence() {
	c.t.Helper()
	conn, err := c.SyscallConn()
	require.NoError(c.t, err)
	require.NoError(c.t, conn.Control(func(fd uintptr) {
		_, _, err := unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_DONTWAIT)
		require.Equal(c.t, unix.EAGAIN, err)
	}))
}

// untilDropped waits until so many datagrams were dropped for a reason.
func (r *running) untilDropped(why server.DropReason, n uint64) {
	r.t.Helper()
	r.until(string(why), func(s server.Stats) bool { return s.Datagrams.Dropped[why] >= n })
	require.Equal(r.t, n, r.Stats().Datagrams.Dropped[why])
}

// untilDecided waits until every one of n datagrams is answered or dropped, and gives the figures.
func (r *running) untilDecided(n uint64) server.DatagramStats {
	r.t.Helper()
	r.until("every datagram is decided", func(s server.Stats) bool { return decided(s.Datagrams) >= n })
	d := r.Stats().Datagrams
	require.Equal(r.t, n, decided(d))
	require.Equal(r.t, n, d.Received)
	return d
}

func decided(d server.DatagramStats) uint64 {
	n := d.Answered
	for _, dropped := range d.Dropped {
		n += dropped
	}
	return n
}

// requireIPv6 skips a test where the machine has no ::1.
func requireIPv6(t testing.TB) {
	t.Helper()
	conn, err := net.ListenPacket("udp6", "[::1]:0")
	if errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) {
		t.Skipf("needs IPv6 on the loopback interface: %v", err)
	}
	require.NoError(t, err)
	require.NoError(t, conn.Close())
}

// setOption sets an option of a client's socket.
func (c udpClient) setOption(level, option, value int) {
	c.t.Helper()
	conn, err := c.SyscallConn()
	require.NoError(c.t, err)
	require.NoError(c.t, conn.Control(func(fd uintptr) {
		require.NoError(c.t, os.NewSyscallError("setsockopt", unix.SetsockoptInt(int(fd), level, option, value)))
	}))
}

func ofLength(n int) string { return string(bytes.Repeat([]byte("x"), n)) }

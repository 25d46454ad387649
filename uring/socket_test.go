package uring_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// socketPair gives two connected stream sockets, closed when the test ends.
func socketPair(t testing.TB) (near, far int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = unix.Close(fds[0])
		_ = unix.Close(fds[1])
	})
	return fds[0], fds[1]
}

// listen gives a listening TCP socket on the loopback, closed when the test ends, and its address.
func listen(t testing.TB) (fd int, address string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	require.NoError(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, unix.Listen(fd, 16))
	name, err := unix.Getsockname(fd)
	require.NoError(t, err)
	bound := name.(*unix.SockaddrInet4)
	return fd, (&net.TCPAddr{IP: bound.Addr[:], Port: bound.Port}).String()
}

// dial connects to the address; the connection is closed when the test ends.
func dial(t testing.TB, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func write(t testing.TB, fd int, text string) {
	t.Helper()
	n, err := unix.Write(fd, []byte(text))
	require.NoError(t, err)
	require.Equal(t, len(text), n)
}

func read(t testing.TB, fd, n int) string {
	t.Helper()
	buf := make([]byte, n)
	got, err := unix.Read(fd, buf)
	require.NoError(t, err)
	return string(buf[:got])
}

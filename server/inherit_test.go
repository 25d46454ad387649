package server_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/server"
)

// passable is a listener of package net whose descriptor can be passed on.
type passable interface {
	net.Listener
	File() (*os.File, error)
}

// passedOn makes a listener that another process might have made, and the address that a server gives it.
func passedOn(t testing.TB, network, at string) (l passable, address string, f *os.File) {
	t.Helper()
	made, err := net.Listen(network, at)
	require.NoError(t, err)
	l = made.(passable)
	t.Cleanup(func() { l.Close() })
	f, err = l.File()
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return l, network + "://" + l.Addr().String(), f
}

func TestAnInheritedListenerIsServedAndGoesOnWithoutTheServer(t *testing.T) {
	ringtest.Require(t)
	path := socketPath(t)
	name := abstractName(t)
	for _, at := range [][2]string{{"tcp", "127.0.0.1:0"}, {"tcp", "[::]:0"}, {"unix", path}, {"unix", name}} {
		for _, shards := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s/%s/%d", at[0], at[1][:1], shards), func(t *testing.T) {
				l, address, f := passedOn(t, at[0], at[1])
				r := start(t, server.Config{
					Listen: []string{}, Inherited: []server.Inherited{{Name: "echo.socket", File: f}}, Shards: shards,
				}, server.Echo{})
				require.Equal(t, []string{address}, r.Listeners())
				require.Equal(t, l.Addr().String(), r.addr())
				together(t, 30, func(i int) error {
					c, err := dialAddress(address)
					if err != nil {
						return err
					}
					defer c.Close()
					return echoOnce(c, i, 1000, 100)
				})
				require.NoError(t, r.Close())

				mine := connect(t, address)
				c, err := l.Accept()
				require.NoError(t, err)
				_, err = io.WriteString(c, "served by another")
				require.NoError(t, err)
				got := make([]byte, len("served by another"))
				_, err = io.ReadFull(mine, got)
				require.NoError(t, err)
				require.NoError(t, c.Close())
			})
		}
	}
}

func TestWhoeverPassesAnInheritedFileOnMayCloseIt(t *testing.T) {
	ringtest.Require(t)
	ringtest.Descriptors(t)
	l, address, f := passedOn(t, "tcp", "127.0.0.1:0")
	s, err := server.New(server.Config{Inherited: []server.Inherited{{File: f}}}, server.Echo{})
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.NoError(t, l.Close())
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	requireEcho(t, connect(t, address), "hello")
	require.NoError(t, s.Close())
	require.NoError(t, <-served)
	requireRefused(t, address)
}

func TestASocketThatCanNotBeInheritedIsAnErrorThatNamesIt(t *testing.T) {
	ringtest.Require(t)
	ringtest.Descriptors(t)
	descriptor := func(domain, typ int) func(*testing.T) int {
		return func(t *testing.T) int {
			fd, err := unix.Socket(domain, typ|unix.SOCK_CLOEXEC, 0)
			require.NoError(t, err)
			return fd
		}
	}
	tests := []struct {
		name string
		make func(*testing.T) int
		want error
		text string
	}{
		{"a file", func(t *testing.T) int {
			fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
			require.NoError(t, err)
			return fd
		}, syscall.ENOTSOCK, "it is no socket"},
		{"a TCP socket that does not listen", descriptor(unix.AF_INET, unix.SOCK_STREAM), nil, "Accept=no"},
		{"a Unix socket that does not listen", descriptor(unix.AF_UNIX, unix.SOCK_STREAM), nil, "does not listen"},
		{"a Unix datagram socket", descriptor(unix.AF_UNIX, unix.SOCK_DGRAM), nil, "another kind"},
		{"a Unix packet socket", descriptor(unix.AF_UNIX, unix.SOCK_SEQPACKET), nil, "another kind"},
		{"a netlink socket", descriptor(unix.AF_NETLINK, unix.SOCK_RAW), nil, "another kind"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			fd := test.make(t)
			f := os.NewFile(uintptr(fd), "passed on")
			defer f.Close()
			inherited := []server.Inherited{{Name: "web.socket", File: f}}
			_, err := server.New(server.Config{Inherited: inherited}, server.Echo{})
			require.ErrorContains(t, err, `server: Inherited "web.socket", descriptor `+strconv.Itoa(fd)+": ")
			require.ErrorContains(t, err, test.text)
			if test.want != nil {
				require.ErrorIs(t, err, test.want)
			}
			_, err = unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
			require.NoError(t, err, "it is still open")
		})
	}
}

func TestAnInheritedFileThatIsClosedIsAnError(t *testing.T) {
	ringtest.Require(t)
	ringtest.Descriptors(t)
	_, err := server.New(server.Config{Inherited: []server.Inherited{{Name: "none"}}}, server.Echo{})
	require.ErrorContains(t, err, `server: Inherited "none": File is nil`)
	_, _, f := passedOn(t, "tcp", "127.0.0.1:0")
	require.NoError(t, f.Close())
	_, err = server.New(server.Config{Inherited: []server.Inherited{{Name: "shut", File: f}}}, server.Echo{})
	require.ErrorContains(t, err, `server: Inherited "shut"`)
	require.ErrorIs(t, err, os.ErrClosed)
}

// group makes n listeners of one address, between which the kernel divides the connections.
func group(t testing.TB, n int) (address string, files []server.Inherited) {
	t.Helper()
	at := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	for range n {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		f := os.NewFile(uintptr(fd), "one of a group")
		t.Cleanup(func() { f.Close() })
		require.NoError(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
		require.NoError(t, unix.Bind(fd, at))
		require.NoError(t, unix.Listen(fd, 128))
		bound, err := unix.Getsockname(fd)
		require.NoError(t, err)
		at = bound.(*unix.SockaddrInet4)
		files = append(files, server.Inherited{File: f})
	}
	return fmt.Sprintf("tcp://127.0.0.1:%d", at.Port), files
}

func TestEveryListenerOfAnInheritedGroupIsServed(t *testing.T) {
	for _, listeners := range []int{1, 2, 3} {
		for _, shards := range []int{1, 2, 5} {
			t.Run(fmt.Sprintf("%d listeners/%d shards", listeners, shards), func(t *testing.T) {
				address, files := group(t, listeners)
				r := start(t, server.Config{Inherited: files, Listen: []string{}, Shards: shards}, server.Echo{})
				require.Equal(t, []string{address}, r.Listeners(), "it is one address")
				together(t, 60, func(i int) error {
					c, err := dialAddress(address)
					if err != nil {
						return err
					}
					defer c.Close()
					if err := echoOnce(c, i, 100, 100); err != nil {
						return err
					}
					return reset(c.(*net.TCPConn))
				})
				next, err := r.ListenerFiles()
				require.NoError(t, err)
				require.Len(t, next, listeners, "and so many sockets, whatever the number of shards")
				closeAll(t, next)
			})
		}
	}
}

func closeAll(t testing.TB, files []server.Inherited) {
	t.Helper()
	for _, f := range files {
		require.NoError(t, f.File.Close())
	}
}

func TestAnInheritedSocketServesItsAddressOfTheList(t *testing.T) {
	path := socketPath(t)
	_, tcp, tcpFile := passedOn(t, "tcp", "127.0.0.1:0")
	_, local, localFile := passedOn(t, "unix", path)
	_, extra, extraFile := passedOn(t, "tcp", "127.0.0.1:0")
	r := start(t, server.Config{
		Listen:    []string{"tcp://127.0.0.2:0", local, tcp},
		Inherited: []server.Inherited{{File: tcpFile}, {File: localFile}, {File: extraFile}},
	}, server.Echo{})
	got := r.Listeners()
	require.Len(t, got, 4)
	require.Equal(t, []string{local, tcp, extra}, got[1:], "in the order of the list, then what is not in it")
	for _, address := range got {
		requireEcho(t, connect(t, address), "hello")
	}
}

func TestAFreePortMayBeAnInheritedOne(t *testing.T) {
	_, address, f := passedOn(t, "tcp", "127.0.0.1:0")
	r := start(t, server.Config{Listen: []string{"tcp://127.0.0.1:0"}, Inherited: []server.Inherited{{File: f}}},
		server.Echo{})
	require.Equal(t, []string{address}, r.Listeners())
}

func TestAnInheritedPathBelongsToWhoeverPassedItOnUnlessItIsOwned(t *testing.T) {
	for _, owned := range []bool{false, true} {
		path := socketPath(t)
		l, address, f := passedOn(t, "unix", path)
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		inherited := []server.Inherited{{File: f, Owned: owned}}

		unserved, err := server.New(server.Config{Inherited: inherited}, server.Echo{})
		require.NoError(t, err)
		require.NoError(t, unserved.Close())
		requireSocket(t, path) // whoever passed it on may still be at work

		r := start(t, server.Config{Inherited: inherited, Listen: []string{}}, server.Echo{})
		requireEcho(t, connect(t, address), "hello")
		require.NoError(t, r.Close())
		if owned {
			requireNoFile(t, path)
			continue
		}
		requireSocket(t, path)
	}
}

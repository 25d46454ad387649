package server_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/server"
)

// socketPath gives a path for a Unix socket, short enough for one, in a folder that is removed after the test.
func socketPath(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "echo")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return filepath.Join(dir, "x.sock")
}

// abstractName gives a name in the abstract name space that nobody else has.
func abstractName(t testing.TB) string { return "@" + strings.TrimPrefix(socketPath(t), "/") }

// dialAddress connects a client to an address as Listeners gives it.
func dialAddress(address string) (net.Conn, error) {
	network, at, _ := strings.Cut(address, "://")
	c, err := net.Dial(network, at)
	if err != nil {
		return nil, err
	}
	return c, c.SetDeadline(time.Now().Add(patience))
}

// connect is dialAddress for what must succeed. The client is closed at the end of the test.
func connect(t testing.TB, address string) net.Conn {
	t.Helper()
	c, err := dialAddress(address)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// requireRefused waits until nobody listens at an address: the kernel ends a listener a little after its close.
func requireRefused(t testing.TB, address string) {
	t.Helper()
	require.Eventually(t, func() bool {
		c, err := dialAddress(address)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	}, patience, time.Millisecond, "%s still listens", address)
}

func requireNoFile(t testing.TB, path string) {
	t.Helper()
	_, err := os.Lstat(path)
	require.ErrorIs(t, err, os.ErrNotExist)
}

// requireSocket checks that a path is that of a socket.
func requireSocket(t testing.TB, path string) {
	t.Helper()
	info, err := os.Lstat(path)
	require.NoError(t, err)
	require.Equal(t, os.ModeSocket, info.Mode().Type())
}

func TestTheShardsOfAServerShareAUnixListener(t *testing.T) {
	for _, shards := range []int{1, 2, 4} {
		for _, path := range []string{socketPath(t), abstractName(t)} {
			t.Run(fmt.Sprintf("%d shards/%s", shards, path[:1]), func(t *testing.T) {
				r := start(t, server.Config{Listen: []string{"unix://" + path}, Shards: shards}, server.Echo{})
				require.Equal(t, []string{"unix://" + path}, r.Listeners())
				require.Equal(t, []ops.Endpoint{ops.UnixEndpoint(path)}, r.Addrs())
				together(t, 100, func(i int) error {
					c, err := dialAddress(r.Listeners()[0])
					if err != nil {
						return err
					}
					defer c.Close()
					if err := echoOnce(c, i, 100_000, 5000); err != nil {
						return err
					}
					return endBoth(c)
				})
				r.until("the sessions end", func(s server.Stats) bool { return s.Sessions == 0 })
				require.EqualValues(t, 100, r.Stats().Accepted)
				require.NoError(t, r.Close())
				if path[0] != '@' {
					requireNoFile(t, path)
				}
			})
		}
	}
}

func TestMaxConnsHoldsForASharedListener(t *testing.T) {
	const most = 3
	r := start(t, server.Config{Listen: []string{"unix://" + socketPath(t)}, Shards: 4, MaxConns: most}, server.Echo{})
	together(t, 60, func(i int) error {
		c, err := dialAddress(r.Listeners()[0])
		if err != nil {
			return err
		}
		defer c.Close()
		if err := echoOnce(c, i, 1000, 1000); err != nil {
			return err
		}
		if n := r.Stats().Sessions; n > most {
			return fmt.Errorf("%d sessions", n)
		}
		return nil
	})
}

func TestUnixPeersAreNotLimitedPerAddress(t *testing.T) {
	remotes := make(chan ops.Endpoint, 3)
	h := &handler{opened: func(s *server.Session) { remotes <- s.RemoteEndpoint() }}
	r := start(t, server.Config{Listen: []string{"unix://" + abstractName(t)}, MaxConnsPerIP: 1}, h)
	for range 3 {
		requireEcho(t, connect(t, r.Listeners()[0]), "I have no address")
		require.Zero(t, <-remotes)
	}
}

func TestAShutdownDrainsUnixSessions(t *testing.T) {
	path := socketPath(t)
	r := start(t, server.Config{Listen: []string{"unix://" + path}}, server.Echo{})
	c := connect(t, r.Listeners()[0])
	requireEcho(t, c, "accepted")
	require.NoError(t, sendSource(c, 1, 50_000, 1000))
	down := r.shutdown(patience)
	requireSource(t, c, 1, 50_000)
	requireEnd(t, c)
	requireNoFile(t, path)
	require.NoError(t, c.Close())
	require.NoError(t, <-down)
}

// leaveBehind makes the file of a Unix socket on which nobody listens.
func leaveBehind(t testing.TB, path string, typ int) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, typ|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, unix.Bind(fd, &unix.SockaddrUnix{Name: path}))
	if typ == unix.SOCK_STREAM {
		require.NoError(t, unix.Listen(fd, 1))
	}
	require.NoError(t, unix.Close(fd))
}

func TestTheSocketOfAServerThatWasKilledIsReplaced(t *testing.T) {
	for _, typ := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM} {
		path := socketPath(t)
		leaveBehind(t, path, typ)
		r := start(t, server.Config{Listen: []string{"unix://" + path}}, server.Echo{})
		requireEcho(t, connect(t, r.Listeners()[0]), "hello")
		require.NoError(t, r.Close())
		requireNoFile(t, path)
	}
}

func TestAUnixSocketInUseIsAnErrorAndGoesOn(t *testing.T) {
	for _, path := range []string{socketPath(t), abstractName(t)} {
		r := start(t, server.Config{Listen: []string{"unix://" + path}}, server.Echo{})
		for _, cfg := range []server.Config{{}, {TakeOver: true}} {
			cfg.Listen = r.Listeners()
			_, err := server.New(cfg, server.Echo{})
			require.ErrorIs(t, err, syscall.EADDRINUSE)
			require.ErrorContains(t, err, "server: listen on unix://"+path)
			require.ErrorContains(t, err, "take another path")
			require.NotContains(t, err.Error(), "\n", "one line")
		}
		requireEcho(t, connect(t, r.Listeners()[0]), "still there")
	}
}

func TestADatagramSocketInUseIsAnErrorAndGoesOn(t *testing.T) {
	ringtest.Require(t)
	ringtest.Descriptors(t)
	path := socketPath(t)
	other, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: path})
	require.NoError(t, err)
	defer other.Close()
	_, err = server.New(server.Config{Listen: []string{"unix://" + path}}, server.Echo{})
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	requireSocket(t, path)
}

func TestAFileThatIsNoSocketIsNeverRemoved(t *testing.T) {
	ringtest.Require(t)
	ringtest.Descriptors(t)
	file, folder, link := socketPath(t), socketPath(t), socketPath(t)
	require.NoError(t, os.WriteFile(file, []byte("precious"), 0o600))
	require.NoError(t, os.Mkdir(folder, 0o700))
	stale := socketPath(t)
	leaveBehind(t, stale, unix.SOCK_STREAM)
	require.NoError(t, os.Symlink(stale, link))
	for _, path := range []string{file, folder, link} {
		before, err := os.Lstat(path)
		require.NoError(t, err)
		_, err = server.New(server.Config{Listen: []string{"unix://" + path}}, server.Echo{})
		require.ErrorIs(t, err, syscall.EADDRINUSE)
		require.ErrorContains(t, err, "the file there is no socket")
		after, err := os.Lstat(path)
		require.NoError(t, err)
		require.True(t, os.SameFile(before, after))
	}
}

func TestAPathThatAnotherSocketHasTakenIsNotRemoved(t *testing.T) {
	path := socketPath(t)
	r := start(t, server.Config{Listen: []string{"unix://" + path}}, server.Echo{})
	require.NoError(t, os.Rename(path, path+".old"))
	other, err := net.Listen("unix", path)
	require.NoError(t, err)
	defer other.Close()
	require.NoError(t, r.Close())
	requireSocket(t, path)
}

func TestAServerThatIsNotMadeLeavesNoPath(t *testing.T) {
	ringtest.Require(t)
	ringtest.Descriptors(t)
	path := socketPath(t)
	_, err := server.New(server.Config{Listen: []string{"unix://" + path, "tcp://192.0.2.1:7"}}, server.Echo{})
	require.ErrorIs(t, err, syscall.EADDRNOTAVAIL)
	requireNoFile(t, path)
}

func TestAPathThatCanNotBeListenedOnIsAnError(t *testing.T) {
	ringtest.Require(t)
	ringtest.Descriptors(t)
	tests := []struct {
		path string
		want error
		mend string
	}{
		{"/no/such/folder/x.sock", syscall.ENOENT, "make the directory first"},
		{"/proc/x.sock", nil, "server: listen on unix:///proc/x.sock"},
	}
	for _, test := range tests {
		_, err := server.New(server.Config{Listen: []string{"unix://" + test.path}}, server.Echo{})
		require.ErrorContains(t, err, test.mend)
		require.True(t, test.want == nil || errors.Is(err, test.want), "%v", err)
	}
}

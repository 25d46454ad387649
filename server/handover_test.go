package server_test

import (
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/server"
)

func TestListenerFilesAreDuplicatesOfEveryListeningSocket(t *testing.T) {
	path := socketPath(t)
	r := start(t, server.Config{Listen: []string{"tcp://127.0.0.1:0", "unix://" + path}, Shards: 3}, server.Echo{})
	files, err := r.ListenerFiles()
	require.NoError(t, err)
	defer closeAll(t, files)
	var names []string
	for _, f := range files {
		names = append(names, f.Name)
		require.Equal(t, f.Name == "unix://"+path, f.Owned, f.Name)
		flags, err := unix.FcntlInt(f.File.Fd(), unix.F_GETFD, 0)
		require.NoError(t, err)
		require.Equal(t, unix.FD_CLOEXEC, flags, "a process that is started gets none by chance")
		listening, err := unix.GetsockoptInt(int(f.File.Fd()), unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
		require.NoError(t, err)
		require.Equal(t, 1, listening)
	}
	tcp, local := r.Listeners()[0], r.Listeners()[1]
	require.Equal(t, []string{tcp, tcp, tcp, local}, names, "a TCP socket of each shard, and one Unix socket for all")
}

func TestAServerThatEndsGivesNoListenerFiles(t *testing.T) {
	r := start(t, server.Config{}, server.Echo{})
	require.NoError(t, r.Close())
	_, err := r.ListenerFiles()
	require.ErrorIs(t, err, net.ErrClosed)
}

func TestTheServerGoesOnWhenItsListenerFilesAreClosed(t *testing.T) {
	for _, address := range []string{"tcp://127.0.0.1:0", "unix://" + socketPath(t)} {
		r := start(t, server.Config{Listen: []string{address}}, server.Echo{})
		files, err := r.ListenerFiles()
		require.NoError(t, err)
		closeAll(t, files)
		requireEcho(t, connect(t, r.Listeners()[0]), "hello")
	}
}

func TestAServerMayTakeAPortOverFromAnother(t *testing.T) {
	for _, shards := range []int{1, 2} {
		t.Run(fmt.Sprintf("%d shards", shards), func(t *testing.T) {
			ringtest.Require(t)
			ringtest.Descriptors(t)
			cfg := server.Config{Listen: []string{"tcp://127.0.0.1:0"}, Shards: shards}
			first := follow(t, nil, cfg)
			cfg.Listen, cfg.TakeOver = first.Listeners(), true
			second := follow(t, nil, cfg)
			require.Equal(t, first.Listeners(), second.Listeners())
			for range 100 { // the kernel throws a coin for each
				c := connect(t, first.Listeners()[0])
				requireEcho(t, c, "hello")
				require.NoError(t, c.Close())
			}
			require.NotZero(t, first.Stats().Accepted)
			require.NotZero(t, second.Stats().Accepted)
			first.end(t, (*server.Server).Shutdown)
			c := connect(t, second.Listeners()[0])
			requireEcho(t, c, "by the second")
			require.NoError(t, c.Close())
			second.end(t, (*server.Server).Shutdown)
		})
	}
}

func TestTakeOverStillFindsAPortOfAStranger(t *testing.T) {
	ringtest.Require(t)
	ringtest.Descriptors(t)
	stranger, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer stranger.Close()
	address := "tcp://" + stranger.Addr().String()
	_, err = server.New(server.Config{Listen: []string{address}, TakeOver: true}, server.Echo{})
	require.ErrorContains(t, err, address)
	require.ErrorIs(t, err, unix.EADDRINUSE)
}

func TestAPathThatWasHandedOverIsRemovedByTheSuccessor(t *testing.T) {
	ringtest.Require(t)
	ringtest.Descriptors(t)
	path := socketPath(t)
	cfg := server.Config{Listen: []string{"unix://" + path}, Shards: 2}
	second := follow(t, follow(t, nil, cfg), cfg)
	requireSocket(t, path)
	c := connect(t, "unix://"+path)
	requireEcho(t, c, "by the successor")
	require.NoError(t, c.Close())
	second.end(t, (*server.Server).Shutdown)
	requireNoFile(t, path)
}

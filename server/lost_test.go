package server_test

import (
	"context"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/internal/sys"
	"github.com/ringport/ringport/server"
)

func TestAServerThatLosesARingEndsEverythingAndSaysSo(t *testing.T) {
	ringtest.Require(t)
	ringtest.Descriptors(t)
	h, opened, ends := sessions()
	s, err := server.New(server.Config{Listen: []string{"tcp://127.0.0.1:0"}, Shards: 2}, h)
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	c, err := net.Dial("tcp", s.Addrs()[0].String())
	require.NoError(t, err)
	defer c.Close()
	requireEcho(t, c, "all is well")
	session := <-opened

	restore := sys.Inject(&sys.Calls{Enter: func(int, uint32, uint32, uint32) (int, syscall.Errno) {
		return -1, syscall.EFAULT
	}})
	_, err = c.Write([]byte("this wakes the ring")) // whose next enter fails
	require.NoError(t, err)
	err = <-served
	restore()
	require.ErrorIs(t, err, syscall.EFAULT)
	require.ErrorContains(t, err, "server: a shard has stopped")
	require.Error(t, <-ends)
	_, err = session.Write([]byte("to nobody"))
	require.ErrorIs(t, err, net.ErrClosed)
	_, _ = io.Copy(io.Discard, c) // until the end of the connection, whichever that is
	require.Zero(t, s.Stats().Sessions)
	require.Error(t, s.Shutdown(context.Background()), "and again, to whoever asks")
}

package server_test

import (
	"context"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/internal/sys"
	"github.com/ringport/ringport/server"
)

// lag asks with patience.
func lag(t testing.TB, s *server.Server) ([]time.Duration, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return s.Lag(ctx)
}

func TestLagMeasuresEveryShard(t *testing.T) {
	r := start(t, server.Config{Shards: 3}, server.Echo{})
	lags, err := lag(t, r.Server)
	require.NoError(t, err)
	require.Len(t, lags, 3)
	for i, took := range lags {
		require.Positive(t, took, "shard %d", i)
	}
}

func TestLagNamesTheShardWhoseHandlerBlocks(t *testing.T) {
	blocked, release := make(chan struct{}), make(chan struct{})
	h := &handler{received: func(s *server.Session, b bufring.Buffer) {
		close(blocked)
		<-release
		s.Send(b)
	}}
	r := start(t, server.Config{Shards: 1}, h)
	c := r.dial()
	_, err := c.Write([]byte("x"))
	require.NoError(t, err)
	<-blocked
	const limit = 20 * time.Millisecond
	for before := range 3 {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		lags, err := r.Lag(ctx)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "server: shard 0 has not turned for ")
		require.ErrorContains(t, err, ": a handler blocks")
		require.GreaterOrEqual(t, lags[0], time.Duration(before)*limit, "it counts from the first question")
	}
	close(release)
	got := make([]byte, 1)
	_, err = c.Read(got)
	require.NoError(t, err)
	lags, err := lag(t, r.Server)
	require.NoError(t, err)
	require.Positive(t, lags[0])
}

func TestManyMayAskForTheLagAtOnce(t *testing.T) {
	r := start(t, server.Config{}, server.Echo{})
	together(t, 20, func(int) error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		for range 20 {
			if _, err := r.Lag(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestLagNamesAShardThatHasStopped(t *testing.T) {
	ringtest.Require(t)
	ringtest.Descriptors(t)
	s, err := server.New(server.Config{Listen: []string{"tcp://127.0.0.1:0"}, Shards: 1}, server.Echo{})
	require.NoError(t, err)
	restore := sys.Inject(&sys.Calls{Enter: func(int, uint32, uint32, uint32) (int, syscall.Errno) {
		return -1, syscall.EFAULT
	}})
	require.Eventually(t, func() bool { // asking wakes the shard, one of whose next enters fails
		_, err = lag(t, s)
		return err != nil
	}, patience, time.Millisecond)
	restore()
	require.ErrorContains(t, err, "server: shard 0 has stopped: ")
	require.ErrorIs(t, err, syscall.EFAULT)
	require.Error(t, s.Close())
}

func TestTheLagOfAClosedServerIsAnError(t *testing.T) {
	r := start(t, server.Config{}, server.Echo{})
	require.NoError(t, r.Close())
	_, err := lag(t, r.Server)
	require.ErrorIs(t, err, net.ErrClosed)
	require.ErrorContains(t, err, "server: shard 1 has stopped")
}

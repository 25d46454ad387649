package server_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/server"
)

func TestShutdownEndsIdleSessionsInOrder(t *testing.T) {
	h, ends := endings()
	r := start(t, server.Config{}, h)
	clients := make([]net.Conn, 20)
	for i := range clients {
		clients[i] = r.dial()
		requireEcho(t, clients[i], "before")
	}
	down := r.shutdown(patience)
	for _, c := range clients {
		requireEnd(t, c)
		require.NoError(t, c.Close())
	}
	require.NoError(t, <-down)
	for range clients {
		require.NoError(t, <-ends)
	}
	require.EqualValues(t, len(clients), r.Stats().Drained())
	require.Zero(t, r.Stats().Cut())
	requireRefused(t, r.Listeners()[0])
}

// shutdown drains the server meanwhile.
func (r *running) shutdown(limit time.Duration) <-chan error {
	return r.meanwhile(limit, (*server.Server).Shutdown)
}

// meanwhile ends the server on another goroutine.
func (r *running) meanwhile(limit time.Duration, how func(*server.Server, context.Context) error) <-chan error {
	ended := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		ended <- how(r.Server, ctx)
	}()
	return ended
}

func TestWhatWasSentBeforeTheShutdownIsAnswered(t *testing.T) {
	r := start(t, server.Config{}, server.Echo{})
	c := r.dial()
	requireEcho(t, c, "accepted")
	require.NoError(t, sendSource(c, 1, 100_000, 1000))
	down := r.shutdown(patience)
	requireSource(t, c, 1, 100_000)
	requireEnd(t, c)
	require.NoError(t, c.Close())
	require.NoError(t, <-down)
}

func TestAShutdownLosesNothingThatIsQueuedForSlowClients(t *testing.T) {
	const clients = 10
	r := start(t, server.Config{LingerTimeout: 100 * time.Millisecond}, server.Echo{})
	conns := make([]*net.TCPConn, clients)
	var writers sync.WaitGroup
	for i := range conns {
		conns[i] = r.dial()
		writers.Go(func() {
			// Before the drain, during it, and until the server ends the connection.
			_ = sendSource(conns[i], i, 1<<30, 50_000)
		})
	}
	r.until("every session is paused", func(s server.Stats) bool { return s.Paused == clients })
	arrived := r.Stats().BytesIn
	down := r.shutdown(patience)
	requireRefused(t, r.Listeners()[0]) // the drain has begun

	var got uint64
	for i, c := range conns {
		got += readToTheEnd(t, c, i)
		require.NoError(t, c.Close())
	}
	writers.Wait()
	require.NoError(t, <-down)
	require.GreaterOrEqual(t, got, arrived)
	require.Zero(t, r.Stats().Cut())
	require.Equal(t, r.Stats().BytesOut, got, "what the server sent has arrived")
}

// readToTheEnd compares a stream with its source until it ends in order, and gives its length.
func readToTheEnd(t testing.TB, c net.Conn, seed int) (n uint64) {
	t.Helper()
	from := source(seed)
	got, want := make([]byte, 32<<10), make([]byte, 32<<10)
	for {
		k, err := c.Read(got)
		_, _ = io.ReadFull(from, want[:k])
		require.Equal(t, want[:k], got[:k], "after %d bytes", n)
		n += uint64(k)
		if err == io.EOF {
			return n
		}
		require.NoError(t, err, "after %d bytes", n)
	}
}

func TestADrainThatTakesTooLongIsCut(t *testing.T) {
	h, ends := endings()
	r := start(t, server.Config{}, h)
	stuck, good := r.dial(), r.dial()
	requireEcho(t, good, "I leave in time")
	wrote := make(chan error, 1)
	go func() { wrote <- sendSource(stuck, 1, 1<<30, 64<<10) }()
	r.until("it is paused", func(s server.Stats) bool { return s.Paused == 1 })
	ctx, cancel := context.WithCancel(context.Background())
	down := make(chan error, 1)
	go func() { down <- r.Shutdown(ctx) }()
	requireEnd(t, good)
	require.NoError(t, good.Close())
	require.NoError(t, <-ends)
	cancel()
	err := <-down
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "1 connections were cut")
	require.ErrorIs(t, <-ends, net.ErrClosed)
	require.Error(t, <-wrote)
	require.EqualValues(t, 1, r.Stats().Cut())
	require.EqualValues(t, 1, r.Stats().Drained())
}

func TestServeClosesEverythingWhenItsContextEnds(t *testing.T) {
	ringtest.Require(t)
	ringtest.Descriptors(t)
	s, err := server.New(server.Config{Listen: []string{"tcp://127.0.0.1:0"}, Shards: 2}, server.Echo{})
	require.NoError(t, err)
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	c, err := net.Dial("tcp", s.Addrs()[0].String())
	require.NoError(t, err)
	defer c.Close()
	requireEcho(t, c, "served")
	cancel(why)
	require.ErrorIs(t, <-served, why)
	_, err = c.Read(make([]byte, 1))
	require.Error(t, err)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	requireNothingLeft(t, s.Stats())
}

func TestAServerIsServedOnce(t *testing.T) {
	r := start(t, server.Config{}, server.Echo{})
	requireEcho(t, r.dial(), "it is being served")
	require.ErrorContains(t, r.Serve(context.Background()), "served already")
	require.NoError(t, r.Close())
	require.ErrorIs(t, r.Serve(context.Background()), net.ErrClosed)
}

func TestAServerThatIsNotServedIsFreed(t *testing.T) {
	ringtest.Require(t)
	tests := []struct {
		name string
		free func(*server.Server) error
	}{
		{"by Close", (*server.Server).Close},
		{"by Shutdown", func(s *server.Server) error { return s.Shutdown(context.Background()) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ringtest.Descriptors(t)
			s, err := server.New(server.Config{Listen: []string{"tcp://127.0.0.1:0"}, PinCPUs: true}, server.Echo{})
			require.NoError(t, err)
			c, err := net.Dial("tcp", s.Addrs()[0].String())
			require.NoError(t, err, "it listens already")
			defer c.Close()
			require.NoError(t, test.free(s))
			require.NoError(t, test.free(s), "twice is as good as once")
			requireRefused(t, s.Listeners()[0])
			requireNothingLeft(t, s.Stats())
		})
	}
}

func TestManyMayShutAServerDownAtOnce(t *testing.T) {
	r := start(t, server.Config{}, server.Echo{})
	c := r.dial()
	requireEcho(t, c, "hello")
	together(t, 10, func(i int) error {
		if i%2 == 0 {
			return r.Close()
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := r.Shutdown(ctx); err != nil {
			return err
		}
		return nil
	})
}

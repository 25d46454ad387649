package server_test

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/server"
)

func TestASessionEndsInOrderWhenItsLifetimeIsOver(t *testing.T) {
	h, ends := endings()
	r := start(t, server.Config{Lifetime: 200 * time.Millisecond}, h)
	silent, busy := r.dial(), r.dial()
	requireEnd(t, silent)
	require.NoError(t, silent.CloseWrite())
	for err := error(nil); err == nil; {
		err = echoOften(busy, 1)
	}
	require.NoError(t, busy.Close())
	for range 2 {
		err := <-ends
		require.ErrorIs(t, err, server.ErrLifetime)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.True(t, err.(net.Error).Timeout())
	}
	require.EqualValues(t, 2, r.Stats().Ended[server.EndedLifetime], "a busy one as well")
}

func TestWhatIsQueuedIsSentWhenTheLifetimeIsOver(t *testing.T) {
	const size = 16 << 20
	h, opened, ends := sessions()
	give := h.opened
	h.opened = func(s *server.Session) {
		_, err := s.Write(make([]byte, size))
		require.NoError(t, err)
		give(s)
	}
	cfg := server.Config{Lifetime: 50 * time.Millisecond, LingerTimeout: patience, HighWater: size}
	r := start(t, cfg, h)
	c := r.dial()
	s := <-opened
	require.Eventually(t, func() bool {
		_, err := s.Write(nil)
		return errors.Is(err, net.ErrClosed)
	}, patience, time.Millisecond, "its time is over")
	got, err := io.Copy(io.Discard, c)
	require.NoError(t, err)
	require.EqualValues(t, size, got)
	require.NoError(t, c.Close())
	require.ErrorIs(t, <-ends, server.ErrLifetime)
}

func TestAPeerThatReadsNothingDoesNotOutliveTheLifetimeOfItsSession(t *testing.T) {
	h, ends := endings()
	r := start(t, server.Config{Lifetime: 50 * time.Millisecond, LingerTimeout: 50 * time.Millisecond}, h)
	c := r.dial()
	go func() { _ = sendSource(c, 1, 1<<30, 64<<10) }() // until it is reset
	require.ErrorIs(t, <-ends, server.ErrLifetime)
	require.EqualValues(t, 1, r.Stats().Ended[server.EndedLifetime])
}

func TestNobodyOutlivesTheLifetimeByEndingItsSideAndReadingNothing(t *testing.T) {
	const size = 16 << 20
	h, ends := endings()
	cfg := base()
	cfg.LingerTimeout, cfg.HighWater = 50*time.Millisecond, 2*size
	r := start(t, cfg, h)
	c := r.dialNarrow()
	require.NoError(t, sendSource(c, 1, size, 64<<10))
	require.NoError(t, c.CloseWrite())
	r.until("all of it is received", func(s server.Stats) bool { return s.BytesIn == size })
	r.reload(cfg, func(c *server.Config) { c.Lifetime = time.Millisecond })
	require.ErrorIs(t, <-ends, server.ErrLifetime)
}

func TestASessionThatItsPeerEndsInTimeHasNoLifetime(t *testing.T) {
	h, ends := endings()
	r := start(t, server.Config{Lifetime: time.Hour}, h)
	c := r.dial()
	requireEcho(t, c, "hello")
	require.NoError(t, endBoth(c))
	require.NoError(t, <-ends)
	require.EqualValues(t, 1, r.Stats().Ended[server.EndedByPeer])
}

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
	r := start(t, server.Config{Lifetime: 50 * time.Millisecond, HighWater: size}, h)
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

func TestASessionThatItsPeerEndsInTimeHasNoLifetime(t *testing.T) {
	h, ends := endings()
	r := start(t, server.Config{Lifetime: time.Hour}, h)
	c := r.dial()
	requireEcho(t, c, "hello")
	require.NoError(t, endBoth(c))
	require.NoError(t, <-ends)
	require.EqualValues(t, 1, r.Stats().Ended[server.EndedByPeer])
}

package server_test

import (
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/server"
)

// endings collects what Handler.Closed is told.
func endings() (*handler, chan error) {
	ends := make(chan error, 1000)
	return &handler{closed: func(_ *server.Session, err error) { ends <- err }}, ends
}

func TestAnIdleSessionIsClosedAndABusyOneIsNot(t *testing.T) {
	h, ends := endings()
	timeout := 100 * time.Millisecond
	for !outlivesAnIdleOne(t, start(t, server.Config{IdleTimeout: timeout}, h), timeout) {
		timeout *= 2 // the machine was too busy for the client to be
	}
	err := <-ends
	require.ErrorIs(t, err, server.ErrIdleTimeout)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

// outlivesAnIdleOne keeps a session busy until an idle one is closed. It is false when the busy one was closed, too,
// and rightly, since it was idle for as long.
func outlivesAnIdleOne(t *testing.T, r *running, timeout time.Duration) bool {
	t.Helper()
	last := time.Now() // before the last echo of the busy one
	idle, busy := r.dial(), r.dial()
	requireEcho(t, idle, "I fall silent")
	for r.Stats().Ended[server.EndedIdle] == 0 {
		now := time.Now()
		if err := echoOften(busy, 1); err != nil {
			require.GreaterOrEqual(t, time.Since(last), timeout, "%v, though it was busy", err)
			return false
		}
		last = now
	}
	requireEnd(t, idle)
	return true
}

func TestAPeerThatTakesNothingInTimeIsClosed(t *testing.T) {
	h, ends := endings()
	r := start(t, server.Config{WriteTimeout: 100 * time.Millisecond}, h)
	good := r.dial()
	go func() { _ = sendSource(r.dial(), 1, 1<<30, 64<<10) }() // until it is reset
	err := <-ends
	require.ErrorIs(t, err, server.ErrWriteTimeout)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.True(t, err.(net.Error).Timeout())
	requireEcho(t, good, "nothing was queued for me")
}

func TestThePeerOfAClosedSessionMaySendOnForAWhile(t *testing.T) {
	h, ends := endings()
	h.opened = func(s *server.Session) {
		_, err := s.Write([]byte("goodbye"))
		require.NoError(t, err)
		s.Close()
	}
	r := start(t, server.Config{LingerTimeout: 50 * time.Millisecond}, h)
	c := r.dial()
	_, err := c.Write([]byte("hello?"))
	require.NoError(t, err)
	require.NoError(t, <-ends, "the session ends in order, though the peer does not end its side")
	got := make([]byte, 7)
	_, err = c.Read(got)
	require.NoError(t, err)
	require.Equal(t, "goodbye", string(got))
	requireEnd(t, c)
}

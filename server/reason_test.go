package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/server"
)

func TestTheErrorOfAConnectionHasAReason(t *testing.T) {
	tests := []struct {
		err  error
		want server.EndReason
	}{
		{syscall.ECONNRESET, server.EndedByReset},
		{syscall.EPIPE, server.EndedByReset},
		{&ops.Error{Op: ops.Receive, Errno: syscall.ECONNRESET}, server.EndedByReset},
		{fmt.Errorf("shutdown: %w", syscall.ENOTCONN), server.EndedByReset},
		{syscall.ETIMEDOUT, server.EndedByError},
		{syscall.EHOSTUNREACH, server.EndedByError},
		{net.ErrClosed, server.EndedByError},
		{errors.New("whatever"), server.EndedByError},
	}
	for _, test := range tests {
		require.Equal(t, test.want, server.ReasonOf(test.err), "%v", test.err)
	}
}

// ending is a way for a session to end, and how it is counted.
type ending struct {
	why server.EndReason
	cfg server.Config
	end func(t *testing.T, r *running, c *net.TCPConn, s *server.Session)
}

func TestEveryEndIsCountedByItsReason(t *testing.T) {
	tests := []ending{
		{server.EndedByPeer, server.Config{}, func(t *testing.T, _ *running, c *net.TCPConn, _ *server.Session) {
			require.NoError(t, endBoth(c))
		}},
		{server.EndedByHandler, server.Config{}, func(t *testing.T, _ *running, c *net.TCPConn, s *server.Session) {
			s.Close()
			requireEnd(t, c)
			require.NoError(t, c.Close())
		}},
		{server.EndedIdle, server.Config{IdleTimeout: 50 * time.Millisecond},
			func(*testing.T, *running, *net.TCPConn, *server.Session) {}},
		{server.EndedLifetime, server.Config{Lifetime: 50 * time.Millisecond},
			func(t *testing.T, _ *running, c *net.TCPConn, _ *server.Session) {
				requireEnd(t, c)
				require.NoError(t, c.Close())
			}},
		{server.EndedUnread, server.Config{WriteTimeout: 50 * time.Millisecond},
			func(t *testing.T, _ *running, c *net.TCPConn, _ *server.Session) {
				require.Error(t, sendSource(c, 1, 1<<30, 64<<10))
			}},
		{server.EndedByReset, server.Config{}, func(t *testing.T, _ *running, c *net.TCPConn, _ *server.Session) {
			require.NoError(t, reset(c))
		}},
		{server.EndedByShutdown, server.Config{}, func(t *testing.T, r *running, c *net.TCPConn, _ *server.Session) {
			down := r.shutdown(patience)
			requireEnd(t, c)
			require.NoError(t, c.Close())
			require.NoError(t, <-down)
		}},
		{server.EndedByCut, server.Config{}, func(t *testing.T, r *running, _ *net.TCPConn, _ *server.Session) {
			require.NoError(t, r.Close())
		}},
	}
	for _, test := range tests {
		t.Run(string(test.why), func(t *testing.T) {
			h, opened, _ := sessions()
			r := start(t, test.cfg, h)
			test.end(t, r, r.dial(), <-opened)
			r.until("the session has ended", func(s server.Stats) bool { return s.Closed() == 1 })
			for why, n := range r.Stats().Ended {
				require.Equal(t, why == test.why, n == 1, "%s is counted %d times", why, n)
			}
		})
	}
}

func TestEveryConnectionIsRejectedServedOrEnded(t *testing.T) {
	r := start(t, server.Config{MaxConnsPerIP: 10, MaxConns: 20}, server.Echo{})
	together(t, 100, func(i int) error {
		c, err := net.Dial("tcp", r.addr())
		if err != nil {
			return err
		}
		_ = leave(c.(*net.TCPConn), i) // a rejected one fails
		_ = c.Close()
		return nil
	})
	r.until("all have left", func(s server.Stats) bool {
		return s.Sessions == 0 && s.Parked == 0 && s.Accepted+goneEarly(s) == 100
	})
	s := r.Stats()
	require.Equal(t, s.Accepted, s.Closed()+s.Rejected[server.RejectedPerIP]+s.Rejected[server.RejectedDraining])
}

func TestEveryReasonIsToldFromTheStart(t *testing.T) {
	r := start(t, server.Config{}, server.Echo{})
	s := r.Stats()
	require.Equal(t, map[server.RejectReason]uint64{server.RejectedPerIP: 0, server.RejectedDraining: 0}, s.Rejected)
	require.Len(t, s.Ended, 9)
	require.Zero(t, s.Closed())
}

func TestReachingMaxConnsIsCounted(t *testing.T) {
	r := start(t, server.Config{MaxConns: 2}, server.Echo{})
	require.Zero(t, r.Stats().ConnLimited)
	first, second := r.dial(), r.dial()
	requireEcho(t, first, "one")
	requireEcho(t, second, "two")
	require.EqualValues(t, 1, r.Stats().ConnLimited)
	require.NoError(t, first.Close())
	r.until("one is gone", func(s server.Stats) bool { return s.Sessions == 1 })
	requireEcho(t, r.dial(), "three")
	require.EqualValues(t, 2, r.Stats().ConnLimited)
}

func TestAPeerThatSipsIsClosedLikeOneThatReadsNothing(t *testing.T) {
	h, ends := endings()
	r := start(t, server.Config{WriteTimeout: 200 * time.Millisecond}, h)
	c := r.dialNarrow()
	go func() { _ = sendSource(c, 1, 1<<30, 64<<10) }() // until it is reset
	sips := time.NewTicker(time.Millisecond)            // 1000 bytes in a second, far from 64 KiB in the timeout
	defer sips.Stop()
	for err := error(nil); err == nil; {
		select {
		case err = <-ends:
			require.ErrorIs(t, err, server.ErrWriteTimeout)
		case <-sips.C:
			_, _ = io.ReadFull(c, make([]byte, 1)) // what had arrived may be read even after a reset
		}
	}
	require.EqualValues(t, 1, r.Stats().Ended[server.EndedUnread])
}

func TestAServerIsReadyWhileItServesNewClients(t *testing.T) {
	r := start(t, server.Config{MaxConns: 1}, server.Echo{})
	require.Eventually(t, func() bool { return r.Ready() == nil }, patience, time.Millisecond, "it is served")
	c := r.dial()
	requireEcho(t, c, "hello")
	require.ErrorContains(t, r.Ready(), "at the limit of 1 connections")
	require.NoError(t, c.Close())
	require.Eventually(t, func() bool { return r.Ready() == nil }, patience, time.Millisecond, "there is room again")
	require.NoError(t, r.Shutdown(context.Background()))
	require.ErrorIs(t, r.Ready(), net.ErrClosed)
	require.ErrorContains(t, r.Ready(), "draining")
}

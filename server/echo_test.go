package server_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/server"
)

func TestEchoesComeBackWhole(t *testing.T) {
	tests := []struct{ conns, size, piece, rounds int }{
		{1, 1, 1, 200},
		{1, 1, 1, 1},
		{1, 100, 7, 20},
		{1, 64 << 10, 1000, 20},
		{1, 8 << 20, 64 << 10, 2},
		{1, 8 << 20, 8 << 20, 2},
		{64, 1, 1, 20},
		{64, 16 << 10, 3000, 10},
		{64, 256 << 10, 256 << 10, 1},
		{1000, 1, 1, 2},
		{1000, 5000, 1300, 2},
	}
	for _, test := range tests {
		name := fmt.Sprintf("conns=%d/size=%d/piece=%d", test.conns, test.size, test.piece)
		t.Run(name, func(t *testing.T) {
			r := start(t, server.Config{}, server.Echo{})
			together(t, test.conns, func(i int) error {
				c, err := net.Dial("tcp", r.addr())
				if err != nil {
					return err
				}
				defer c.Close()
				for round := range test.rounds {
					if err := echoOnce(c, i+round, test.size, test.piece); err != nil {
						return fmt.Errorf("round %d: %w", round, err)
					}
				}
				if i >= 100 {
					return reset(c.(*net.TCPConn))
				}
				return endBoth(c)
			})
			r.until("the sessions end", func(s server.Stats) bool { return s.Sessions == 0 })
			s := r.Stats()
			require.EqualValues(t, test.conns, s.Accepted)
			require.EqualValues(t, test.conns*test.rounds*test.size, s.BytesIn)
			require.Equal(t, s.BytesIn, s.BytesOut)
		})
	}
}

// together runs n clients at once and fails the test with the first of their errors.
func together(t testing.TB, n int, client func(i int) error) {
	t.Helper()
	errs := make([]error, n)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { errs[i] = client(i) })
	}
	wait.Wait()
	for i, err := range errs {
		require.NoError(t, err, "client %d", i)
	}
}

// echoOnce sends a message in pieces while it reads it back.
func echoOnce(c net.Conn, seed, size, piece int) error {
	wrote := make(chan error, 1)
	go func() { wrote <- sendSource(c, seed, size, piece) }()
	at, err := differs(c, seed, size)
	if at >= 0 && err == nil {
		err = errors.New("a byte is lost, doubled or out of place")
	}
	if err != nil {
		c.Close()
		return errors.Join(fmt.Errorf("at %d of %d: %w", at, size, err), <-wrote)
	}
	return <-wrote
}

// endBoth ends the client's side and waits for the server's.
func endBoth(c net.Conn) error {
	if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		return err
	}
	return awaitEnd(c)
}

// awaitEnd waits for the end of the stream.
func awaitEnd(c net.Conn) error {
	if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		return fmt.Errorf("%d more bytes, %v; want the end of the stream", n, err)
	}
	return nil
}

func TestAClientThatEndsItsSideGetsEverythingAndThenTheEnd(t *testing.T) {
	for _, size := range []int{0, 1, 100_000, 8 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			r := start(t, server.Config{}, &server.Echo{})
			c := r.dial()
			wrote := make(chan error, 1)
			go func() {
				err := sendSource(c, 1, size, 64<<10)
				wrote <- errors.Join(err, c.CloseWrite())
			}()
			requireSource(t, c, 1, size)
			requireEnd(t, c)
			require.NoError(t, <-wrote)
		})
	}
}

func TestAClientMayStopReadingForAWhile(t *testing.T) {
	const size = 8 << 20
	r := start(t, server.Config{HighWater: 64 << 10}, server.Echo{})
	c := r.dial()
	wrote := make(chan error, 1)
	go func() { wrote <- sendSource(c, 1, size, 100_000) }()
	r.until("the session pauses, and holds no buffers", func(s server.Stats) bool {
		return s.Paused == 1 && leased(s) == 0
	})
	require.LessOrEqual(t, r.Stats().Queued, int64(2<<20), "what one turn delivered may go beyond HighWater")
	requireSource(t, c, 1, size)
	require.NoError(t, <-wrote)
	require.NotZero(t, r.Stats().Pauses)
	require.NoError(t, endBoth(c))
}

func TestClientsMayLeaveAtAnyTime(t *testing.T) {
	r := start(t, server.Config{}, server.Echo{})
	together(t, 64, func(i int) error {
		for range 5 {
			c, err := net.Dial("tcp", r.addr())
			if err != nil {
				return err
			}
			if err := leave(c.(*net.TCPConn), i); err != nil {
				return err
			}
		}
		return nil
	})
	r.until("every connection is accepted and ended", func(s server.Stats) bool {
		return s.Sessions == 0 && s.Closed()+uint64(goneEarly(s)) == 64*5
	})
	requireEcho(t, r.dial(), "still there")
}

// goneEarly counts connections that were gone before they were accepted.
func goneEarly(s server.Stats) (n uint64) {
	for _, p := range s.Shards {
		n += p.AcceptErrors
	}
	return n
}

// leave ends a client in one of several ways: without a word, in the middle, with a reset.
func leave(c *net.TCPConn, how int) error {
	switch how % 4 {
	case 0:
		return c.Close()
	case 1:
		return reset(c)
	case 2:
		if err := sendSource(c, how, 100_000, 10_000); err != nil {
			return err
		}
		return c.Close() // unread echoes: a reset
	}
	if err := sendSource(c, how, 500_000, 50_000); err != nil {
		return err
	}
	if _, err := io.ReadFull(c, make([]byte, 1000)); err != nil {
		return err
	}
	return reset(c)
}

package server_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/server"
)

// sessions gives the sessions that are opened, and tells how they end.
func sessions() (h *handler, opened chan *server.Session, ends chan error) {
	h, ends = endings()
	opened = make(chan *server.Session, 1000)
	h.opened = func(s *server.Session) { opened <- s }
	return h, opened, ends
}

func TestWritesOfOneGoroutineKeepTheirOrder(t *testing.T) {
	const writers, each = 8, 2000
	h, opened, _ := sessions()
	r := start(t, server.Config{HighWater: 32 << 10}, h)
	c := r.dial()
	s := <-opened
	var done sync.WaitGroup
	for w := range writers {
		done.Go(func() {
			for i := range each {
				writeRecord(t, s, uint32(w), uint32(i))
			}
		})
	}
	var next [writers]uint32
	record := make([]byte, recordSize)
	for range writers * each {
		_, err := io.ReadFull(c, record)
		require.NoError(t, err)
		w, i := binary.BigEndian.Uint32(record), binary.BigEndian.Uint32(record[4:])
		require.Equal(t, next[w], i, "records of writer %d", w)
		next[w]++
	}
	done.Wait()
}

const recordSize = 500

// writeRecord writes a numbered record, again and again while the queue is full.
func writeRecord(t testing.TB, s *server.Session, writer, i uint32) {
	record := make([]byte, recordSize)
	binary.BigEndian.PutUint32(record, writer)
	binary.BigEndian.PutUint32(record[4:], i)
	for {
		n, err := s.Write(record)
		if err == nil {
			if n != len(record) {
				t.Errorf("a write took %d bytes without an error", n)
			}
			return
		}
		var full *server.QueueFullError
		if !errors.As(err, &full) || n != 0 {
			t.Errorf("a write took %d bytes: %v", n, err)
			return
		}
		runtime.Gosched()
	}
}

func TestBuffersMayBeSentByOtherGoroutines(t *testing.T) {
	type piece struct {
		session *server.Session
		buffer  bufring.Buffer
	}
	pieces := make(chan piece, 4096)
	h := &handler{received: func(s *server.Session, b bufring.Buffer) { pieces <- piece{s, b} }}
	r := start(t, server.Config{}, h)
	var sender sync.WaitGroup
	sender.Go(func() {
		for p := range pieces {
			p.session.Send(p.buffer)
		}
	})
	t.Cleanup(func() {
		require.NoError(t, r.Close()) // nobody receives any more
		close(pieces)
		sender.Wait()
	})
	together(t, 8, func(i int) error {
		c, err := net.Dial("tcp", r.addr())
		if err != nil {
			return err
		}
		defer c.Close()
		return echoOnce(c, i, 2<<20, 20_000)
	})
}

func TestWhatAHandlerWritesComesInTheOrderOfItsCalls(t *testing.T) {
	h := &handler{
		opened: func(s *server.Session) { _, _ = s.Write([]byte("welcome ")) },
		received: func(s *server.Session, b bufring.Buffer) {
			_, _ = s.Write([]byte("<"))
			s.Send(b)
			_, _ = s.Write([]byte(">"))
			s.Close()
		},
	}
	r := start(t, server.Config{}, h)
	c := r.dial()
	_, err := c.Write([]byte("hello"))
	require.NoError(t, err)
	require.NoError(t, c.CloseWrite())
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, "welcome <hello>", string(got))
}

func TestAWriteThatDoesNotFitIsRefusedAtOnce(t *testing.T) {
	const highWater = 64 << 10
	h, opened, ends := sessions()
	r := start(t, server.Config{HighWater: highWater}, h)
	c := r.dialNarrow()
	s := <-opened
	n, err := s.Write(make([]byte, highWater+1))
	require.Zero(t, n)
	require.Equal(t, &server.QueueFullError{Queued: 0, Limit: highWater}, err)

	wrote, full := 0, error(nil)
	r.until("the window of the peer and the queue are full", func(stats server.Stats) bool {
		for full = nil; full == nil; wrote += n {
			n, full = s.Write(make([]byte, 1000))
		}
		return stats.Queued > 0
	})
	require.ErrorAs(t, full, new(*server.QueueFullError))
	got, err := io.ReadFull(c, make([]byte, wrote))
	require.NoError(t, err)
	require.Equal(t, wrote, got)
	s.Close()
	requireEnd(t, c)
	require.NoError(t, c.Close())
	require.NoError(t, <-ends)
}

func TestASessionThatIsClosingTakesNothing(t *testing.T) {
	h, opened, ends := sessions()
	buffers := make(chan bufring.Buffer, 10)
	h.received = func(_ *server.Session, b bufring.Buffer) { buffers <- b }
	r := start(t, server.Config{}, h)
	c := r.dial()
	s := <-opened
	_, err := c.Write([]byte("something"))
	require.NoError(t, err)
	kept := <-buffers
	s.Close()
	s.Close()
	_, err = s.Write([]byte("too late"))
	require.ErrorIs(t, err, net.ErrClosed)
	s.Send(kept)
	require.Panics(t, kept.Release, "Send has released it")
	requireEnd(t, c)
	require.NoError(t, c.Close())
	require.NoError(t, <-ends)
	_, err = s.Write([]byte("far too late"))
	require.ErrorIs(t, err, net.ErrClosed)
	n, err := s.Write(nil)
	require.Zero(t, n)
	require.ErrorIs(t, err, net.ErrClosed)
}

func TestTheHandlerHearsHowASessionEnds(t *testing.T) {
	tests := []struct {
		name string
		end  func(t *testing.T, c *net.TCPConn)
		want error
	}{
		{"in order", func(t *testing.T, c *net.TCPConn) { require.NoError(t, endBoth(c)) }, nil},
		{"by a reset", func(t *testing.T, c *net.TCPConn) {
			require.NoError(t, reset(c))
		}, syscall.ECONNRESET},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h, opened, ends := sessions()
			r := start(t, server.Config{}, h)
			c := r.dial()
			requireEcho(t, c, "hello")
			s := <-opened
			require.Equal(t, c.LocalAddr().String(), s.RemoteEndpoint().String())
			test.end(t, c)
			require.ErrorIs(t, <-ends, test.want)
			require.Equal(t, c.LocalAddr().String(), s.RemoteEndpoint().String(), "also afterwards")
		})
	}
}

func TestClosedRunsOnceForEverySession(t *testing.T) {
	var mu sync.Mutex
	ended := map[*server.Session]int{}
	h := &handler{closed: func(s *server.Session, _ error) {
		mu.Lock()
		defer mu.Unlock()
		ended[s]++
	}}
	r := start(t, server.Config{}, h)
	together(t, 50, func(i int) error {
		c, err := net.Dial("tcp", r.addr())
		if err != nil {
			return err
		}
		if err := leave(c.(*net.TCPConn), i); err != nil {
			return fmt.Errorf("leave: %w", err)
		}
		return nil
	})
	require.NoError(t, r.Close())
	mu.Lock()
	defer mu.Unlock()
	require.Len(t, ended, int(r.Stats().Closed()))
	for _, times := range ended {
		require.Equal(t, 1, times)
	}
}

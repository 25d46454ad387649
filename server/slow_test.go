package server_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/server"
	"github.com/ringport/ringport/uring"
)

// perTurn is what one turn may add to a queue beyond HighWater where the kernel can not limit that: it retries a
// multishot receive 32 times before it lets others in, and may come back to it before the turn ends.
const perTurn = 2 * 32 * server.DefaultBufferSize

// limitsTurns tells whether the kernel can limit what a turn brings.
func (r *running) limitsTurns() bool { return r.Features().(uring.Features).ReceiveLimit }

func TestSlowReadersCostTheirOwnQueuesOnly(t *testing.T) {
	const slow, quick, echoes, highWater = 100, 10, 1000, 64 << 10
	r := start(t, server.Config{HighWater: highWater}, server.Echo{})
	var writers sync.WaitGroup
	conns := make([]*net.TCPConn, slow)
	for i := range conns {
		conns[i] = r.dial()
		writers.Go(func() { _ = sendSource(conns[i], i, 1<<30, 32<<10) }) // ends when it is closed
	}
	r.until("the slow ones are paused", func(s server.Stats) bool { return s.Paused == slow })
	together(t, quick, func(i int) error {
		c, err := net.Dial("tcp", r.addr())
		if err != nil {
			return err
		}
		defer c.Close()
		return echoOften(c, echoes)
	})
	r.until("only paused sessions are left, without buffers", func(s server.Stats) bool {
		return s.Sessions == slow && s.Paused == slow && leased(s) == 0
	})
	beyond := perTurn
	if r.limitsTurns() {
		beyond = highWater
	}
	require.LessOrEqual(t, r.Stats().Queued, int64(slow*(highWater+beyond)))
	for _, c := range conns {
		require.NoError(t, c.Close())
	}
	writers.Wait()
	r.until("they are gone", func(s server.Stats) bool { return s.Sessions == 0 })
}

// echoOften sends a short message again and again, each when the one before is back.
func echoOften(c net.Conn, times int) error {
	message := []byte("the quick brown fox")
	got := make([]byte, len(message))
	for range times {
		if _, err := c.Write(message); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, got); err != nil {
			return err
		}
		if !bytes.Equal(message, got) {
			return errors.New("the message has changed")
		}
	}
	return nil
}

func TestAReaderInFitsAndStartsGetsEverythingInOrder(t *testing.T) {
	const size, sip = 16 << 20, 700_000
	r := start(t, server.Config{HighWater: 128 << 10, Buffers: 64, BufferSize: 4096}, server.Echo{})
	c := r.dial()
	wrote := make(chan error, 1)
	go func() { wrote <- sendSource(c, 1, size, 10_000) }()
	from := source(1)
	got, want := make([]byte, sip), make([]byte, sip)
	for left := size; left > 0; {
		r.until("the session is blocked, or has sent everything", func(s server.Stats) bool {
			return s.Queued > 0 || s.BytesOut == size
		})
		n := min(left, sip)
		_, err := io.ReadFull(c, got[:n])
		require.NoError(t, err)
		_, err = io.ReadFull(from, want[:n])
		require.NoError(t, err)
		require.True(t, bytes.Equal(want[:n], got[:n]), "at %d of %d", size-left, size)
		left -= n
	}
	require.NoError(t, <-wrote)
	require.NotZero(t, r.Stats().Pauses)
	require.NoError(t, endBoth(c))
}

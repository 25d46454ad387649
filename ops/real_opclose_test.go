package ops_test

import (
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
)

func TestACloseLeavesTheHandlerItsBytes(t *testing.T) {
	p := newPort(t, ops.PortConfig{ReadAhead: -1})
	c, s := pair(t, p)
	inside, closed := make(chan struct{}), make(chan struct{})
	got := make(chan string, 1)
	op := ops.NewOp(func(op *ops.Op) {
		close(inside)
		<-closed
		got <- string(op.Bytes())
	})
	require.True(t, s.ReceiveAsync(op))
	_, err := c.Write([]byte("hello"))
	require.NoError(t, err)
	await(t, inside)
	require.NoError(t, op.Close())
	close(closed)
	require.Equal(t, "hello", await(t, got))
	require.False(t, s.ReceiveAsync(op))
	require.ErrorIs(t, op.Err(), net.ErrClosed)
}

func TestACloseAndAHandlerDoNotBothReleaseABuffer(t *testing.T) {
	rounds := 3000
	if testing.Short() {
		rounds = 300
	}
	p := newPort(t, ops.PortConfig{ReadAhead: -1})
	c, s := pair(t, p)
	for range rounds {
		inside, done := make(chan struct{}), make(chan struct{})
		op := ops.NewOp(func(op *ops.Op) {
			close(inside)
			op.TakeBuffer().Release() // would panic
			close(done)
		})
		require.True(t, s.ReceiveAsync(op))
		_, err := c.Write([]byte("x"))
		require.NoError(t, err)
		await(t, inside)
		require.NoError(t, op.Close())
		await(t, done)
	}
	waitStats(t, p, "no buffer is leased", func(s ops.Stats) bool { return s.Buffers.Leased == 0 })
}

func TestAnOpThatIsClosedDuringItsStartKeepsNoBuffer(t *testing.T) {
	rounds := 3000
	if testing.Short() {
		rounds = 300
	}
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	write := func() {
		_, err := c.Write([]byte("x"))
		require.NoError(t, err)
	}
	first := newJob()
	first.pend(t, s.ReceiveAsync) // from now on the port reads ahead
	write()
	require.NoError(t, first.wait(t).Close())
	for range rounds {
		write()
		waitStats(t, p, "it has arrived", func(s ops.Stats) bool { return s.Buffers.Leased == 1 })
		op := newJob()
		var closer sync.WaitGroup
		closer.Go(func() { _ = op.Close() })
		op.run(t, s.ReceiveAsync)
		closer.Wait()
		require.NoError(t, op.Close())
		if op.Err() != nil { // it was closed before: the byte is still to be read
			require.NoError(t, newJob().run(t, s.ReceiveAsync).Close())
		}
		waitStats(t, p, "no buffer is leased", func(s ops.Stats) bool { return s.Buffers.Leased == 0 })
	}
}

package ops

import (
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// inFlight gives an op that an operation has.
func inFlight(t *testing.T) *Op {
	t.Helper()
	op := new(Op)
	require.True(t, op.start(nil, Receive))
	return op
}

func TestAnOpInFlightBelongsToItsOperation(t *testing.T) {
	tests := []struct {
		name string
		use  func(*Op)
		want string
	}{
		{"start", func(o *Op) { o.start(nil, Send) },
			"ops: send: the op is in flight; wait for its completion, or use another"},
		{"buffer", func(o *Op) { o.SetBuffer(nil) },
			"ops: set the buffer: the op is in flight; wait for its completion, or use another"},
		{"list", func(o *Op) { o.SetBufferList(nil) },
			"ops: set the buffer list: the op is in flight; wait for its completion, or use another"},
		{"packets", func(o *Op) { o.SetSendPacketsElements(nil) },
			"ops: set the packets: the op is in flight; wait for its completion, or use another"},
		{"pool", NewPool(1, nil).Put,
			"ops: put into the pool: the op is in flight; wait for its completion, or use another"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			op := inFlight(t)
			require.PanicsWithValue(t, test.want, func() { test.use(op) })
			require.NoError(t, op.Close())
			require.PanicsWithValue(t, test.want, func() { test.use(op) }, "it still is, when it is closed")
			require.True(t, op.end())
		})
	}
}

func TestANilOpPanics(t *testing.T) {
	var op *Op
	for _, use := range []func(){
		func() { op.start(nil, Accept) },
		func() { op.SetBuffer(nil) },
		func() { op.SetBufferList(nil) },
		func() { NewPool(1, nil).Put(op) },
	} {
		require.Panics(t, use)
	}
	require.PanicsWithValue(t, "ops: accept: the op is nil", func() { op.start(nil, Accept) })
}

func TestAnOpIsIdleInFlightOrClosed(t *testing.T) {
	op := inFlight(t)
	require.False(t, op.end(), "idle again")
	require.True(t, op.start(nil, Send))
	require.NoError(t, op.Close())
	require.True(t, op.end(), "closed by its completion")
	require.False(t, op.start(nil, Receive))
	require.ErrorIs(t, op.Err(), net.ErrClosed)
	require.Equal(t, OperationAborted, op.SocketError())
	require.Equal(t, Receive, op.LastOperation())
	require.NoError(t, op.Close())
	require.False(t, op.start(nil, Receive))
}

func TestClosingAnOpIsIdempotent(t *testing.T) {
	op := new(Op)
	for range 3 {
		require.NoError(t, op.Close())
		require.Equal(t, opClosed, op.state.Load())
	}
	op = inFlight(t)
	for range 3 {
		require.NoError(t, op.Close())
		require.Equal(t, opClosing, op.state.Load())
	}
}

func TestSettersDoNothingOnAClosedOp(t *testing.T) {
	op := new(Op)
	buffer, list := []byte("kept"), [][]byte{[]byte("this, too")}
	op.SetBuffer(buffer)
	op.SetBufferList(list)
	require.NoError(t, op.Close())
	op.SetBuffer([]byte("lost"))
	op.SetBufferList(nil)
	op.SetSendPacketsElements([]SendPacketsElement{ElementMemory(buffer)})
	require.Equal(t, buffer, op.Buffer())
	require.Equal(t, list, op.BufferList())
	require.Empty(t, op.SendPacketsElements())
}

func TestOneOfManyStartsWins(t *testing.T) {
	op := new(Op)
	var wins, panics int
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			won := false
			defer func() {
				mu.Lock()
				defer mu.Unlock()
				if recover() != nil {
					panics++
				} else if won {
					wins++
				}
			}()
			won = op.start(nil, Receive)
		})
	}
	all.Wait()
	require.Equal(t, 1, wins)
	require.Equal(t, 15, panics)
}

func TestALeaseEndsWithTheNextStartOrTheClose(t *testing.T) {
	a := newArrivals(t, 4)
	op := new(Op)
	for _, use := range []func(){
		func() { require.True(t, op.start(nil, Receive)); op.end() },
		func() { op.TakeBuffer().Release() },
		func() { require.NoError(t, op.Close()) },
	} {
		op.setData(a.next(10))
		require.Equal(t, 1, a.group.Stats().Leased)
		use()
		require.Zero(t, a.group.Stats().Leased)
		a.group.Publish()
	}
	require.True(t, op.TakeBuffer().IsZero())
	require.Nil(t, op.Bytes())
}

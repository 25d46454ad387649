package ops_test

import (
	"net"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/ops"
)

func TestPostedFunctionsRunInTheirOrder(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	var order []int
	done := make(chan struct{})
	for i := range 1000 {
		require.NoError(t, p.Post(func() {
			order = append(order, i)
			if i == 999 {
				close(done)
			}
		}))
	}
	await(t, done)
	for i := range order {
		require.Equal(t, i, order[i])
	}
}

func TestAPostFromACallbackRunsInTheNextTurn(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	turns := make(chan uint64, 3)
	post := func(fn func()) { _ = p.Post(fn) }
	post(func() {
		turns <- p.Stats().Turns
		post(func() {
			turns <- p.Stats().Turns
			post(func() { turns <- p.Stats().Turns })
		})
	})
	first := await(t, turns)
	require.Equal(t, first+1, await(t, turns))
	require.Equal(t, first+2, await(t, turns))
}

func TestPostsOfEachGoroutineKeepTheirOrder(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	const posters, each = 8, 2000
	var next [posters]int
	wrong := 0
	var all sync.WaitGroup
	all.Add(posters * each)
	for poster := range posters {
		go func() {
			for i := range each {
				_ = p.Post(func() {
					if next[poster] != i {
						wrong++
					}
					next[poster]++
					all.Done()
				})
			}
		}()
	}
	all.Wait()
	require.Zero(t, wrong)
}

func TestAClosedPortTakesNothing(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	_, s := pair(t, p)
	l := listen(t, p, ops.ListenConfig{})
	require.NoError(t, p.Close())
	await(t, p.Done())
	require.ErrorIs(t, p.Post(func() { t.Error("it ran") }), net.ErrClosed)
	_, err := p.Listen(anyLoopback, ops.ListenConfig{})
	require.ErrorIs(t, err, net.ErrClosed)
	for name, start := range map[string]func(*ops.Op) bool{
		"accept": l.AcceptAsync, "receive": s.ReceiveAsync, "send": s.SendAsync,
	} {
		j := newJob().atOnce(t, start)
		require.ErrorIs(t, j.Err(), net.ErrClosed, name)
		require.Equal(t, ops.OperationAborted, j.SocketError(), name)
	}
	require.ErrorIs(t, s.Shutdown(ops.ShutdownBoth), net.ErrClosed)
	require.NoError(t, s.Close())
	s.Cancel(newJob().Op)
	p.NewTimer(func() { t.Error("it ran") }).Reset(0)
	require.NoError(t, p.Close(), "Close is idempotent")
	require.Zero(t, p.Stats().Timers)
}

func TestClosingAPortAbortsWhatIsInFlight(t *testing.T) {
	eachMode(t, func(t *testing.T, p *ops.Port) {
		c, s := smallPair(t, p)
		l := listen(t, p, ops.ListenConfig{})
		own, zero, multi := newJob(), newJob(), newJob()
		own.SetBuffer(make([]byte, 10))
		zero.SetBuffer([]byte{})
		multi.Multishot = true
		send := newJob()
		send.SetBuffer(patterned(16 << 20))
		accepts := jobs(40)
		all := append([]*job{own, zero, multi, send}, accepts...)
		for _, j := range []*job{own, zero, multi} {
			j.pend(t, s.ReceiveAsync)
		}
		send.pend(t, s.SendAsync)
		for _, j := range accepts {
			j.pend(t, l.AcceptAsync)
		}
		turnBy(t, p)
		posted := false
		require.NoError(t, p.Post(func() { posted = true }))
		require.NoError(t, p.Close())
		require.True(t, posted, "what was posted before runs")
		for i, j := range all {
			require.Len(t, j.completed, 1, "op %d completed before Close returned, once", i)
			require.Equal(t, ops.OperationAborted, j.SocketError())
			require.ErrorIs(t, j.Err(), net.ErrClosed)
			require.False(t, j.More())
		}
		_, err := ending(c)
		require.Error(t, err)
		require.NoError(t, p.Err())
	})
}

func TestAPortCanBeClosedFromItsCallbacks(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	_, other := pair(t, p)
	inFlight := newJob().pend(t, other.ReceiveAsync)
	inCallback := make(chan error, 2)
	op := ops.NewOp(func(*ops.Op) {
		inCallback <- p.Close()
		inCallback <- p.Close()
	})
	require.True(t, s.ReceiveAsync(op))
	_, err := c.Write([]byte("x"))
	require.NoError(t, err)
	require.NoError(t, await(t, inCallback))
	require.NoError(t, await(t, inCallback))
	await(t, p.Done())
	require.Equal(t, ops.OperationAborted, inFlight.wait(t).SocketError())
	require.NoError(t, op.Close()) // it holds the data that it received
}

func TestAPortCanBeClosedByManyAtOnce(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	var closers sync.WaitGroup
	for range 8 {
		closers.Go(func() {
			_ = p.Close()
			select {
			case <-p.Done():
			default:
				t.Error("Close returned before the port was done")
			}
		})
	}
	closers.Wait()
}

func TestLeasedBuffersOutliveThePort(t *testing.T) {
	p := newPort(t, ops.PortConfig{BufferSize: 1000})
	c, s := pair(t, p)
	var held []bufring.Buffer
	j := newJob()
	for i := range 20 {
		_, err := c.Write([]byte{byte(i), 1, 2, 3})
		require.NoError(t, err)
		j.run(t, s.ReceiveAsync)
		held = append(held, j.TakeBuffer())
	}
	require.NoError(t, p.Close())
	require.Equal(t, len(held), p.Stats().Buffers.Leased)
	runtime.GC()
	for i, b := range held {
		require.Equal(t, []byte{byte(i), 1, 2, 3}, b.Bytes())
		b.Release()
	}
}

func TestAHandlerMayCloseEverythingAroundIt(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	done := make(chan struct{})
	op := ops.NewOp(nil)
	op.Completed = func(op *ops.Op) {
		_ = op.AcceptSocket.Close()
		_ = l.Close()
		_ = op.Close()
		_ = p.Close()
		close(done)
	}
	require.True(t, l.AcceptAsync(op))
	dial(t, l)
	await(t, done)
	await(t, p.Done())
	require.NoError(t, p.Err())
}

func TestManyPortsComeAndGo(t *testing.T) {
	first := newPort(t, ops.PortConfig{}) // counts the descriptors
	for range 30 {
		p, err := ops.NewPort(ops.PortConfig{Buffers: 16, Entries: 8})
		require.NoError(t, err)
		l, err := p.Listen(anyLoopback, ops.ListenConfig{})
		require.NoError(t, err)
		c := dial(t, l)
		j := newJob().run(t, l.AcceptAsync)
		require.True(t, newJob().pend(t, j.AcceptSocket.ReceiveAsync).Op != nil)
		require.NoError(t, p.Close())
		require.Zero(t, p.Stats().Sockets)
		require.NoError(t, c.Close())
	}
	turnBy(t, first)
}

func TestAPortTellsWhatItGot(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	f := p.Features()
	require.True(t, f.BufferRing)
	require.NotEmpty(t, f.Kernel)
	require.GreaterOrEqual(t, f.CQEntries, f.SQEntries)
	require.NoError(t, p.Err())
}

func TestAConfigNamesItsMistakes(t *testing.T) {
	_, err := ops.NewPort(ops.PortConfig{SyncBudget: -1, Entries: 1 << 20, Buffers: -5, BufferSize: 1, ReadAhead: 1 << 40})
	require.ErrorIs(t, err, ops.ErrArgument)
	for _, name := range []string{"SyncBudget", "Entries", "Buffers", "BufferSize", "ReadAhead"} {
		require.ErrorContains(t, err, name)
	}
}

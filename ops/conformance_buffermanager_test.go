package ops_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
)

func TestABufferManagerCutsOneBlock(t *testing.T) { // sample C21
	m, err := ops.NewBufferManager(4, 100)
	require.NoError(t, err)
	defer m.Close()
	all := jobs(4)
	seen := map[*byte]bool{}
	for _, j := range all {
		require.True(t, m.SetBuffer(j.Op))
		b := j.Buffer()
		require.Len(t, b, 100)
		require.Equal(t, 100, cap(b), "a block cannot grow into its neighbour")
		require.False(t, seen[&b[0]])
		seen[&b[0]] = true
		for i := range b {
			require.Zero(t, b[i])
			b[i] = 1
		}
	}
	extra := newJob()
	require.False(t, m.SetBuffer(extra.Op), "there are no more")
	require.Nil(t, extra.Buffer())
	for _, j := range all {
		m.FreeBuffer(j.Op)
		require.Nil(t, j.Buffer())
	}
	require.True(t, m.SetBuffer(extra.Op))
	m.FreeBuffer(extra.Op)
}

func TestTheBlockFreedLastIsGivenFirst(t *testing.T) { // sample C21
	m, err := ops.NewBufferManager(3, 8)
	require.NoError(t, err)
	defer m.Close()
	all := jobs(3)
	for _, j := range all {
		m.SetBuffer(j.Op)
	}
	last := &all[1].Buffer()[0]
	m.FreeBuffer(all[0].Op)
	m.FreeBuffer(all[1].Op)
	next := newJob()
	require.True(t, m.SetBuffer(next.Op))
	require.Same(t, last, &next.Buffer()[0])
}

func TestAnOpKeepsItsBlock(t *testing.T) { // sample P4
	m, err := ops.NewBufferManager(1, 64)
	require.NoError(t, err)
	defer m.Close()
	j := newJob()
	require.True(t, m.SetBuffer(j.Op))
	whole := j.Buffer()
	j.SetBuffer(whole[:1]) // an echo of one byte
	require.True(t, m.SetBuffer(j.Op), "it has one, and gets it back whole")
	require.Len(t, j.Buffer(), 64)
	require.Same(t, &whole[0], &j.Buffer()[0])
	m.FreeBuffer(j.Op)
}

func TestFreeingWhatIsNotLentDoesNothing(t *testing.T) { // sample C22
	m, err := ops.NewBufferManager(1, 8)
	require.NoError(t, err)
	defer m.Close()
	other := newJob()
	own := []byte("own")
	other.SetBuffer(own)
	m.FreeBuffer(other.Op)
	require.Equal(t, own, other.Buffer())
	j := newJob()
	m.SetBuffer(j.Op)
	m.FreeBuffer(j.Op)
	m.FreeBuffer(j.Op)
	require.True(t, m.SetBuffer(j.Op))
	require.False(t, m.SetBuffer(newJob().Op), "a block freed twice is there once")
	m.FreeBuffer(j.Op)
}

func TestABufferManagerHasItsLimits(t *testing.T) {
	for _, numbers := range [][2]int{{0, 1}, {1, 0}, {-1, 8}, {8, -1}, {1 << 40, 2}, {1 << 62, 1 << 62}} {
		_, err := ops.NewBufferManager(numbers[0], numbers[1])
		require.ErrorIs(t, err, ops.ErrArgument, "%v", numbers)
	}
}

func TestTheMemoryStaysUntilTheLastBlockIsFreed(t *testing.T) { // law 3
	m, err := ops.NewBufferManager(2, 4096)
	require.NoError(t, err)
	j := newJob()
	require.True(t, m.SetBuffer(j.Op))
	require.NoError(t, m.Close())
	require.NoError(t, m.Close())
	j.Buffer()[0] = 1
	require.False(t, m.SetBuffer(newJob().Op), "it is closed")
	m.FreeBuffer(j.Op)
	require.Nil(t, j.Buffer())
	m.FreeBuffer(j.Op)
}

func TestABlockInFlightIsNotTaken(t *testing.T) { // sample P9
	p := newPort(t, ops.PortConfig{})
	client, server := tcpPair(t, p)
	m, err := ops.NewBufferManager(1, 16)
	require.NoError(t, err)
	defer m.Close()
	j := newJob()
	require.True(t, m.SetBuffer(j.Op))
	j.pending(t, server.ReceiveAsync)
	require.Panics(t, func() { m.FreeBuffer(j.Op) })
	require.Panics(t, func() { m.SetBuffer(j.Op) })
	out := newJob()
	out.SetBuffer([]byte("safe"))
	require.NoError(t, out.run(t, client.SendAsync).Err())
	require.Equal(t, "safe", string(j.wait(t).Bytes()))
	require.False(t, m.SetBuffer(newJob().Op), "the block is still lent")
	m.FreeBuffer(j.Op)
	require.True(t, m.SetBuffer(j.Op))
	m.FreeBuffer(j.Op)
}

func TestManyGoroutinesShareABufferManager(t *testing.T) {
	m, err := ops.NewBufferManager(8, 32)
	require.NoError(t, err)
	defer m.Close()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			op := ops.NewOp(nil)
			for range 1000 {
				if !m.SetBuffer(op) {
					t.Error("eight blocks are enough for eight")
					return
				}
				b := op.Buffer()
				for i := range b {
					b[i] = byte(g)
				}
				for i := range b {
					if b[i] != byte(g) {
						t.Error("two ops have one block")
						return
					}
				}
				m.FreeBuffer(op)
			}
		})
	}
	wg.Wait()
}

func TestAPoolGivesWhatWasPutLast(t *testing.T) { // sample C23
	called := 0
	pool := ops.NewPool(3, func(*ops.Op) { called++ })
	require.Equal(t, 3, pool.Len())
	var taken []*ops.Op
	for range 3 {
		op, ok := pool.Get()
		require.True(t, ok)
		require.NotContains(t, taken, op)
		taken = append(taken, op)
	}
	_, ok := pool.Get()
	require.False(t, ok, "it does not grow")
	require.Zero(t, pool.Len())
	taken[0].Completed(taken[0])
	require.Equal(t, 1, called)
	pool.Put(taken[0])
	pool.Put(taken[2])
	op, ok := pool.Get()
	require.True(t, ok)
	require.Same(t, taken[2], op)
}

func TestAPoolRefusesWhatWouldServeTwo(t *testing.T) { // sample P8, P9
	p := newPort(t, ops.PortConfig{})
	_, server := tcpPair(t, p)
	pool := ops.NewPool(2, nil)
	first, _ := pool.Get()
	second, _ := pool.Get()
	require.Panics(t, func() { pool.Put(nil) })
	pool.Put(first)
	require.Panics(t, func() { pool.Put(first) }, "put back twice, with room for another")
	require.Equal(t, 1, pool.Len())
	pool.Put(second)
	require.Panics(t, func() { pool.Put(ops.NewOp(nil)) }, "the pool is full")
	busy, _ := pool.Get()
	busy.SetBuffer(make([]byte, 1))
	require.True(t, server.ReceiveAsync(busy))
	require.Panics(t, func() { pool.Put(busy) }, "in flight")
	require.Panics(t, func() { ops.NewPool(-1, nil) })
	server.Cancel(busy)
	waitStats(t, p, "it has ended", func(s ops.Stats) bool { return s.InFlight == 0 })
	onPort(t, p, func() {})
	pool.Put(busy)
	require.Equal(t, 2, pool.Len())
}

func TestAPoolTakesLeasesBack(t *testing.T) { // sample P9
	p := newPort(t, ops.PortConfig{})
	client, server := tcpPair(t, p)
	pool := ops.NewPool(1, nil)
	op, _ := pool.Get()
	j := &job{Op: op, completed: make(chan struct{}, 1)}
	op.Completed = func(*ops.Op) { j.completed <- struct{}{} }
	out := newJob()
	out.SetBuffer([]byte("x"))
	require.NoError(t, out.run(t, client.SendAsync).Err())
	require.NoError(t, j.run(t, server.ReceiveAsync).Err())
	require.Equal(t, 1, p.Stats().Buffers.Leased)
	pool.Put(op)
	require.Zero(t, p.Stats().Buffers.Leased)
	require.Nil(t, op.Bytes())
}

func TestManyGoroutinesShareAPool(t *testing.T) {
	pool := ops.NewPool(4, nil)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				if op, ok := pool.Get(); ok {
					op.SetBuffer([]byte("x")) // the race detector sees two users
					pool.Put(op)
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, 4, pool.Len())
}

package ops_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
)

func TestAPoolIsAStackOfAFixedSize(t *testing.T) {
	ran := 0
	pool := ops.NewPool(3, func(*ops.Op) { ran++ })
	var taken []*ops.Op
	for left := 3; left > 0; left-- {
		require.Equal(t, left, pool.Len())
		op, ok := pool.Get()
		require.True(t, ok)
		require.NotContains(t, taken, op)
		op.Completed(op)
		taken = append(taken, op)
	}
	require.Equal(t, 3, ran, "each op has the pool's handler")
	_, ok := pool.Get()
	require.False(t, ok, "a pool does not grow")
	pool.Put(taken[1])
	pool.Put(taken[0])
	op, ok := pool.Get()
	require.True(t, ok)
	require.Same(t, taken[0], op, "last in, first out")
	require.Equal(t, 1, pool.Len())
}

func TestAPoolIsNotFooled(t *testing.T) {
	pool := ops.NewPool(2, nil)
	full := ops.NewPool(1, nil)
	op, _ := pool.Get()
	require.PanicsWithValue(t, "ops: the pool is full; an op was put back twice, or is another pool's",
		func() { full.Put(op) })
	pool.Put(op)
	require.Panics(t, func() { pool.Put(op) }, "put back twice")
	first, _ := pool.Get()
	second, _ := pool.Get()
	require.NotSame(t, first, second)
	pool.Put(first)
	require.PanicsWithValue(t, "ops: the op is in a pool already; it was put back twice", func() { pool.Put(first) })
	require.Panics(t, func() { pool.Put(nil) })
	require.Equal(t, 1, pool.Len(), "a panic changes nothing")
	require.PanicsWithValue(t, "ops: a pool of a negative number of ops", func() { ops.NewPool(-1, nil) })
}

func TestAnEmptyPoolHasNothing(t *testing.T) {
	pool := ops.NewPool(0, nil)
	_, ok := pool.Get()
	require.False(t, ok)
	require.Panics(t, func() { pool.Put(ops.NewOp(nil)) })
}

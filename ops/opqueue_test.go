package ops

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnOpQueueIsALine(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	queue, model := opQueue{}, []*Op(nil)
	for range 5000 {
		if len(model) > 12 {
			queue, model = opQueue{}, nil
		}
		switch random.IntN(8) {
		case 0, 1, 2:
			op := &Op{cancelled: random.IntN(4) == 0}
			queue.push(op)
			model = append(model, op)
		case 3:
			var want *Op
			if len(model) > 0 {
				want, model = model[0], model[1:]
			}
			require.Same(t, want, queue.pop())
		case 4:
			if n := random.IntN(2); len(model) > n {
				require.Same(t, model[n], queue.removeAfter(n))
				model = slices.Delete(slices.Clone(model), n, n+1)
			}
		case 5:
			front, ops := lineOf(random.IntN(3))
			queue.prepend(&front)
			model = append(ops, model...)
		case 6:
			skip := random.IntN(3)
			taken := queue.takeCancelled(skip)
			var want, kept []*Op
			for i, op := range model {
				if i >= skip && op.cancelled {
					want = append(want, op)
				} else {
					kept = append(kept, op)
				}
			}
			model = kept
			requireLine(t, want, &taken)
		case 7:
			n := random.IntN(4)
			among := slices.ContainsFunc(model[:min(n, len(model))], func(op *Op) bool { return op.cancelled })
			require.Equal(t, among, queue.cancelledAmong(n))
		}
		requireLine(t, model, &queue)
	}
}

// lineOf gives a queue of n ops, and the ops.
func lineOf(n int) (queue opQueue, ops []*Op) {
	for range n {
		op := new(Op)
		ops = append(ops, op)
		queue.push(op)
	}
	return queue, ops
}

// requireLine holds that a queue has exactly these ops, in this order, and that each knows its place.
func requireLine(t *testing.T, want []*Op, queue *opQueue) {
	t.Helper()
	require.Equal(t, len(want), queue.count)
	op := queue.head
	for _, w := range want {
		require.Same(t, w, op)
		require.True(t, queue.has(op))
		if op.next == nil {
			require.Same(t, op, queue.tail)
		}
		op = op.next
	}
	require.Nil(t, op)
	require.False(t, queue.has(new(Op)))
	if len(want) == 0 {
		require.Nil(t, queue.tail)
	}
}

func TestAnEmptyOpQueueGivesNothing(t *testing.T) {
	var queue opQueue
	require.Nil(t, queue.pop())
	taken := queue.takeCancelled(0)
	require.Nil(t, taken.pop())
	require.False(t, queue.cancelledAmong(1))
}

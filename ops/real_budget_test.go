package ops_test

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
)

func TestAfterTheBudgetOfATurnResultsArePending(t *testing.T) {
	for name, cfg := range map[string]ops.PortConfig{"default": {}, "three": {SyncBudget: 3}} {
		t.Run(name, func(t *testing.T) {
			budget := cfg.SyncBudget
			if budget == 0 {
				budget = ops.DefaultSyncBudget
			}
			p := newPort(t, cfg)
			_, s := pair(t, p)
			var atOnce []int
			var completedIn []uint64
			var startedIn uint64
			count := func() (n int) { // sends of nothing have their result at once
				for !s.SendAsync(ops.NewOp(nil)) {
					n++
				}
				return n
			}
			done := make(chan struct{})
			op := ops.NewOp(func(*ops.Op) {
				completedIn = append(completedIn, p.Stats().Turns)
				close(done)
			})
			require.NoError(t, p.Post(func() {
				startedIn = p.Stats().Turns
				atOnce = append(atOnce, count())
				if !s.SendAsync(op) {
					panic("the budget came back within the turn")
				}
				_ = p.Post(func() { atOnce = append(atOnce, count()) })
			}))
			await(t, done)
			turnBy(t, p)
			require.Equal(t, []int{budget, budget}, atOnce)
			require.Greater(t, completedIn[0], startedIn, "it completes in the next turn")
		})
	}
}

func TestTheBudgetCountsDataThatHasArrived(t *testing.T) {
	p := newPort(t, ops.PortConfig{SyncBudget: 10})
	c, s := pair(t, p)
	arriveAhead(t, p, c, s, patterned(100))
	var check streamCheck
	done := make(chan struct{})
	var atOnce, pending int
	op := ops.NewOp(nil)
	op.SetBuffer(make([]byte, 1))
	receive := func(op *ops.Op) {
		for {
			check.take(op.Bytes())
			if check.position == 100 {
				close(done)
				return
			}
			if s.ReceiveAsync(op) {
				pending++
				return
			}
			atOnce++
		}
	}
	op.Completed = receive
	onPort(t, p, func() {
		if !s.ReceiveAsync(op) {
			atOnce++
			receive(op)
		}
	})
	await(t, done)
	check.require(t, 100)
	require.Equal(t, 100, atOnce+pending)
	require.GreaterOrEqual(t, pending, 100/11)
}

// loopOnPort lets an op start itself again, on the port's goroutine, until so many results have come.
func loopOnPort(t testing.TB, p *ops.Port, results int, start func(*ops.Op) bool, each func()) <-chan int {
	t.Helper()
	pending := 0
	done := make(chan int, 1)
	op := ops.NewOp(nil)
	loop := func(op *ops.Op) {
		for {
			each()
			if results--; results == 0 {
				done <- pending
				return
			}
			if start(op) {
				pending++
				return
			}
		}
	}
	op.Completed = loop
	require.NoError(t, p.Post(func() {
		if !start(op) {
			loop(op)
		}
	}))
	return done
}

func TestAMillionResultsAtOnceNeitherNestNorStarveOthers(t *testing.T) {
	const results = 1_000_000
	defer debug.SetMaxStack(debug.SetMaxStack(256 << 10))
	p := newPort(t, ops.PortConfig{})
	_, busy := pair(t, p)
	c, other := pair(t, p)
	deepest := 0
	pcs := make([]uintptr, 256)
	left := results
	done := loopOnPort(t, p, results, busy.SendAsync, func() {
		if left--; left%100 == 0 {
			deepest = max(deepest, runtime.Callers(0, pcs))
		}
	})
	echoes := 0
	serve := newJob()
	for finished := false; !finished; echoes++ {
		_, err := c.Write([]byte("x"))
		require.NoError(t, err)
		serve.run(t, other.ReceiveAsync)
		serve.SetBuffer([]byte("y"))
		serve.run(t, other.SendAsync)
		serve.SetBuffer(nil)
		require.Equal(t, "y", string(readExactly(t, c, 1)))
		select {
		case pending := <-done:
			require.GreaterOrEqual(t, pending, results/(ops.DefaultSyncBudget+1)-1)
			finished = true
		default:
		}
	}
	require.NoError(t, serve.Close()) // it holds what it received last
	require.NotZero(t, echoes)
	require.Less(t, deepest, 20, "frames on the port's stack")
}

func TestACompletionEndsBeforeTheNextBegins(t *testing.T) {
	eachModeWith(t, ops.PortConfig{SyncBudget: 1}, func(t *testing.T, p *ops.Port) {
		c, s := pair(t, p)
		const rounds = 500
		inside, nested, left := false, false, rounds
		done := make(chan struct{})
		var receive, send *ops.Op
		enter := func(handler func(*ops.Op)) func(*ops.Op) {
			return func(op *ops.Op) {
				nested = nested || inside
				inside = true
				handler(op)
				inside = false
			}
		}
		received := func(op *ops.Op) {
			for {
				if op.BytesTransferred() == 0 {
					close(done)
					return
				}
				if left > 0 {
					left--
					_ = s.SendAsync(send)
				}
				if s.ReceiveAsync(op) {
					return
				}
			}
		}
		receive = ops.NewOp(enter(received))
		send = ops.NewOp(enter(func(op *ops.Op) {
			for range 3 { // more results that are known at once than the budget
				extra := ops.NewOp(enter(func(*ops.Op) {}))
				_ = s.SendAsync(extra)
			}
		}))
		send.SetBuffer([]byte("x"))
		onPort(t, p, func() { s.ReceiveAsync(receive) })
		for range rounds {
			_, err := c.Write([]byte("x"))
			require.NoError(t, err)
			readExactly(t, c, 1)
		}
		require.NoError(t, c.CloseWrite())
		await(t, done)
		turnBy(t, p)
		require.False(t, nested)
	})
}

package apm_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/ops/apm"
)

// chain begins one operation after the other, each in the callback of the one before.
type chain struct {
	begin func(callback func(*apm.Result)) (*apm.Result, error)
	left  int

	nested   int // callbacks that run at the moment
	deepest  int
	frames   int // of the stack, at most
	inside   int // callbacks that ran inside a Begin
	broken   error
	finished chan struct{}
}

func newChain(length int, begin func(callback func(*apm.Result)) (*apm.Result, error)) *chain {
	return &chain{begin: begin, left: length, finished: make(chan struct{})}
}

func (c *chain) next() {
	if _, err := c.begin(c.called); err != nil {
		c.broken = err
		close(c.finished)
	}
}

func (c *chain) called(r *apm.Result) {
	c.nested++
	defer func() { c.nested-- }()
	c.deepest = max(c.deepest, c.nested)
	if r.CompletedSynchronously() {
		c.inside++
	}
	if c.left%1000 == 0 {
		c.frames = max(c.frames, runtime.Callers(0, make([]uintptr, 1024)))
	}
	if c.left--; c.left == 0 {
		close(c.finished)
		return
	}
	c.next()
}

// requireFlat checks that no callback has run on top of another that ran inside a Begin.
func (c *chain) requireFlat(t testing.TB) {
	t.Helper()
	await(t, c.finished)
	require.NoError(t, c.broken)
	require.LessOrEqual(t, c.deepest, 2, "a pending one, and one inside Begin")
	require.Less(t, c.frames, 100)
	require.Positive(t, c.inside)
}

func TestAChainOfFinishedOperationsTakesNoStack(t *testing.T) {
	const length = 100_000
	p := newPort(t, ops.PortConfig{})
	_, s := connection(t, p)
	sendNothing := func(callback func(*apm.Result)) (*apm.Result, error) {
		return apm.BeginSend(s, []byte{}, 0, callback, nil)
	}
	t.Run("begun by anybody", func(t *testing.T) {
		c := newChain(length, sendNothing)
		c.next()
		c.requireFlat(t)
	})
	t.Run("begun on the port", func(t *testing.T) {
		c := newChain(length, sendNothing)
		onPort(t, p, c.next)
		c.requireFlat(t)
	})
}

func TestAChainOverReceivedBytesTakesNoStack(t *testing.T) {
	const length = 100_000
	p := newPort(t, ops.PortConfig{})
	client, s := connection(t, p)
	sent := make(chan error, 1)
	go func() {
		_, err := client.Write(make([]byte, length))
		sent <- err
	}()
	buf := make([]byte, 1)
	c := newChain(length, func(callback func(*apm.Result)) (*apm.Result, error) {
		return apm.BeginReceive(s, buf, 0, callback, nil)
	})
	c.next()
	c.requireFlat(t)
	require.NoError(t, await(t, sent))
}

func TestAChainOverManySocketsTakesNoStack(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	sockets := make([]*ops.Socket, 200)
	for i := range sockets {
		_, sockets[i] = connection(t, p)
	}
	i := 0
	c := newChain(10*len(sockets), func(callback func(*apm.Result)) (*apm.Result, error) {
		i++
		return apm.BeginSend(sockets[i%len(sockets)], []byte{}, 0, callback, nil)
	})
	c.next()
	c.requireFlat(t)
}

func TestACallbackRunsInsideBeginAndTheNextAfterItHasReturned(t *testing.T) {
	p := newPort(t, ops.PortConfig{SyncBudget: 1 << 20})
	_, a := connection(t, p)
	_, b := connection(t, p)
	var events []string
	note := func(event string) { events = append(events, event) }
	send := func(s *ops.Socket, name string, then func()) {
		r, err := apm.BeginSend(s, []byte{}, 0, func(r *apm.Result) {
			note(name + " enters")
			then()
			note(name + " leaves")
		}, nil)
		if err != nil || !r.CompletedSynchronously() {
			note(name + " is not done")
		}
		note(name + " is begun")
	}
	send(a, "first", func() {
		send(b, "second", func() { send(a, "fourth", func() {}) })
		send(a, "third", func() {})
	})
	require.Equal(t, []string{
		"first enters", "second is begun", "third is begun", "first leaves",
		"second enters", "fourth is begun", "second leaves",
		"third enters", "third leaves",
		"fourth enters", "fourth leaves", "first is begun",
	}, events)
}

func TestCallbacksOfManyGoroutinesOnOneSocketRunOnceEach(t *testing.T) {
	const goroutines, length = 8, 2000
	p := newPort(t, ops.PortConfig{})
	_, s := connection(t, p)
	var called atomic.Int64
	chains := make([]*chain, goroutines)
	var all sync.WaitGroup
	for i := range chains {
		chains[i] = newChain(length, func(callback func(*apm.Result)) (*apm.Result, error) {
			once := new(atomic.Bool)
			return apm.BeginSend(s, []byte{}, 0, func(r *apm.Result) {
				if once.Swap(true) {
					panic("a callback ran twice")
				}
				called.Add(1)
				runtime.Gosched() // so that goroutines and threads mix
				callback(r)
			}, nil)
		})
		all.Go(chains[i].next)
	}
	for _, c := range chains {
		c.requireFlat(t)
	}
	all.Wait()
	require.EqualValues(t, goroutines*length, called.Load())
}

func TestACallbackThatPanicsDoesNotTakeOthersWithIt(t *testing.T) {
	p := newPort(t, ops.PortConfig{SyncBudget: 1 << 20})
	_, s := connection(t, p)
	second := make(chan *apm.Result, 1)
	require.PanicsWithValue(t, "first", func() {
		_, _ = apm.BeginSend(s, []byte{}, 0, func(*apm.Result) {
			_, _ = apm.BeginSend(s, []byte{}, 0, func(r *apm.Result) { second <- r }, nil)
			panic("first")
		}, nil)
	})
	require.True(t, await(t, second).CompletedSynchronously())
	// The goroutine is as it was before: callbacks run inside Begin again.
	beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
		return apm.BeginSend(s, []byte{}, 0, callback, state)
	}).atOnce(t)
}

func TestACallbackIsNotNeeded(t *testing.T) {
	_, s := connection(t, newPort(t, ops.PortConfig{}))
	r, err := apm.BeginSend(s, []byte{}, 0, nil, "state")
	require.NoError(t, err)
	require.Equal(t, "state", r.State())
	_, err = apm.EndSend(r)
	require.NoError(t, err)
}

package apm

import (
	"runtime"
	"sync"
	"syscall"

	"github.com/ringport/ringport/ops"
)

// caller is a goroutine while it runs callbacks. It is locked to its thread for that time, and known by it: whoever
// finds its own thread among the callers is called from one of these callbacks, however deep. But for its entering
// and leaving, a caller is touched by its own goroutine alone.
type caller struct {
	thread  int
	depth   int         // calls of enter without leave
	port    *ops.Port   // whose goroutine it is, where that is known
	inline  bool        // a callback runs inside Begin
	waiting resultQueue // their callbacks run after that one
}

// callerTable finds callers by their threads.
type callerTable struct {
	mu       sync.Mutex
	byThread map[int]*caller
	spare    []*caller
}

var callers = callerTable{byThread: make(map[int]*caller)}

// enter gives the caller that the goroutine is from now on, or was already. The goroutine must be locked to its
// thread.
func (t *callerTable) enter() *caller {
	thread := syscall.Gettid()
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.byThread[thread]
	if c == nil {
		c = t.fresh()
		c.thread = thread
		t.byThread[thread] = c
	}
	c.depth++
	return c
}

func (t *callerTable) fresh() *caller {
	last := len(t.spare) - 1
	if last < 0 {
		return new(caller)
	}
	c := t.spare[last]
	t.spare = t.spare[:last]
	return c
}

// leave takes one enter back.
func (t *callerTable) leave(c *caller) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.depth--; c.depth == 0 {
		delete(t.byThread, c.thread)
		*c = caller{}
		t.spare = append(t.spare, c)
	}
}

// port is the port whose goroutine this is, where a callback of this package runs on it; nil otherwise.
func (t *callerTable) port() *ops.Port {
	runtime.LockOSThread() // so that the number is this goroutine's until it is looked up
	defer runtime.UnlockOSThread()
	thread := syscall.Gettid()
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.byThread[thread]; c != nil {
		return c.port
	}
	return nil
}

// callOnPort runs the callback of a result that was pending, on the goroutine of its port, which is locked to its
// thread.
func callOnPort(r *Result) {
	c := callers.enter()
	defer callers.leave(c)
	c.port = r.op.Socket().Port()
	r.callback(r)
}

// callHere runs the callback of a result that is finished, inside Begin; inside a callback that does the same, it
// leaves it to the Begin that called that one.
func callHere(r *Result) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c := callers.enter()
	defer callers.leave(c)
	if c.inline {
		c.waiting.push(r)
		return
	}
	c.run(r)
}

// run runs a callback, and then those that wait for its return.
func (c *caller) run(r *Result) {
	c.inline = true
	defer c.stop()
	for ; r != nil; r = c.waiting.pop() {
		r.callback(r)
	}
}

// stop ends run. Callbacks still wait only if one has left its goroutine, by a panic or runtime.Goexit: the others
// are not lost with it.
func (c *caller) stop() {
	c.inline = false
	if rest := c.waiting; rest.head != nil {
		c.waiting = resultQueue{}
		go rest.call()
	}
}

// resultQueue is a list of results, first in, first out.
type resultQueue struct{ head, tail *Result }

func (q *resultQueue) push(r *Result) {
	if q.head == nil {
		q.head = r
	} else {
		q.tail.next = r
	}
	q.tail = r
}

func (q *resultQueue) pop() *Result {
	r := q.head
	if r != nil {
		q.head, r.next = r.next, nil
	}
	return r
}

// call runs all callbacks, on a goroutine that runs no other.
func (q resultQueue) call() {
	for r := q.pop(); r != nil; r = q.pop() {
		callHere(r)
	}
}

package ops

import (
	"math"
	"time"
)

// timerTick is how coarse timers are: deadlines are rounded up to it, so that those of one moment share a turn.
const timerTick = time.Millisecond

// longest is how far ahead a timer can be set, 146 years: half of what a Duration holds, so that neither the port's
// clock added to it, nor the kernel's, overflows.
const longest time.Duration = math.MaxInt64 / 2

// Timer runs a function on the port's goroutine once a time has passed. It is made for timeouts that nearly always
// are put off: Reset to a later time only notes it. Its methods may be called from any goroutine.
type Timer struct {
	port     *Port
	fn       func()
	deadline time.Duration // on the port's clock; 0: stopped
	when     time.Duration // where it stands in the heap, at or before the deadline
	index    int           // in the heap, or -1
	inner    bool          // the port's own: it runs while the port closes, too
}

// NewTimer makes a timer that is stopped. fn runs on the port's goroutine, between completions, and must not block.
func (p *Port) NewTimer(fn func()) *Timer { return &Timer{port: p, fn: fn, index: -1} }

// newTimer makes a timer that the port needs itself, until its last socket is closed.
func (p *Port) newTimer(fn func()) *Timer { return &Timer{port: p, fn: fn, index: -1, inner: true} }

// Reset makes fn run once, d from now, whatever was set before. The moment is rounded up to a millisecond; 0 or less
// means the next one. After Port.Close it never runs.
func (t *Timer) Reset(d time.Duration) {
	p := t.port
	p.mu.Lock()
	wake := t.reset(d)
	p.mu.Unlock()
	p.wake(wake)
}

// ResetPrecise is Reset without the rounding, for the few timers of which every microsecond counts, such as the next
// send of a load generator: each of them costs a wake-up of its own. How late it is then is up to the scheduler.
func (t *Timer) ResetPrecise(d time.Duration) {
	p := t.port
	p.mu.Lock()
	wake := t.resetTo(p.cfg.clock() + min(max(d, 1), longest)) // 0 could be due in this turn again, and again
	p.mu.Unlock()
	p.wake(wake)
}

// reset is Reset under the lock. It tells whether a sleeping owner has to be woken.
func (t *Timer) reset(d time.Duration) (wake bool) {
	return t.resetTo((t.port.cfg.clock() + min(max(d, 0), longest) + timerTick - 1) / timerTick * timerTick)
}

// resetTo makes fn run at a moment of the port's clock. Under the lock.
func (t *Timer) resetTo(deadline time.Duration) (wake bool) {
	p := t.port
	if p.closing && !t.inner {
		return false
	}
	t.deadline = deadline
	switch {
	case t.index < 0:
		p.timers.add(t)
	case t.deadline < t.when:
		p.timers.move(t, t.deadline)
	default:
		return false // it stands early enough; due looks at the deadline
	}
	if p.timers[0] != t {
		return false
	}
	return p.kick()
}

// Stop keeps fn from running, unless it is running already or about to in this turn.
func (t *Timer) Stop() {
	t.port.mu.Lock()
	t.stop()
	t.port.mu.Unlock()
}

func (t *Timer) stop() {
	t.deadline = 0
	if t.index >= 0 {
		t.port.timers.remove(t)
	}
}

// timerHeap holds timers by when, earliest first. Under the port's lock.
type timerHeap []*Timer

func (h *timerHeap) add(t *Timer) {
	t.when, t.index = t.deadline, len(*h)
	*h = append(*h, t)
	h.up(t.index)
}

func (h *timerHeap) remove(t *Timer) {
	i, last := t.index, len(*h)-1
	h.swap(i, last)
	(*h)[last] = nil
	*h = (*h)[:last]
	t.index = -1
	if i < last {
		h.down(i)
		h.up(i)
	}
}

func (h *timerHeap) move(t *Timer, when time.Duration) {
	t.when = when
	h.up(t.index)
	h.down(t.index)
}

// settle moves timers at the top that were put off to where they belong, and tells whether there is any timer.
func (h *timerHeap) settle() bool {
	for len(*h) > 0 {
		t := (*h)[0]
		if t.when == t.deadline {
			return true
		}
		h.move(t, t.deadline)
	}
	return false
}

// untilNext is the time until the first deadline: 0 when it has passed, noLimit when there is none.
func (h *timerHeap) untilNext(now time.Duration) time.Duration {
	if !h.settle() {
		return noLimit
	}
	return max((*h)[0].when-now, 0)
}

// due takes the first timer out whose deadline has passed, or gives nil.
func (h *timerHeap) due(now time.Duration) *Timer {
	if !h.settle() || (*h)[0].when > now {
		return nil
	}
	t := (*h)[0]
	t.stop()
	return t
}

// dropUsers takes out all timers that are not the port's own.
func (h *timerHeap) dropUsers() {
	kept := (*h)[:0]
	for _, t := range *h {
		if t.inner {
			t.index = len(kept)
			kept = append(kept, t)
		} else {
			t.deadline, t.index = 0, -1
		}
	}
	clear((*h)[len(kept):])
	*h = kept
	for i := len(kept)/2 - 1; i >= 0; i-- {
		h.down(i)
	}
}

func (h timerHeap) swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h timerHeap) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent].when <= h[i].when {
			return
		}
		h.swap(i, parent)
		i = parent
	}
}

func (h timerHeap) down(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h); child++ {
			if h[child].when < h[least].when {
				least = child
			}
		}
		if least == i {
			return
		}
		h.swap(i, least)
		i = least
	}
}

// runTimers runs the timers whose deadline has passed by the beginning of the turn. One that is reset to now by its
// own function runs in the next turn.
func (p *Port) runTimers() {
	for {
		p.mu.Lock()
		if p.closing {
			p.timers.dropUsers()
		}
		t := p.timers.due(p.now)
		p.mu.Unlock()
		if t == nil {
			return
		}
		t.fn()
	}
}

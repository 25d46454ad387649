package ops

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/uring"
)

// kick makes sure that a turn looks at what the caller just put into one of the port's lists. Under the lock; the
// caller passes the result to wake after it has released the lock.
func (p *Port) kick() (wake bool) {
	if !p.sleeping {
		return false
	}
	p.sleeping = false // one wake-up is enough
	p.wakers.Add(1)    // the port does not close the descriptor before it is written
	return true
}

// wakeWord is the number 1 as an eventfd takes it.
var wakeWord = func() (word [8]byte) {
	binary.NativeEndian.PutUint64(word[:], 1)
	return word
}()

// wake writes to the port's wake-up descriptor, on which a multishot poll is armed.
func (p *Port) wake(needed bool) {
	if !needed {
		return
	}
	_, _ = unix.Write(p.wakeFD, wakeWord[:]) // a full counter means that it is readable, and that is all
	p.wakers.Add(-1)
}

// bufferReleased runs when a user gives a buffer back while sockets wait for one. It takes the lock: see mute.
func (p *Port) bufferReleased() {
	p.mu.Lock()
	p.again = true
	wake := p.kick()
	p.mu.Unlock()
	p.wake(wake)
}

// mute keeps bufferReleased from running while buffers are given back under the lock, until unmute.
func (p *Port) mute() { p.group.SetStarved(false) }

// unmute has a turn look at what was given back meanwhile, here or on other goroutines. A caller that is not the
// owner kicks the port while sockets wait for buffers.
func (p *Port) unmute() {
	if p.starved.head != nil {
		p.group.SetStarved(true)
		p.again = true
	}
}

// giveBack releases a buffer under the lock.
func (p *Port) giveBack(b bufring.Buffer) {
	p.mute()
	b.Release()
	p.unmute()
}

// armWake has the kernel watch the wake-up descriptor. The poll is edge-triggered, so nobody needs to read it.
func (p *Port) armWake() {
	if p.wakeToken != 0 || p.wakeCancelled {
		return
	}
	sqe := p.ring.NextSQE()
	if sqe == nil {
		p.again = true // the next turn has room
		return
	}
	p.wakeToken = p.slots.take(nil, kindWake)
	sqe.PrepPollMultishot(p.wakeFD, unix.POLLIN, uint64(p.wakeToken))
}

func (p *Port) onWake(c *uring.CQE, tok token) {
	p.stats.Wakes++
	if !c.More() {
		p.slots.release(tok)
		p.wakeToken = 0
		p.again = true
	}
}

// noLimit as a timeout blocks until a completion comes.
const noLimit time.Duration = -1

// fallAsleep marks the owner as sleeping, unless there is something to do, and tells until when it may.
func (p *Port) fallAsleep() (timeout time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hasWork() {
		return 0, false
	}
	timeout = p.timers.untilNext(p.cfg.clock())
	if timeout == 0 {
		return 0, false
	}
	p.sleeping = true
	return timeout, true
}

// hasWork tells whether something waits for the next turn. Under the lock.
func (p *Port) hasWork() bool {
	return p.again || p.work.head != nil || p.deferred.head != nil || len(p.posts) > 0 || len(p.later) > 0
}

func (p *Port) awake() {
	p.now = p.cfg.clock()
	p.mu.Lock()
	p.sleeping = false
	p.mu.Unlock()
}

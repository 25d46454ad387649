package ops

import (
	"time"

	"github.com/ringport/ringport/uring"
)

// turn is one round of the port: what was left to it, the buffers that came back, the work list, the enter, the
// completions. It is false when the port is closed and nothing is in flight any more.
//
//	callbacks and other goroutines start ops -> work list -> SQEs -> Enter -> Reap -> dispatch -> callbacks
func (p *Port) turn() bool {
	p.begin()
	p.refill()
	if !p.flush() {
		return false
	}
	p.collect()
	p.dispatchAll()
	return true
}

// begin opens a turn and runs what earlier turns left to it: completions, timers, posted functions.
func (p *Port) begin() {
	p.now = p.cfg.clock()
	p.mu.Lock()
	p.again = false
	p.budget = p.cfg.SyncBudget
	p.stats.Turns++
	closing := p.closing
	if closing {
		p.closeSockets()
	}
	deferred := p.deferred
	p.deferred = opQueue{}
	posts := p.posts
	p.posts, p.spare = p.spare[:0], nil
	p.mu.Unlock()
	for op := deferred.pop(); op != nil; op = deferred.pop() {
		p.complete(op)
	}
	if closing {
		p.closeConnectors()
	}
	p.runTimers()
	for i, fn := range posts {
		posts[i] = nil
		fn()
	}
	p.spare = posts[:0]
}

// flush turns the work list into SQEs. It is false when the port has nothing left to do, ever. A Multishot op gets
// all that waits for it, one piece after the other: with one piece a turn it would never catch up.
func (p *Port) flush() bool {
	for {
		p.mu.Lock()
		p.takeLater()
		p.armWake()
		full := p.failed == nil && p.serveWork()
		alive := p.failed == nil && (!p.closing || p.sockets.count > 0 || p.windDown())
		p.mu.Unlock()
		p.callOutside()
		p.completeReady()
		switch {
		case !alive:
			return false
		case full:
			if p.enter(0, 0); p.ring.Unsubmitted() > 0 || p.reapIsDue() {
				return true // completions must be reaped before the kernel takes more
			}
		case len(p.later) == 0:
			return true
		}
	}
}

// reapIsDue tells whether the completion queue is so full that one submit more might overflow it: it is at least twice
// as long as the SQEs of a submit. Kernel: what does not fit costs it memory for each completion, and an enter to get
// it back; a kernel that is short of memory drops it, and the ring is lost.
func (p *Port) reapIsDue() bool { return p.ring.Ready() >= int(p.features.CQEntries/2) }

// takeLater puts the sockets on the work list that have more for an op which had to complete first.
func (p *Port) takeLater() {
	for _, s := range p.later {
		p.work.push(s)
	}
	p.later = p.later[:0]
}

// serveWork lets each socket of the work list do what it has to. It is true when the SQEs ran out: the rest of
// the list waits for the next enter.
func (p *Port) serveWork() (full bool) {
	if !p.cancelMissed() {
		p.again = true
		return true
	}
	for s := p.work.pop(); s != nil; s = p.work.pop() {
		if !s.serve() {
			p.work.pushFront(s)
			p.again = true
			return true
		}
	}
	return false
}

// windDown takes the wake-up poll back when the last socket of a closing port is gone. It is false when the
// kernel has nothing of ours any more.
func (p *Port) windDown() bool {
	if p.deferred.head != nil || len(p.posts) > 0 {
		return true
	}
	if p.wakeToken != 0 && !p.wakeCancelled {
		p.wakeCancelled = p.cancelRequest(p.wakeToken)
		p.again = true
	}
	return p.slots.taken > 0
}

// collect submits what is prepared and gathers completions. It blocks only when there is nothing else to do.
func (p *Port) collect() {
	p.enter(0, 0)
	if p.ring.Ready() > 0 || p.spin() {
		return
	}
	timeout, ok := p.fallAsleep()
	if !ok {
		return
	}
	p.enter(1, timeout)
	p.awake()
}

func (p *Port) enter(wait uint32, timeout time.Duration) {
	prepared := p.ring.Unsubmitted()
	err := p.ring.Enter(wait, timeout)
	if p.ring.Unsubmitted() < prepared {
		clear(p.closes)
		p.closes = p.closes[:0]
	}
	if p.ring.Unsubmitted() == 0 {
		p.arena.Reset()
	}
	if err != nil {
		p.mu.Lock()
		p.failed, p.closing = err, true
		p.again = true
		p.mu.Unlock()
	}
}

// dispatchAll takes every completion out of the ring, in batches, and routes it.
func (p *Port) dispatchAll() {
	for {
		n := p.ring.Reap(p.cqes[:])
		for i := range p.cqes[:n] {
			p.dispatch(&p.cqes[i])
		}
		if n < len(p.cqes) {
			return
		}
	}
}

// dispatch routes one completion to whom its token names, and runs the ops that it completes.
func (p *Port) dispatch(c *uring.CQE) {
	tok := token(c.UserData)
	p.mu.Lock()
	sl := p.slots.find(tok)
	if sl == nil {
		p.stale(c)
		p.mu.Unlock()
		return
	}
	s := sl.socket
	switch sl.kind {
	case kindReceive:
		s.onReceive(c, tok)
	case kindSend:
		s.onSend(c, tok)
	case kindAccept:
		s.onAccept(c, tok)
	case kindWake:
		p.onWake(c, tok)
	case kindCancel:
		p.onCancel(c, tok)
	case kindClose:
		s.onClose(tok)
	default:
		s.dispatchExtra(c, tok, sl.op)
	}
	p.mu.Unlock()
	p.completeReady()
}

// dispatchExtra routes what few sockets have.
func (s *Socket) dispatchExtra(c *uring.CQE, tok token, op *Op) {
	switch tok.kind() {
	case kindConnect:
		s.onConnect(c, tok)
	case kindDatagram:
		s.onDatagram(c, tok)
	case kindDatagramSend:
		s.onDatagramSend(c, tok, op)
	case kindUrgent:
		s.onUrgent(c, tok, op)
	case kindPackets:
		s.onPackets(c, tok, op)
	case kindHangup:
		s.onHangup(c, tok)
	}
}

// stale is a completion that finds nobody. A buffer that came with it goes back.
func (p *Port) stale(c *uring.CQE) {
	p.stats.Stale++
	if id, ok := c.Buffer(); ok {
		p.giveBack(p.group.Lease(id, 0))
	}
}

// refill posts buffers again, lets starved sockets go on with them, and publishes the figures of the ring. It comes
// after begin, which clears again: a buffer that is released later keeps the owner from falling asleep.
func (p *Port) refill() {
	posted := p.group.Publish()
	p.mu.Lock()
	for n := posted; n > 0 && p.starved.head != nil; n-- {
		s := p.starved.pop()
		s.rx.starved = false
		p.work.push(s)
	}
	starved := p.starved.head != nil
	p.group.SetStarved(starved)
	p.again = p.again || starved && posted > 0 // those that may go on now may have nothing to receive
	p.stats.Ring = p.ring.Stats()
	p.mu.Unlock()
}

// completeReady runs the completions that the owner has found.
func (p *Port) completeReady() {
	for op := p.ready.pop(); op != nil; op = p.ready.pop() {
		p.complete(op)
	}
}

// complete ends one operation: the op is idle, or armed on, before its handler runs.
func (p *Port) complete(op *Op) {
	more, closed := op.more, false
	if op.fills() {
		op.settleTarget()
	}
	if op.brings && op.fail != nil {
		op.dropSocket()
	}
	op.told = false
	if op.due {
		op.due = false
		op.socket.rx.due.Add(-1)
	}
	if !more {
		closed = op.handle()
	}
	if op.Completed != nil {
		op.Completed(op)
	}
	if more || closed || op.handled() {
		op.dropLease() // nobody else will: the op is not started again
	}
}

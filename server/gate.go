package server

import (
	"sync"
	"time"

	"github.com/ringport/ringport/ops"
)

// gate counts the connections of all shards together, and takes care that they do not come in faster than they may. A
// connection has a permit from the moment when it is let in to its end.
type gate struct {
	bulk      int // with more room than this, a whole backlog on every listener fits
	listeners int // over all shards
	shards    []*shard
	timer     *ops.Timer // runs refill

	mu      sync.Mutex
	max     int
	active  int
	full    bool // active has reached max
	rate    rate
	dry     bool // the tokens have run out, and not enough of them are back
	pace    pace
	waiting []*shard // shards that hold a connection without a permit, the longest waiting first

	timesFull, timesDry uint64
}

// pace is how connections are to be accepted.
type pace uint8

const (
	paceStop   pace = iota // no room: the backlog waits
	paceSingle             // one by one, never more than there is room for
	paceBulk               // any number
)

// maxSingles is how many accepts a listener has at most where they are counted.
const maxSingles = 8

func newGate(l *limits, backlog, listeners int) *gate {
	g := &gate{bulk: backlog * listeners, listeners: listeners, max: l.maxConns}
	g.rate.set(l.acceptRate, l.acceptBurst, clock())
	g.pace = g.paceNow()
	return g
}

// open tells the gate whom it is for, before the first connection.
func (g *gate) open(shards []*shard) {
	g.shards = shards
	g.timer = shards[0].port.NewTimer(g.refill) // a shard that stops ends the server, so that any will do
}

// room is how many connections may be let in now.
func (g *gate) room() int {
	room := g.max - g.active
	switch {
	case g.dry:
		return min(room, 0)
	case g.rate.limited():
		return min(room, g.rate.available())
	}
	return room
}

func (g *gate) paceNow() pace {
	switch room := g.room(); {
	case room <= 0:
		return paceStop
	case room <= g.bulk:
		return paceSingle
	}
	return paceBulk
}

// plan tells a listener how to accept, and with paceSingle how many connections at a time. Close to the limit every
// listener tries for one, since nobody knows where the next client comes; a connection too many waits in its shard.
func (g *gate) plan() (p pace, singles int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pace, min(max(g.room()/g.listeners, 1), maxSingles)
}

// enter takes a permit for a connection of the shard. Without one left, or when it comes too soon, the shard keeps the
// connection until admit is called on it.
func (g *gate) enter(sh *shard) bool {
	g.mu.Lock()
	g.takeTokens()
	allowed := len(g.waiting) == 0 && g.room() > 0
	if allowed {
		g.letIn()
	} else {
		g.waiting = append(g.waiting, sh)
	}
	c := g.settle()
	g.mu.Unlock()
	g.carryOut(c)
	return allowed
}

func (g *gate) letIn() {
	g.active++
	if g.rate.limited() {
		g.rate.take()
	}
}

// leave gives a permit back: to the shard that has waited longest with a connection, or to whoever accepts next.
func (g *gate) leave() {
	g.mu.Lock()
	g.active--
	g.takeTokens()
	c := g.settle()
	g.mu.Unlock()
	g.carryOut(c)
}

// refill lets in those for whom there is a token by now.
func (g *gate) refill() {
	g.mu.Lock()
	g.takeTokens()
	c := g.settle()
	if g.dry {
		c.pause = g.rate.wait() // the rate was lowered meanwhile
	}
	g.mu.Unlock()
	g.carryOut(c)
}

// limit sets other limits. Who is in stays in.
func (g *gate) limit(l *limits) {
	g.mu.Lock()
	g.max = l.maxConns
	g.rate.set(l.acceptRate, l.acceptBurst, clock())
	g.takeTokens()
	c := g.settle()
	c.pace = true // how many accepts there may be at a time has changed, too
	if g.dry {
		c.pause = g.rate.wait()
	}
	g.mu.Unlock()
	g.carryOut(c)
}

// forget takes back one wish of a shard that closed a connection without a permit. It is false when the permit is
// on its way already.
func (g *gate) forget(sh *shard) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, waiting := range g.waiting {
		if waiting == sh {
			g.waiting = append(g.waiting[:i:i], g.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// changes is what follows from a step through the gate, to be carried out without its lock.
type changes struct {
	let   []*shard      // each may open a connection that it has kept
	pace  bool          // it is another one
	pause time.Duration // until there are enough tokens; 0: nothing waits for them, or the timer is set
}

// settle lets in whoever waits and has room, and notes the pace. After it somebody waits only while there is no room,
// and whatever makes room comes by here again: the end of a session, the timer, or other limits.
func (g *gate) settle() (c changes) {
	for len(g.waiting) > 0 && g.room() > 0 {
		c.let = append(c.let, g.waiting[0])
		g.waiting[0] = nil
		g.waiting = g.waiting[1:]
		g.letIn()
	}
	if g.rate.limited() && !g.dry && g.rate.available() < 1 {
		g.dry = true
		g.timesDry++
		c.pause = g.rate.wait()
	}
	if full := g.active >= g.max; full != g.full {
		if g.full = full; full {
			g.timesFull++
		}
	}
	before := g.pace
	g.pace = g.paceNow()
	c.pace = g.pace != before
	return c
}

// takeTokens adds the tokens that have come in, before anybody takes one: a full bucket stays full until then. It ends
// the dry time when they are enough.
func (g *gate) takeTokens() {
	if !g.rate.limited() {
		g.dry = false
		return
	}
	g.rate.fill(clock())
	if g.rate.tokens >= g.rate.enough() {
		g.dry = false
	}
}

// carryOut tells every shard of another pace, since a client may come, or wait, at any of them.
func (g *gate) carryOut(c changes) {
	for _, sh := range c.let {
		sh.post(sh.admit)
	}
	if c.pause > 0 {
		g.timer.Reset(c.pause)
	}
	if !c.pace {
		return
	}
	for _, sh := range g.shards {
		sh.post(sh.rearm)
	}
}

// atLimit tells whether as many connections are served as may be, and how many that is.
func (g *gate) atLimit() (limit int, reached bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.max, g.active >= g.max
}

// report gives what the gate knows, all of one moment.
func (g *gate) report(s *Stats) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s.Sessions, s.Parked = g.active, len(g.waiting)
	s.ConnLimited, s.RateLimited = g.timesFull, g.timesDry
}

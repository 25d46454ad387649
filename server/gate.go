package server

import "sync"

// gate counts the connections of all shards together. A connection has a permit from its accept to its end.
type gate struct {
	max       int
	bulk      int // with more room than this, a whole backlog on every listener fits
	listeners int // over all shards
	shards    []*shard

	mu      sync.Mutex
	active  int
	pace    pace
	waiting []*shard // shards that hold a connection without a permit, the longest waiting first
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

func newGate(max, backlog, listeners int) *gate {
	g := &gate{max: max, bulk: backlog * listeners, listeners: listeners}
	g.pace = g.paceNow()
	return g
}

func (g *gate) paceNow() pace {
	switch room := g.max - g.active; {
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
	return g.pace, min(max((g.max-g.active)/g.listeners, 1), maxSingles)
}

// enter takes a permit for a connection of the shard. Without one left, the shard keeps the connection until admit
// is called on it.
func (g *gate) enter(sh *shard) bool {
	g.mu.Lock()
	if g.active >= g.max {
		g.waiting = append(g.waiting, sh)
		g.mu.Unlock()
		return false
	}
	g.active++
	changed := g.step()
	g.mu.Unlock()
	g.tell(changed)
	return true
}

// leave gives a permit back: to the shard that has waited longest with a connection, or to whoever accepts next.
func (g *gate) leave() {
	g.mu.Lock()
	if len(g.waiting) > 0 {
		next := g.waiting[0]
		g.waiting = g.waiting[1:]
		g.mu.Unlock()
		next.post(next.admit)
		return
	}
	g.active--
	changed := g.step()
	g.mu.Unlock()
	g.tell(changed)
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

// step notes the pace that the count asks for and tells whether it is another one.
func (g *gate) step() (changed bool) {
	before := g.pace
	g.pace = g.paceNow()
	return g.pace != before
}

// tell lets every shard look at the pace: a client may come, or wait, at any of them.
func (g *gate) tell(changed bool) {
	if !changed {
		return
	}
	for _, sh := range g.shards {
		sh.post(sh.rearm)
	}
}

// count is the number of permits in use, and of connections that wait for one.
func (g *gate) count() (active, waiting int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.active, len(g.waiting)
}

package server

import (
	"net/netip"
	"sync"

	"github.com/ringport/ringport/ops"
)

// sources counts the connections of all shards by where they come from. Only shards whose limits ask for it count
// theirs: it costs memory for every address.
type sources struct {
	mu  sync.Mutex
	max int // 0: no limit
	of  map[source]int
}

func newSources(max int) *sources { return &sources{max: max, of: make(map[source]int)} }

// limit sets another limit. Who has more connections already keeps them.
func (c *sources) limit(max int) {
	c.mu.Lock()
	c.max = max
	c.mu.Unlock()
}

// enter counts a connection, unless its source has as many as it may.
func (c *sources) enter(from source) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.max > 0 && c.of[from] >= c.max {
		return false
	}
	c.of[from]++
	return true
}

// add counts a connection that is open already.
func (c *sources) add(from source) {
	c.mu.Lock()
	c.of[from]++
	c.mu.Unlock()
}

// leave counts a connection no more.
func (c *sources) leave(from source) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[from]--; c.of[from] <= 0 {
		delete(c.of, from)
	}
}

// enterSource counts a connection, where that is asked for, and tells whether it may come in. A peer of a Unix socket
// has no address, and is not limited.
func (sh *shard) enterSource(p *parked) bool {
	addr := addressOf(p.remote)
	if sh.limits.maxConnsPerIP == 0 || !addr.IsValid() {
		return true
	}
	p.counted = sh.server.sources.enter(sourceOf(addr))
	return p.counted
}

// countSource counts a session whose connection came in before that was asked for, or counts it no more.
func (s *Session) countSource() {
	wanted, addr := s.shard.limits.maxConnsPerIP > 0, addressOf(s.remote)
	switch {
	case wanted == s.counted || !addr.IsValid():
		return
	case wanted:
		s.shard.server.sources.add(sourceOf(addr))
	default:
		s.shard.server.sources.leave(sourceOf(addr))
	}
	s.counted = wanted
}

// leaveSource counts a session no more.
func (s *Session) leaveSource() {
	if s.counted {
		s.counted = false
		s.shard.server.sources.leave(sourceOf(addressOf(s.remote)))
	}
}

// addressOf is the IP address of a peer, invalid when it has none.
func addressOf(remote ops.Endpoint) netip.Addr { return remote.AddrPort().Addr() }

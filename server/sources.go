package server

import (
	"net/netip"
	"sync"
)

// sources counts the connections by where they come from. A nil one does not count.
type sources struct {
	max int
	mu  sync.Mutex
	of  map[netip.Prefix]int
}

func newSources(max int) *sources {
	if max == 0 {
		return nil
	}
	return &sources{max: max, of: make(map[netip.Prefix]int)}
}

// sourceOf is what counts as one client: an IPv4 address, or the network of 64 bits that an IPv6 host can choose its
// address in.
func sourceOf(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	source, _ := addr.Prefix(bits) // it fails for no address only: those count together
	return source
}

// enter counts a connection, unless its source has as many as it may.
func (c *sources) enter(addr netip.Addr) bool {
	if c == nil {
		return true
	}
	source := sourceOf(addr)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[source] >= c.max {
		return false
	}
	c.of[source]++
	return true
}

// leave counts a connection no more.
func (c *sources) leave(addr netip.Addr) {
	if c == nil {
		return
	}
	source := sourceOf(addr)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[source]--; c.of[source] <= 0 {
		delete(c.of, source)
	}
}

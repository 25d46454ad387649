package ops

import (
	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/uring"
)

// Stats tells what a port did so far and what it holds now. Counts of the ring are as of the last turn.
type Stats struct {
	Turns         uint64
	Wakes         uint64 // completions of the wake-up descriptor
	Accepts       uint64 // connections accepted
	AcceptErrors  uint64 // connections that were gone before they were accepted
	NoDescriptors uint64 // accepts that found no free descriptor
	NoBuffers     uint64 // receives that found no posted buffer
	ShortSends    uint64 // sends that the socket took in parts
	TrySends      uint64 // sends made on the caller's goroutine
	Cancels       uint64 // cancel requests submitted
	Stale         uint64 // completions whose request had ended

	InFlight int // ops pending in sockets
	Sockets  int
	Slots    int // requests that the kernel has, one of them the wake-up poll
	Starved  int // sockets that wait for a buffer
	Blocked  int // listeners that wait for a descriptor
	Timers   int

	Ring    uring.Stats
	Buffers bufring.Stats
}

// Stats may be called from any goroutine.
func (p *Port) Stats() Stats {
	p.mu.Lock()
	s := p.stats
	s.Sockets = p.sockets.count
	s.Slots = p.slots.taken
	s.Starved = p.starved.count
	s.Blocked = p.blocked.count
	s.Timers = len(p.timers)
	p.mu.Unlock()
	s.Buffers = p.group.Stats()
	return s
}

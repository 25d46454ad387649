package bufring

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// Registrar is what a group needs of its ring: to tell the kernel where its entries are. *uring.Ring is one.
type Registrar interface {
	RegisterBufferRing(mem []byte, entries uint32, group uint16) error
	UnregisterBufferRing(group uint16) error
}

// Group is one provided-buffer ring and the memory of its buffers.
type Group struct {
	id      uint16
	size    int
	buffers int
	target  int // how many Publish posts at most
	ring    Registrar
	entries entryRing
	block   []byte
	states  []atomic.Uint32 // of each buffer: generation and state
	tail    uint16          // owner's: entries handed to the kernel, published or not
	posted  int             // owner's: how many the kernel has

	starved atomic.Bool // somebody waits for a buffer
	wake    func()      // runs after a release while starved

	mu     sync.Mutex
	spare  []uint16 // last in, first out
	leased int
	most   int    // most leased at once so far
	leases uint64 // leases ever given
	closed bool
}

// New maps the memory and registers the ring. wake may be nil; otherwise it runs, on the goroutine that
// releases a buffer and without any lock held, whenever that happens while SetStarved(true) is in force. A
// release that began before Close may still run it afterwards.
// Returns what Config.Validate finds wrong, or why the kernel refused.
func New(ring Registrar, cfg Config, wake func()) (*Group, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	g := &Group{
		id: cfg.ID, size: cfg.Size, buffers: cfg.Buffers, target: cfg.Posted, ring: ring, wake: wake,
		states: make([]atomic.Uint32, cfg.Buffers),
		spare:  make([]uint16, 0, cfg.Buffers),
	}
	if err := g.mapMemory(); err != nil {
		return nil, fmt.Errorf("bufring: map %d buffers of %d bytes: %w", cfg.Buffers, cfg.Size, err)
	}
	if err := ring.RegisterBufferRing(g.entries.mem, g.entries.size(), g.id); err != nil {
		return nil, errors.Join(fmt.Errorf("bufring: %w", err), g.unmap())
	}
	for id := cfg.Buffers - 1; id >= 0; id-- {
		g.spare = append(g.spare, uint16(id))
	}
	g.Publish()
	return g, nil
}

// ID is the number of the group, for SQEs that select a buffer from it.
func (g *Group) ID() uint16 { return g.id }

// BufferSize is the size of one buffer in bytes.
func (g *Group) BufferSize() int { return g.size }

// Lease takes over the buffer that a CQE names, which holds n bytes. Only the owner of the ring may call it, once
// for each CQE with a buffer. It panics when the kernel names a buffer that is not posted: the ring's memory
// was damaged.
func (g *Group) Lease(id uint16, n int) Buffer {
	if int(id) >= g.buffers || n < 0 || n > g.size {
		panic(fmt.Sprintf("bufring: the kernel names buffer %d with %d bytes; the group has %d of %d bytes",
			id, n, g.buffers, g.size))
	}
	state := &g.states[id]
	generation := state.Load() >> stateBits // only a release changes it, and a posted buffer has no user
	if !state.CompareAndSwap(generation<<stateBits|statePosted, generation<<stateBits|stateLeased) {
		panic(fmt.Sprintf("bufring: the kernel names buffer %d, which is not posted", id))
	}
	g.posted--
	g.mu.Lock()
	g.leased++
	g.leases++
	g.most = max(g.most, g.leased)
	g.mu.Unlock()
	return Buffer{group: g, generation: generation, length: uint32(n), id: id}
}

// Publish posts spare buffers up to the group's number and tells the kernel, once for all of them. Only the
// owner of the ring may call it, once per turn. It returns how many buffers are posted now.
func (g *Group) Publish() int {
	if g.posted >= g.target {
		return g.posted
	}
	g.mu.Lock()
	n := min(g.target-g.posted, len(g.spare))
	if g.closed {
		n = 0
	}
	for range n {
		last := len(g.spare) - 1
		g.post(g.spare[last])
		g.spare = g.spare[:last]
	}
	g.mu.Unlock()
	if n > 0 {
		g.posted += n
		g.entries.publish(g.tail)
	}
	return g.posted
}

func (g *Group) post(id uint16) {
	g.states[id].Add(statePosted - stateSpare)
	offset := int(id) * g.size
	g.entries.set(g.tail, g.block[offset:offset+g.size], id)
	g.tail++
}

// SetStarved says whether somebody waits for a buffer: only then does a release call wake. A release just before
// it did not call, so whoever sets it looks once more, with Publish, before it sleeps.
func (g *Group) SetStarved(starved bool) { g.starved.Store(starved) }

// release takes a buffer back from its user.
func (g *Group) release(id uint16) {
	poison(g.bytes(id, 0, g.size))
	g.mu.Lock()
	g.spare = append(g.spare, id)
	g.leased--
	last := g.closed && g.leased == 0
	g.mu.Unlock()
	if last {
		_ = g.unmap()
		return
	}
	if g.wake != nil && g.starved.Load() {
		g.wake()
	}
}

func (g *Group) bytes(id uint16, offset, n int) []byte {
	start := int(id)*g.size + offset
	return g.block[start : start+n : start+n]
}

// Close takes the ring of buffers back from the kernel, and with it every posted buffer: they are spare then. Only
// the owner may call it, when no request that selects from the group is in flight and every CQE with a buffer was
// leased. The memory is unmapped now, or with the last Release. It is idempotent.
func (g *Group) Close() error {
	if g.isClosed() {
		return nil
	}
	g.starved.Store(false)
	// The kernel must have let go before a release on another goroutine can be the last one and unmap.
	err := g.ring.UnregisterBufferRing(g.id)
	if err != nil {
		err = fmt.Errorf("bufring: %w", err)
	}
	if g.withdraw() {
		err = errors.Join(err, g.unmap())
	}
	return err
}

func (g *Group) isClosed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}

// withdraw makes posted buffers spare and reports whether nobody holds a lease, so that the memory may go.
func (g *Group) withdraw() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for id := range g.states {
		word := g.states[id].Load()
		if word&(1<<stateBits-1) == statePosted {
			g.states[id].Store(word - statePosted + stateSpare)
			g.spare = append(g.spare, uint16(id))
		}
	}
	g.posted = 0
	g.closed = true
	return g.leased == 0
}

// Stats counts the buffers of a group by the hands they are in.
type Stats struct {
	Buffers  int    // in all; the sum of the next three
	Posted   int    // the kernel's
	Leased   int    // users'
	Spare    int    // nobody's
	LowWater int    // fewest that were not leased at any time so far
	Leases   uint64 // leases ever given
}

// Stats may be called from any goroutine. Between turns of the ring its three counts add up to Buffers.
func (g *Group) Stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := Stats{
		Buffers: g.buffers, Leased: g.leased, Spare: len(g.spare),
		LowWater: g.buffers - g.most, Leases: g.leases,
	}
	s.Posted = s.Buffers - s.Leased - s.Spare
	return s
}

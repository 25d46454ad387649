package bufring

import "fmt"

// The state of a buffer, in the low bits of its word; the generation above counts its leases, so that a
// Buffer value that outlived its release is told from the next one.
const (
	stateSpare  = 0
	statePosted = 1
	stateLeased = 2
	stateBits   = 2
)

// Buffer is one leased piece of a group, with the data that the kernel put there. It is a small value: copies
// name the same lease, which ends once, with Release. The zero value names no lease.
type Buffer struct {
	group      *Group
	generation uint32
	offset     uint32
	length     uint32
	id         uint16
}

// Bytes gives the data. The slice must not be used after Release. Any goroutine may call it. It is empty for
// the zero Buffer.
func (b Buffer) Bytes() []byte {
	if b.group == nil {
		return nil
	}
	return b.group.bytes(b.id, int(b.offset), int(b.length))
}

// Skip gives the same lease without its first n bytes of data, for whoever consumed those. It panics when n is
// negative or more than Len.
func (b Buffer) Skip(n int) Buffer {
	if n < 0 || n > int(b.length) {
		panic(fmt.Sprintf("bufring: skip %d of %d bytes", n, b.length))
	}
	b.offset += uint32(n)
	b.length -= uint32(n)
	return b
}

// Len is the number of bytes of data.
func (b Buffer) Len() int { return int(b.length) }

// IsZero reports whether b names no lease.
func (b Buffer) IsZero() bool { return b.group == nil }

// Release ends the lease: the buffer goes back to its group, from where the kernel gets it again. The slice
// from Bytes must not be used afterwards. Any goroutine may call it. It panics when the lease has ended
// already: the memory may be another's by then. Releasing the zero Buffer does nothing.
func (b Buffer) Release() {
	if b.group == nil {
		return
	}
	leased := b.generation<<stateBits | stateLeased
	next := (b.generation + 1) << stateBits // spare, of the next generation
	if !b.group.states[b.id].CompareAndSwap(leased, next) {
		panic(fmt.Sprintf("bufring: buffer %d is released twice", b.id))
	}
	b.group.release(b.id)
}

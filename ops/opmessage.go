package ops

import (
	"sync"
	"syscall"

	"github.com/ringport/ringport/uring"
)

// receiveMessage gives a message over the op's list, which lives until the op is started again. Pieces beyond what
// the kernel takes are left empty: a receive may always bring less.
func (o *Op) receiveMessage() *uring.Message {
	list := o.list
	n := min(len(list.snapshot), uring.MaxVector)
	if list.message == nil || list.message.Pieces() < n {
		list.message = uring.NewArena(1, n)
	}
	list.message.Reset()
	m := list.message.Message(n)
	for _, piece := range list.snapshot[:n] {
		m.Append(piece)
	}
	return m
}

// rest is what a send still has to send, of an op with a single piece of it; see restPieces.
func (o *Op) rest() []byte {
	var one [1][]byte
	skip := o.bytes
	for _, piece := range o.pieces(&one) {
		if skip < len(piece) {
			return piece[skip:]
		}
		skip -= len(piece)
	}
	return nil
}

// restPieces counts the pieces of memory that a send still has to send.
func (o *Op) restPieces() int {
	var one [1][]byte
	skip, n := o.bytes, 0
	for _, piece := range o.pieces(&one) {
		if skip < len(piece) {
			n++
			skip = 0
		} else {
			skip -= len(piece)
		}
	}
	return n
}

// appendRest adds at most limit pieces of what a send still has to send, and returns how many, and their bytes.
func (o *Op) appendRest(m *uring.Message, limit int) (n, bytes int) {
	var one [1][]byte
	skip := o.bytes
	for _, piece := range o.pieces(&one) {
		if n == limit {
			break
		}
		if skip >= len(piece) {
			skip -= len(piece)
			continue
		}
		m.Append(piece[skip:])
		bytes += len(piece) - skip
		skip = 0
		n++
	}
	return n, bytes
}

// tryArenas are the messages of sends on the callers' goroutines.
var tryArenas = sync.Pool{New: func() any { return uring.NewArena(1, uring.MaxVector) }}

// sendNow sends what it can outside the ring and returns how much that was.
func (o *Op) sendNow(fd int) (int, syscall.Errno) {
	if o.list == nil && o.flags == 0 {
		n, errno := uring.SendNow(fd, o.buffer[o.bytes:])
		return max(n, 0), errno
	}
	arena := tryArenas.Get().(*uring.Arena)
	defer tryArenas.Put(arena)
	arena.Reset()
	m := arena.Message(min(o.restPieces(), uring.MaxVector))
	o.appendRest(m, uring.MaxVector)
	n, errno := m.Send(fd)
	return max(n, 0), errno
}

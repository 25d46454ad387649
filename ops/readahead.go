package ops

import "github.com/ringport/ringport/bufring"

// readAhead is data that arrived before it was asked for, in the buffers that it arrived in, oldest first. A nil one
// is empty: sockets whose data is always awaited never have any.
type readAhead struct {
	buffers []bufring.Buffer // [head:] are held
	head    int
	bytes   int
}

func (a *readAhead) count() int {
	if a == nil {
		return 0
	}
	return len(a.buffers) - a.head
}

// size is the number of bytes held.
func (a *readAhead) size() int {
	if a == nil {
		return 0
	}
	return a.bytes
}

// full tells whether a socket holds as much as it may, in bytes or in buffers.
func (a *readAhead) full(limit int) bool { return a.size() >= limit || a.count() >= readAheadBuffers }

// resumes tells whether so much is consumed that receiving goes on.
func (a *readAhead) resumes(limit int) bool {
	return a.size() <= limit/2 && a.count() <= readAheadBuffers/2
}

func (a *readAhead) push(b bufring.Buffer) {
	if a.head > 0 && len(a.buffers) == cap(a.buffers) {
		n := copy(a.buffers, a.buffers[a.head:])
		a.buffers, a.head = a.buffers[:n], 0
	}
	a.buffers = append(a.buffers, b)
	a.bytes += b.Len()
}

func (a *readAhead) pop() bufring.Buffer {
	b := a.buffers[a.head]
	a.buffers[a.head] = bufring.Buffer{}
	a.head++
	a.bytes -= b.Len()
	if a.head == len(a.buffers) {
		a.head = 0
		a.buffers = a.buffers[:0]
		if cap(a.buffers) > readAheadBuffers {
			a.buffers = nil // a burst is over
		}
	}
	return b
}

// give serves an op from the front: its next buffer, or a copy into the op's own memory. It returns the number
// of bytes.
func (a *readAhead) give(op *Op) int {
	switch {
	case op.wantsNothing():
		op.showOwn(0)
		return 0
	case !op.ownsMemory():
		b := a.pop()
		op.setData(b)
		return b.Len()
	case op.flags&Peek != 0:
		return a.copyTo(op)
	}
	n := a.copyTo(op)
	a.consume(n)
	return n
}

func (a *readAhead) copyTo(op *Op) int {
	n, size := 0, op.size()
	for i := a.head; i < len(a.buffers) && n < size; i++ {
		n += op.copyIn(n, a.buffers[i].Bytes())
	}
	op.showOwn(n)
	return n
}

// consume takes n bytes off the front. What remains of a buffer stays for the next receive.
func (a *readAhead) consume(n int) {
	for n > 0 {
		first := &a.buffers[a.head]
		if n < first.Len() {
			*first = first.Skip(n)
			a.bytes -= n
			return
		}
		n -= first.Len()
		a.pop().Release()
	}
}

// drop releases everything and tells whether there was any.
func (a *readAhead) drop() bool {
	any := a.count() > 0
	for a.count() > 0 {
		a.pop().Release()
	}
	return any
}

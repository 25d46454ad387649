package ops

import (
	"slices"

	"github.com/ringport/ringport/uring"
)

// bufferList is a list as the user gave it, and the snapshot that operations use.
type bufferList struct {
	given    [][]byte
	snapshot [][]byte
	message  *uring.Arena // for a receive: the kernel writes to it until the last completion
}

// SetBuffer sets the memory that an operation sends, or receives into: offset and count in one slice, which the
// library never changes. nil clears it: a receive then takes a buffer that the kernel picks. An empty slice that
// is not nil is a buffer of length zero. A buffer and a list at once are refused by the start. It panics while the
// op is in flight; on a closed op it does nothing.
func (o *Op) SetBuffer(b []byte) {
	if o.configure("set the buffer") {
		o.buffer = b
	}
}

// Buffer gives what SetBuffer was given.
func (o *Op) Buffer() []byte { return o.buffer }

// SetBufferList sets several pieces of memory, to gather what is sent or scatter what is received. The list is
// copied: changing it later has no effect until it is set again. nil or an empty list clears it. It panics while
// the op is in flight; on a closed op it does nothing.
func (o *Op) SetBufferList(list [][]byte) {
	switch {
	case !o.configure("set the buffer list"):
	case len(list) == 0:
		o.list = nil
	default:
		if o.list == nil {
			o.list = new(bufferList)
		}
		o.list.given = list
		o.list.snapshot = append(o.list.snapshot[:0], list...)
	}
}

// BufferList gives the list that SetBufferList was given.
func (o *Op) BufferList() [][]byte {
	if o.list == nil {
		return nil
	}
	return o.list.given
}

// configure panics when the op's memory is an operation's at the moment. It is false when the op is closed.
func (o *Op) configure(what string) (open bool) {
	if o == nil {
		panic("ops: " + what + ": the op is nil")
	}
	state := o.state.Load()
	if state == opInFlight || state == opClosing {
		panic("ops: " + what + ": the op is in flight; wait for its completion, or use another")
	}
	return state != opClosed && state != opLeft
}

// pieces gives the op's memory as a list without allocating: one is the caller's room for a single piece.
func (o *Op) pieces(one *[1][]byte) [][]byte {
	if o.list != nil {
		return o.list.snapshot
	}
	one[0] = o.buffer
	return one[:]
}

// size is the number of bytes in the op's memory.
func (o *Op) size() int {
	if o.list == nil {
		return len(o.buffer)
	}
	n := 0
	for _, b := range o.list.snapshot {
		n += len(b)
	}
	return n
}

// ownsMemory reports whether the op brings memory of its own, rather than letting the kernel pick.
func (o *Op) ownsMemory() bool { return o.buffer != nil || o.list != nil }

// wantsNothing tells whether a receive waits for data without consuming any: its memory has no length.
func (o *Op) wantsNothing() bool { return o.ownsMemory() && o.size() == 0 }

// checkMemory refuses an op with both kinds of memory.
func (o *Op) checkMemory(refusals *[operationCount]error) error {
	if o.buffer != nil && o.list != nil {
		return refusals[o.last]
	}
	return nil
}

// errBothBuffers refuses a start with both a buffer and a list, for each operation.
var errBothBuffers = refusals(argumentError, "both a buffer and a buffer list are set; clear one with nil")

// refusals makes one error for each operation, so that refusing allocates nothing.
func refusals(make func(Operation, string) error, detail string) *[operationCount]error {
	var all [operationCount]error
	for operation := range all {
		all[operation] = make(Operation(operation), detail)
	}
	return &all
}

// copyIn copies data into the op's memory, from the skipped byte on, and returns how much went in.
func (o *Op) copyIn(skip int, data []byte) int {
	var one [1][]byte
	n := 0
	for _, piece := range o.pieces(&one) {
		if skip >= len(piece) {
			skip -= len(piece)
			continue
		}
		m := copy(piece[skip:], data[n:])
		skip = 0
		if n += m; n == len(data) {
			break
		}
	}
	return n
}

// showOwn makes Bytes show what was received into the op's own buffer.
func (o *Op) showOwn(n int) {
	if o.list == nil {
		o.data = slices.Clip(o.buffer[:n])
	}
}

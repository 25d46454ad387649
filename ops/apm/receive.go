package apm

import "github.com/ringport/ringport/ops"

// BeginReceive starts to receive what is there, at least one byte, into buf, which belongs to the operation until
// it is over. A buf of length zero waits for data and takes none; nil is refused with ops.ErrArgument. callback may
// be nil; state is what Result.State gives it. See ops.Socket.ReceiveAsync.
func BeginReceive(s *ops.Socket, buf []byte, flags ops.SocketFlags, callback func(*Result), state any,
) (*Result, error) {
	if buf == nil {
		return nil, receivePair.argument(nilBuffer)
	}
	r := newResult(receivePair, s, callback, state)
	r.op.SetBuffer(buf)
	r.op.SocketFlags = flags
	return r.begin(s, (*ops.Socket).ReceiveAsync)
}

// BeginReceiveList is BeginReceive that fills several pieces of memory in their order. An empty list is refused
// with ops.ErrArgument.
func BeginReceiveList(s *ops.Socket, list [][]byte, flags ops.SocketFlags, callback func(*Result), state any,
) (*Result, error) {
	if len(list) == 0 {
		return nil, receivePair.argument(emptyList)
	}
	r := newResult(receivePair, s, callback, state)
	r.op.SetBufferList(list)
	r.op.SocketFlags = flags
	return r.begin(s, (*ops.Socket).ReceiveAsync)
}

// EndReceive waits for a BeginReceive or BeginReceiveList and gives the number of bytes received. 0 without an
// error is the end of the stream.
func EndReceive(r *Result) (int, error) { return r.endCount(receivePair) }

const (
	nilBuffer = "the buffer is nil; one of length zero may be empty, but not nil"
	emptyList = "the buffer list is empty"
)

package apm

import "github.com/ringport/ringport/ops"

// BeginSend starts to send buf, all of it, behind the sends that were begun. buf must stay unchanged until the
// operation is over; nil is refused with ops.ErrArgument. callback may be nil; state is what Result.State gives it.
// See ops.Socket.SendAsync.
func BeginSend(s *ops.Socket, buf []byte, flags ops.SocketFlags, callback func(*Result), state any) (*Result, error) {
	if buf == nil {
		return nil, sendPair.argument(nilBuffer)
	}
	r := newResult(sendPair, s, callback, state)
	r.op.SetBuffer(buf)
	r.op.SocketFlags = flags
	return r.begin(s, (*ops.Socket).SendAsync)
}

// BeginSendList is BeginSend of several pieces of memory in their order. An empty list is refused with
// ops.ErrArgument.
func BeginSendList(s *ops.Socket, list [][]byte, flags ops.SocketFlags, callback func(*Result), state any,
) (*Result, error) {
	if len(list) == 0 {
		return nil, sendPair.argument(emptyList)
	}
	r := newResult(sendPair, s, callback, state)
	r.op.SetBufferList(list)
	r.op.SocketFlags = flags
	return r.begin(s, (*ops.Socket).SendAsync)
}

// EndSend waits for a BeginSend or BeginSendList and gives the number of bytes sent: all, unless there is an error.
func EndSend(r *Result) (int, error) { return r.endCount(sendPair) }

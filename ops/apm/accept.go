package apm

import (
	"slices"

	"github.com/ringport/ringport/ops"
)

// BeginAccept starts to accept a connection of a listening socket. callback may be nil; state is what Result.State
// gives it. See ops.Socket.AcceptAsync.
func BeginAccept(s *ops.Socket, callback func(*Result), state any) (*Result, error) {
	return newResult(acceptPair, s, callback, state).begin(s, (*ops.Socket).AcceptAsync)
}

// EndAccept waits for a BeginAccept and gives the accepted socket, which the caller owns: who never calls EndAccept
// leaves it open.
func EndAccept(r *Result) (*ops.Socket, error) {
	known, err := r.end(acceptPair)
	if !known {
		return nil, err
	}
	return r.op.AcceptSocket, err
}

// BeginAcceptReceive starts to accept a connection and to receive at most size bytes from it, at once what comes
// first. It ends with the bytes, with the end of the stream, or with an error: then the accepted socket is closed.
// Size 0 asks for the connection alone; less is refused with ops.ErrArgument. A client that sends nothing keeps it
// pending.
func BeginAcceptReceive(s *ops.Socket, size int, callback func(*Result), state any) (*Result, error) {
	return BeginAcceptInto(s, nil, size, callback, state)
}

// BeginAcceptInto is BeginAcceptReceive into a fresh socket, of any port, which EndAcceptReceive gives back. A nil
// target means a new socket.
func BeginAcceptInto(s, target *ops.Socket, size int, callback func(*Result), state any) (*Result, error) {
	if size < 0 {
		return nil, acceptReceivePair.argument("the size is negative")
	}
	r := newResult(acceptReceivePair, s, callback, state)
	r.room = size
	r.follow = receiveAccepted
	r.op.AcceptSocket = target
	if target != nil {
		r.second = target.Port()
	}
	return r.begin(s, (*ops.Socket).AcceptAsync)
}

// EndAcceptReceive waits for a BeginAcceptReceive or BeginAcceptInto and gives the accepted socket, which the
// caller owns, and the first bytes of the connection: none at its end, or if none were asked for.
func EndAcceptReceive(r *Result) (*ops.Socket, []byte, error) {
	known, err := r.end(acceptReceivePair)
	if !known || err != nil {
		return nil, nil, err
	}
	return r.op.AcceptSocket, slices.Clip(r.op.Buffer()[:r.op.BytesTransferred()]), nil
}

// receiveAccepted receives from the connection that was accepted, and looks after it when that fails.
func receiveAccepted(r *Result) (pending bool) {
	s := r.op.AcceptSocket
	if r.op.LastOperation() == ops.Accept {
		if r.op.Err() != nil || r.room == 0 {
			return false
		}
		r.op.SetBuffer(make([]byte, r.room))
		if s.ReceiveAsync(&r.op) {
			return true
		}
	}
	if r.op.Err() != nil {
		_ = s.Close()
	}
	return false
}

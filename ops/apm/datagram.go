package apm

import "github.com/ringport/ringport/ops"

// BeginSendTo starts to send one datagram to an endpoint. buf must stay unchanged until the operation is over; nil
// is refused with ops.ErrArgument. callback may be nil; state is what Result.State gives it. See
// ops.Socket.SendToAsync.
func BeginSendTo(s *ops.Socket, buf []byte, flags ops.SocketFlags, to ops.Endpoint, callback func(*Result), state any,
) (*Result, error) {
	if buf == nil {
		return nil, sendToPair.argument(nilBuffer)
	}
	r := newResult(sendToPair, s, callback, state)
	r.op.SetBuffer(buf)
	r.op.SocketFlags = flags
	r.op.RemoteEndpoint = to
	return r.begin(s, (*ops.Socket).SendToAsync)
}

// EndSendTo waits for a BeginSendTo and gives the number of bytes sent.
func EndSendTo(r *Result) (int, error) { return r.endCount(sendToPair) }

// BeginReceiveFrom starts to receive one datagram into buf, which belongs to the operation until it is over; nil is
// refused with ops.ErrArgument. What does not fit is cut off. callback may be nil; state is what Result.State gives
// it. See ops.Socket.ReceiveFromAsync.
func BeginReceiveFrom(s *ops.Socket, buf []byte, flags ops.SocketFlags, callback func(*Result), state any,
) (*Result, error) {
	return beginDatagram(receiveFromPair, s, buf, flags, callback, state, (*ops.Socket).ReceiveFromAsync)
}

// EndReceiveFrom waits for a BeginReceiveFrom and gives the number of bytes received, and where they came from.
func EndReceiveFrom(r *Result) (n int, from ops.Endpoint, err error) {
	n, err = r.endCount(receiveFromPair)
	if err != nil {
		return n, ops.Endpoint{}, err
	}
	return n, r.op.RemoteEndpoint, nil
}

// BeginReceiveMessageFrom is BeginReceiveFrom that also tells whether the datagram was cut off and where it was
// sent to. See ops.Socket.ReceiveMessageFromAsync.
func BeginReceiveMessageFrom(s *ops.Socket, buf []byte, flags ops.SocketFlags, callback func(*Result), state any,
) (*Result, error) {
	return beginDatagram(receiveMessageFromPair, s, buf, flags, callback, state, (*ops.Socket).ReceiveMessageFromAsync)
}

// EndReceiveMessageFrom waits for a BeginReceiveMessageFrom and gives the number of bytes received, flags such as
// ops.Truncated, where the bytes came from, and where they were sent to.
func EndReceiveMessageFrom(r *Result) (
	n int, flags ops.SocketFlags, from ops.Endpoint, info ops.PacketInfo, err error,
) {
	n, err = r.endCount(receiveMessageFromPair)
	if err != nil {
		return n, 0, ops.Endpoint{}, ops.PacketInfo{}, err
	}
	return n, r.op.SocketFlags, r.op.RemoteEndpoint, r.op.ReceiveMessageFromPacketInfo(), nil
}

func beginDatagram(p pair, s *ops.Socket, buf []byte, flags ops.SocketFlags, callback func(*Result), state any,
	start func(*ops.Socket, *ops.Op) bool,
) (*Result, error) {
	if buf == nil {
		return nil, p.argument(nilBuffer)
	}
	r := newResult(p, s, callback, state)
	r.op.SetBuffer(buf)
	r.op.SocketFlags = flags
	return r.begin(s, start)
}

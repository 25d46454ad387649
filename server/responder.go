package server

import (
	"net/netip"

	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/ops"
)

// responder receives the datagrams of one UDP address for one shard, and answers those that the guard lets pass. Its
// methods run on the shard's goroutine.
type responder struct {
	shard   *shard
	address string // as Config.Listen has it, with the port that was bound
	socket  *ops.Socket
	handler DatagramHandler
	wild    bool // it is bound to every address, so that an answer must say which one it leaves from

	receive   ops.Op
	receiving bool // the receive is in flight
	stopping  bool // nothing more is to be received
	closed    bool

	spare    *answer // contexts that are not in flight, last in first out
	inFlight int     // answers that the kernel has
	most     int     // that it may have: each holds a receive buffer, which sessions need as well
}

// answer is the context of one answer.
type answer struct {
	op        ops.Op
	responder *responder
	buffer    bufring.Buffer // with the datagram that is answered
	next      *answer        // among the spare ones
}

func newResponder(sh *shard, socket *ops.Socket, address string) *responder {
	handler, _ := sh.server.handler.(DatagramHandler) // New has looked
	r := &responder{shard: sh, socket: socket, address: address, handler: handler}
	r.wild = socket.LocalEndpoint().AddrPort().Addr().IsUnspecified()
	r.receive.Completed, r.receive.UserToken, r.receive.Multishot = receivedDatagram, r, true
	return r
}

// start begins to receive.
func (r *responder) start() {
	if r.stopping || r.receiving {
		return
	}
	r.receiving = true
	if !r.socket.ReceiveMessageFromAsync(&r.receive) {
		receivedDatagram(&r.receive)
	}
}

// receivedDatagram takes a completion of a responder's receive. An error that the network tells about an earlier
// answer does not end it and concerns nobody: datagrams may get lost. The completion that ends a receive, cancelled or
// not, may bring a datagram as well.
func receivedDatagram(op *ops.Op) {
	r := op.UserToken.(*responder)
	b := op.TakeBuffer()
	if op.Err() == nil || !b.IsZero() {
		r.arrived(op, b)
	}
	if op.More() {
		return
	}
	r.receiving = false
	if !r.stopping {
		r.stopping = true
		r.shard.server.log.Error("a listener receives no more", "address", r.address, "error", op.Err())
	}
	r.closeIfDone()
}

// arrived decides about a datagram.
func (r *responder) arrived(op *ops.Op, b bufring.Buffer) {
	from := op.RemoteEndpoint.AddrPort()
	c := &r.shard.datagrams
	c.received.Add(1)
	c.bytesIn.Add(uint64(b.Len()))
	why := dropBusy // there was no buffer for an empty datagram, and so nothing is known of its sender
	if from.IsValid() {
		why = r.shard.guard.inspect(from, op.ReceiveMessageFromPacketInfo(), op.SocketFlags, b.Len(), r.shard.now())
	}
	if why == passed {
		why = r.reply(op, b)
	} else {
		b.Release()
	}
	if why != passed {
		r.drop(why, from)
	}
}

// reply asks the handler and sends what it says. It takes the buffer over.
func (r *responder) reply(op *ops.Op, b bufring.Buffer) drop {
	payload := b.Bytes()
	n := r.handler.ReceivedDatagram(op.RemoteEndpoint, payload)
	if n < 0 {
		b.Release()
		return passed
	}
	if n > len(payload) {
		panic("server: the handler's answer is longer than the datagram; it must lie in the payload")
	}
	a := r.takeAnswer()
	if a == nil {
		b.Release()
		return dropBusy
	}
	a.buffer = b
	a.op.RemoteEndpoint = op.RemoteEndpoint
	if r.wild {
		a.op.SetSource(sourceFor(op.ReceiveMessageFromPacketInfo()))
	}
	a.op.SetBuffer(payload[:n])
	if !r.socket.SendToAsync(&a.op) {
		answered(&a.op)
	}
	return passed
}

// sourceFor is where the answer to a datagram leaves from: the address that was asked. Link-local ones are on the
// interface that it came in on; for others the routes know better.
func sourceFor(info ops.PacketInfo) (addr netip.Addr, index int) {
	if info.Address.IsLinkLocalUnicast() && info.Address.Is6() {
		index = info.Interface
	}
	return info.Address, index
}

// answered takes the completion of an answer.
func answered(op *ops.Op) {
	a := op.UserToken.(*answer)
	r := a.responder
	if op.Err() == nil {
		c := &r.shard.datagrams
		c.answered.Add(1)
		c.bytesOut.Add(uint64(op.BytesTransferred()))
	} else {
		r.drop(dropUnsent, op.RemoteEndpoint.AddrPort())
	}
	a.buffer.Release()
	r.putAnswer(a)
	r.closeIfDone()
}

// drop counts a datagram that is not answered.
func (r *responder) drop(why drop, from netip.AddrPort) {
	r.shard.datagrams.dropped[why].Add(1)
	s := r.shard.server
	if s.dropLog.due(why, clock()) {
		s.dropLog.write(why, s.dropped(why), from, r.address)
	}
}

// takeAnswer gives a context, or nil while the kernel has as many as it may.
func (r *responder) takeAnswer() *answer {
	if r.inFlight >= r.most {
		return nil
	}
	r.inFlight++
	a := r.spare
	if a == nil {
		a = &answer{responder: r}
		a.op.Completed, a.op.UserToken = answered, a
		return a
	}
	r.spare = a.next
	return a
}

func (r *responder) putAnswer(a *answer) {
	a.op.SetBuffer(nil)
	a.buffer = bufring.Buffer{}
	a.next, r.spare = r.spare, a
	r.inFlight--
}

// drain ends the receiving. The answers that the kernel has still leave.
func (r *responder) drain() {
	if r.stopping {
		return
	}
	r.stopping = true
	if r.receiving {
		r.socket.Cancel(&r.receive)
	}
	r.closeIfDone()
}

// cut ends everything at once.
func (r *responder) cut() {
	r.drain()
	_ = r.socket.Close()
}

// closeIfDone closes the socket once nothing uses it any more. The descriptor alone goes: others may have the socket.
func (r *responder) closeIfDone() {
	if !r.stopping || r.receiving || r.inFlight > 0 || r.closed {
		return
	}
	r.closed = true
	_ = r.socket.Close()
	r.shard.checkDrained()
}

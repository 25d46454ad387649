package ops

import (
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/uring"
)

// SendToAsync sends one datagram to op.RemoteEndpoint. A socket that is not bound yet is bound to any address by it. An
// empty buffer is an empty datagram. On a stream socket it is SendAsync, and the endpoint only has to be there.
// SetSource says which of the host's addresses it leaves from.
//
// pending is false when the op is refused. See sendto(2), Socket.SendToAsync of .NET.
func (s *Socket) SendToAsync(op *Op) (pending bool) {
	if !op.start(s, SendTo) {
		return false
	}
	err := s.address(op)
	if err == nil && s.typ == Dgram {
		err = s.bindToAny(op)
	}
	switch {
	case err != nil:
		s.port.mu.Lock()
		return s.port.refuse(op, s.firstRefusal(op, err))
	case s.typ == Stream:
		return s.startSend(op)
	default:
		return s.startDatagram(op)
	}
}

// address writes down where the op's datagram goes.
func (s *Socket) address(op *Op) error {
	switch {
	case op.RemoteEndpoint.kind == noEndpoint:
		return errSendToNowhere
	case op.RemoteEndpoint.kind == dnsEndpoint:
		return errSendToName
	case s.typ == Stream:
		return nil
	}
	if op.RemoteEndpoint.kind == ipEndpoint && s.isSingle() && op.RemoteEndpoint.Family() == FamilyIPv4 {
		return errSendToFamily
	}
	var err error
	x := op.extras()
	if x.name, err = appendSockaddr(x.name[:0], op.RemoteEndpoint, s.family); err != nil {
		return withOperation(SendTo, err)
	}
	return s.writeSource(x)
}

var (
	errSendToNowhere = argumentError(SendTo, "RemoteEndpoint is not set")
	errSendToFamily  = withOperation(SendTo, errWrongFamily)
	errSendToName    = argumentError(SendTo, "RemoteEndpoint is a name; resolve it first")
)

// isSingle tells whether a FamilyIPv6 socket takes no IPv4 endpoints.
func (s *Socket) isSingle() bool {
	s.port.mu.Lock()
	defer s.port.mu.Unlock()
	return s.extra != nil && s.extra.single
}

// firstRefusal puts what is wrong with the socket before what is wrong with the op. Under the lock.
func (s *Socket) firstRefusal(op *Op, err error) error {
	if refusal := s.admit(op); refusal != nil {
		return refusal
	}
	return err
}

// bindToAny gives an IP socket that has none an address, so that LocalEndpoint is one when SendToAsync returns. It
// counts from the first datagram that has left; see rollBack.
func (s *Socket) bindToAny(op *Op) error {
	s.port.mu.Lock()
	bound := s.state.has(stateBound | stateConnected)
	s.port.mu.Unlock()
	if bound || s.family == FamilyUnix || !s.hold() {
		return nil
	}
	defer s.unhold()
	var sa unix.Sockaddr = &unix.SockaddrInet4{}
	if s.family == FamilyIPv6 {
		sa = &unix.SockaddrInet6{}
	}
	if err := unix.Bind(s.fd, sa); err != nil && err != unix.EINVAL {
		return errorOf(SendTo, errno(err))
	}
	op.boundBy = true
	s.port.mu.Lock()
	s.state |= stateBound
	s.port.mu.Unlock()
	return nil
}

// rollBack makes the socket look unbound again when the send that bound it has failed and no other has used the
// address meanwhile.
func (s *Socket) rollBack(op *Op) {
	if op.boundBy && !s.tx.left && s.rx.waiting.head == nil && s.rx.multi == nil {
		s.state &^= stateBound
	}
}

// startDatagram queues one datagram.
func (s *Socket) startDatagram(op *Op) (pending bool) {
	p := s.port
	p.mu.Lock()
	if err := s.admitDatagram(op); err != nil {
		return p.refuse(op, err)
	}
	op.takeFlags()
	op.total, op.phase = op.size(), datagramFirst
	s.tx.queue.push(op)
	return s.accepted()
}

func (s *Socket) admitDatagram(op *Op) error {
	if err := s.admit(op); err != nil {
		return err
	}
	switch {
	case op.SocketFlags.unknown() != 0:
		return errUnknownFlags[op.last]
	case s.state.has(stateShutSend):
		return errorOf(op.last, syscall.EPIPE)
	case op.last == Send && !s.state.has(stateConnected):
		return errorOf(op.last, syscall.EDESTADDRREQ)
	}
	return nil
}

// serveDatagramSends submits the datagrams that are queued: all of them, since datagrams have no order, but for Unix
// sockets, which keep it.
func (s *Socket) serveDatagramSends() bool {
	t := &s.tx
	if t.cancels && !s.cancelDatagrams() {
		return false
	}
	for op := t.queue.head; op != nil; op = t.queue.head {
		if t.inKernel > 0 && (s.family == FamilyUnix || op.last == Disconnect) || t.trying || s.outside != 0 {
			return true
		}
		if op.last == Disconnect {
			return s.serveDisconnect(op)
		}
		if !s.submitDatagram(op) {
			return false
		}
	}
	if t.inKernel == 0 && t.shutdown {
		t.shutdown = false
		s.doOutside(actionShutdown)
	}
	return true
}

// submitDatagram submits the datagram at the front. The last try, of a close, does not wait.
func (s *Socket) submitDatagram(op *Op) bool {
	p, t := s.port, &s.tx
	if op.waiting() && !s.state.has(stateClosing) {
		return s.submitRoom(op)
	}
	var one [1][]byte
	pieces := op.pieces(&one)
	if len(pieces) > uring.MaxVector {
		pieces = [][]byte{op.flatten()}
	}
	message := p.arena.Message(len(pieces))
	if message == nil {
		return false
	}
	sqe := p.ring.NextSQE()
	if sqe == nil {
		return false
	}
	for _, piece := range pieces {
		message.Append(piece)
	}
	if op.last == SendTo {
		message.SetName(op.extra.name)
		if from := &op.extra.source; from.used > 0 {
			message.SetControl(from.control[:from.used])
		}
	}
	flags := uint32(op.flags.msgFlags() | unix.MSG_NOSIGNAL)
	if op.quick || s.family == FamilyUnix || s.state.has(stateClosing) {
		flags |= unix.MSG_DONTWAIT
	}
	t.queue.pop()
	t.inKernel++
	op.phase &^= datagramReceiver // a last try instead of a wait
	sqe.PrepSendMsg(s.fd, message, flags, uint64(p.slots.takeFor(s, op, kindDatagramSend)))
	return true
}

// flatten copies a list that is longer than one message can carry into a single piece.
func (o *Op) flatten() []byte {
	whole := make([]byte, 0, o.total)
	for _, piece := range o.list.snapshot {
		whole = append(whole, piece...)
	}
	return whole
}

// onDatagramSend takes the completion of one datagram.
func (s *Socket) onDatagramSend(c *uring.CQE, tok token, op *Op) {
	p, t := s.port, &s.tx
	p.slots.release(tok)
	t.inKernel--
	if t.queue.head != nil || t.shutdown || s.state.has(stateClosing) {
		p.work.push(s)
	}
	n, errno := int(max(c.Res, 0)), c.Errno()
	waited := op.waiting()
	if waited {
		s.leaveRoom()
		n = 0 // what a poll tells is no count
	}
	switch {
	case op.cancelled, s.state.has(stateClosing) && (errno != 0 || waited):
		p.finishWith(op, s.cancelError(op), n)
	case waited:
		s.roomFound(op)
	case errno == syscall.EAGAIN && !op.quick:
		s.noRoom(op)
	case errno == syscall.EINTR:
		s.putBack(op)
	case errno == 0:
		t.left = true
		op.succeeded(s)
		p.finishWith(op, nil, n)
	default:
		s.rollBack(op)
		p.finishWith(op, errorOf(op.last, errno), n)
	}
}

// cancelDatagrams ends the datagrams whose cancel was asked for.
func (s *Socket) cancelDatagrams() bool {
	t, p := &s.tx, s.port
	if t.inKernel > 0 {
		for i := range p.slots.slots {
			sl := &p.slots.slots[i]
			if sl.kind == kindDatagramSend && sl.socket == s && sl.op.cancelled &&
				!p.cancelRequest(newToken(uint32(i), sl.generation, sl.kind)) {
				return false
			}
		}
	}
	t.cancels = false
	held := 0
	if t.trying || t.queue.head != nil && t.queue.head.disconnecting() {
		held = 1
	}
	cancelled := t.queue.takeCancelled(held)
	s.abortAll(&cancelled)
	if t.inKernel == 0 {
		s.leaveRoom() // it may be connected to the receiver of one that is cancelled
	}
	return true
}

// stopDatagrams cancels every datagram in the kernel, once.
func (s *Socket) stopDatagrams() bool {
	t, p := &s.tx, s.port
	if t.inKernel == 0 || t.stopped {
		return true
	}
	for i := range p.slots.slots {
		sl := &p.slots.slots[i]
		if sl.kind == kindDatagramSend && sl.socket == s &&
			!p.cancelRequest(newToken(uint32(i), sl.generation, sl.kind)) {
			return false
		}
	}
	t.stopped = true
	return true
}

// succeeded notes what an operation that worked tells beyond its count.
func (o *Op) succeeded(s *Socket) {
	if o.last == Connect {
		o.extras().connectSocket = s
	}
}

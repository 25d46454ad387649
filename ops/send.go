package ops

import (
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/uring"
)

// sendSide is the sending half of a stream socket. The first ops of the queue may be in the kernel, as one
// request.
type sendSide struct {
	queue    opQueue
	inKernel int // ops that the request in the kernel gathered
	asked    int // bytes of that request
	token    token
	dontWait bool // that request takes what the socket takes at once
	cancels  bool // some op's cancel was asked for
	stopped  bool // the request was cancelled
	lastTry  bool // the request is that of a closing socket
	trying   bool // a caller's goroutine is sending for the first op
	shutdown bool // Shutdown(Send) waits for the queue to empty
	left     bool // a datagram was sent
	behind   int  // sends with DontWait at the front behind one that a caller's goroutine made, and fell short
}

func (t *sendSide) busy() bool { return t.inKernel > 0 || t.trying }

// SendAsync sends the op's buffer or list on a connected stream socket: all of it, or an error; BytesTransferred
// is exact in both cases. Sends go out in the order of their starts and never interleave; those started in one turn
// go out together, as one request. With DontWait it takes what the socket takes at once.
//
// pending is false when the result is known at once: nothing to send, not connected, or, with
// PortConfig.TrySend, all taken while the port slept. See send(2), Socket.SendAsync of .NET.
func (s *Socket) SendAsync(op *Op) (pending bool) {
	if !op.start(s, Send) {
		return false
	}
	if s.typ == Dgram {
		return s.startDatagram(op)
	}
	return s.startSend(op)
}

// startSend queues a send on a stream socket, or makes it on the spot.
func (s *Socket) startSend(op *Op) (pending bool) {
	p := s.port
	p.mu.Lock()
	if err := s.admitSend(op); err != nil {
		return p.refuse(op, err)
	}
	op.takeFlags()
	op.total = op.size()
	if op.total == 0 && s.tx.queue.head == nil {
		return p.nothingToDo(op) // nothing to send, and nobody to wait for
	}
	s.tx.queue.push(op)
	if p.cfg.TrySend && p.sleeping && s.tx.queue.count == 1 && !s.tx.busy() {
		return s.trySend(op)
	}
	return s.accepted()
}

func (s *Socket) admitSend(op *Op) error {
	if err := s.admit(op); err != nil {
		return err
	}
	switch {
	case op.SocketFlags.unknown() != 0:
		return errUnknownFlags[op.last]
	case !s.state.has(stateConnected):
		return errNotConnected[op.last]
	case s.state.has(stateShutSend):
		return errorOf(op.last, syscall.EPIPE)
	}
	return nil
}

// trySend sends on the caller's goroutine: the port sleeps, and waking it costs more than the send. Under the
// lock, which it releases.
func (s *Socket) trySend(op *Op) (pending bool) {
	p := s.port
	s.tx.trying = true
	s.refs++
	p.stats.InFlight++
	p.stats.TrySends++
	p.mu.Unlock()
	n, errno := op.sendNow(s.fd)
	p.mu.Lock()
	s.tx.trying = false
	s.tx.cancels = s.tx.cancels || op.cancelled // a turn may have looked meanwhile, and left it to this call
	op.bytes += n
	pending = op.cancelled || s.state.has(stateClosing) || !op.tried(errno)
	if !pending {
		s.tx.queue.pop()
		p.stats.InFlight--
		op.setResult(s.sendResult(op, errno), op.bytes)
		if op.bytes < op.total {
			s.tx.behind = s.tx.queue.quickAtFront()
		}
		op.end()
	}
	wake := s.release()
	if pending || s.tx.queue.head != nil || s.tx.shutdown {
		wake = s.enlist() || wake
	}
	p.mu.Unlock()
	p.wake(wake)
	return pending
}

// tried tells whether a send on the caller's goroutine was the end of it.
func (o *Op) tried(errno syscall.Errno) bool {
	return o.bytes == o.total || o.quick || errno != 0 && errno != syscall.EAGAIN
}

// sendResult is the error of a send that ends now.
func (s *Socket) sendResult(op *Op, errno syscall.Errno) error {
	if errno == 0 && op.bytes < op.total {
		errno = syscall.EAGAIN
	}
	if broken(errno) {
		s.state |= stateBroken
	}
	return errorOf(op.last, errno)
}

// serveSends submits what is queued, when the socket's one send is free.
func (s *Socket) serveSends() bool {
	t := &s.tx
	s.failDontWait(&t.behind)
	if t.cancels && !s.cancelSends() {
		return false
	}
	if t.busy() || s.outside != 0 {
		return true
	}
	s.skipEmpty()
	switch op := t.queue.head; {
	case op == nil:
		if t.shutdown {
			t.shutdown = false
			s.doOutside(actionShutdown)
		}
		return true
	case !op.gathers():
		return s.serveAlone(op)
	default:
		return s.submitSends(op.quick)
	}
}

// gathers tells whether an op is bytes to send, that go out together with others.
func (o *Op) gathers() bool { return o.last != Disconnect && o.last != SendPackets }

// serveAlone takes an op one step further that is a sequence of its own.
func (s *Socket) serveAlone(op *Op) bool {
	if op.last == Disconnect || op.asDisconnect {
		return s.serveDisconnect(op)
	}
	return s.servePackets(op)
}

// skipEmpty completes sends of nothing that have got to the front.
func (s *Socket) skipEmpty() {
	t := &s.tx
	for op := t.queue.head; op != nil && op.gathers() && op.bytes == op.total; op = t.queue.head {
		t.queue.pop()
		op.succeeded(s)
		s.port.finished(op)
	}
}

// submitSends gathers the ops at the front that go together into one request.
func (s *Socket) submitSends(dontWait bool) bool {
	t, p := &s.tx, s.port
	count, pieces := t.gather()
	var message *uring.Message
	if pieces > 1 {
		if message = p.arena.Message(pieces); message == nil {
			return false
		}
	}
	sqe := p.ring.NextSQE()
	if sqe == nil {
		return false
	}
	t.inKernel, t.dontWait = count, dontWait
	t.token = p.slots.take(s, kindSend)
	flags := uint32(t.queue.head.flags.msgFlags() | unix.MSG_NOSIGNAL)
	if dontWait {
		flags |= unix.MSG_DONTWAIT
	} else {
		flags |= unix.MSG_WAITALL
	}
	if message == nil {
		rest := t.queue.head.rest()
		t.asked = len(rest)
		sqe.PrepSend(s.fd, rest, flags, uint64(t.token))
		return true
	}
	t.asked = 0
	op := t.queue.head
	for range count {
		n, bytes := op.appendRest(message, pieces)
		pieces -= n
		t.asked += bytes
		op = op.next
	}
	sqe.PrepSendMsg(s.fd, message, flags, uint64(t.token))
	return true
}

// gather counts the ops at the front that one request can carry, and the pieces of memory that they have. The
// last op may have more pieces than fit: the rest follows with the next request.
func (t *sendSide) gather() (count, pieces int) {
	first := t.queue.head
	for op := first; op != nil; op = op.next {
		if !op.gathers() || op.quick != first.quick || op.flags != first.flags || count > 0 && op.flags != 0 {
			break
		}
		n := op.restPieces()
		if count > 0 && pieces+n > uring.MaxVector {
			break
		}
		count++
		pieces = min(pieces+n, uring.MaxVector)
	}
	return count, pieces
}

// onSend takes the completion of the socket's send and shares its bytes out over the ops that it gathered.
func (s *Socket) onSend(c *uring.CQE, tok token) {
	t, p := &s.tx, s.port
	p.slots.release(tok)
	count, dontWait, stopped := t.inKernel, t.dontWait, t.stopped
	t.inKernel, t.token, t.stopped = 0, 0, false
	t.cancels = t.cancels || stopped // for ops that were gathered behind one that failed
	sent := int(max(c.Res, 0))
	left := s.shareOut(count, sent)
	t.lastTry = false
	errno := c.Errno()
	if errno == syscall.EINTR || errno == syscall.ECANCELED || errno == syscall.EAGAIN && !dontWait {
		errno = 0 // the request ended without a verdict on the connection
	}
	switch {
	case left == 0:
	case errno != 0 && errno != syscall.EAGAIN:
		op := t.queue.pop()
		s.endSend(op, s.sendResult(op, errno))
	case sent == t.asked: // the last op has more pieces of memory than a request
	case dontWait:
		p.stats.ShortSends++
		all := t.queue.quickAtFront()
		s.failDontWait(&all)
		if s.ending() {
			s.state |= stateTriedLast
		}
	case stopped && s.ending():
		s.state |= stateTriedLast // what was cancelled on its way is not tried again
	case stopped:
		s.endCancelledSends(left)
	default:
		p.stats.ShortSends++ // the rest goes out with the next flush
	}
	if t.queue.head != nil || t.shutdown || s.state.has(stateClosing) {
		p.work.push(s)
	}
}

// shareOut completes the ops that n bytes cover, in order, and returns how many of count are left.
func (s *Socket) shareOut(count, n int) (left int) {
	t := &s.tx
	for left = count; left > 0; left-- {
		op := t.queue.head
		m := min(n, op.total-op.bytes)
		op.bytes += m
		n -= m
		if op.bytes < op.total {
			break
		}
		t.queue.pop()
		if op.cancelled || s.ending() && !t.lastTry {
			s.endSend(op, s.cancelError(op))
			continue
		}
		op.succeeded(s)
		s.endSend(op, nil)
	}
	return left
}

func (s *Socket) endSend(op *Op, err error) { s.port.finishWith(op, err, op.bytes) }

// failDontWait ends so many sends with DontWait at the front: the socket is full, and none of them may overtake the
// bytes of the one that stopped short.
func (s *Socket) failDontWait(count *int) {
	for ; *count > 0; *count-- {
		op := s.tx.queue.pop()
		err := s.sendResult(op, 0)
		if op.cancelled {
			err = s.cancelError(op)
		}
		s.endSend(op, err)
	}
}

// endCancelledSends aborts those of the first count ops whose cancel was asked for; the others are sent again.
func (s *Socket) endCancelledSends(count int) {
	var kept opQueue
	for range count {
		op := s.tx.queue.pop()
		if op.cancelled {
			s.endSend(op, s.cancelError(op))
		} else {
			kept.push(op)
		}
	}
	s.tx.queue.prepend(&kept)
}

// cancelSends ends the sends whose cancel was asked for: at once where the kernel does not hold them.
func (s *Socket) cancelSends() bool {
	t := &s.tx
	held := t.inKernel
	if t.trying || t.queue.head != nil && t.queue.head.disconnecting() {
		held = 1
	}
	if t.inKernel > 0 && t.queue.cancelledAmong(t.inKernel) && !s.stopSend() {
		return false
	}
	t.cancels = false
	cancelled := t.queue.takeCancelled(held)
	for op := cancelled.pop(); op != nil; op = cancelled.pop() {
		s.leavePackets(op)
		s.abort(op, op.bytes)
	}
	return true
}

// stopSend cancels the request in the kernel, once.
func (s *Socket) stopSend() bool {
	t := &s.tx
	if t.inKernel == 0 || t.stopped {
		return true
	}
	t.stopped = s.port.cancelRequest(t.token)
	return t.stopped
}

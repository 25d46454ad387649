package ops

import (
	"strconv"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/uring"
)

// receiveSide is the receiving half of a stream socket.
type receiveSide struct {
	waiting   opQueue    // ops that asked, in their order
	multi     *Op        // the Multishot op in front of them
	ahead     *readAhead // nil until the first data that nobody waited for
	token     token      // of the armed request
	hangup    token      // of the poll for the peer's end, beside a multishot receive that may not see it
	armed     arming
	asked     bool // a first receive was started: read-ahead may begin
	cancels   bool // some op's cancel was asked for
	holdsHead bool // the armed request is that of the first op that waits
	stopped   bool // the armed request was cancelled
	starved   bool // waits for a buffer
	unwatched bool // the poll was cancelled
	hungUp    bool // the poll has found the peer's end
	emptied   bool // the last receive has left nothing in the socket, as far as the kernel tells
	eof       bool
	renewing  bool          // a disconnect is about to put another file under the socket's number
	fail      syscall.Errno // to be given to the next op, once
	due       atomic.Int32  // ops that have their data, but whose handlers are still to run
	limit     atomic.Int32  // see SetMultishotLimit
}

// arming is what kind of receive the kernel has.
type arming uint8

const (
	unarmed     arming = iota
	armedMulti         // multishot, into the port's buffers
	armedSelect        // one shot, into one of the port's buffers
	armedOwn           // one shot, into the memory of the first op
	armedPoll          // one poll, for an op that wants no bytes
)

func (r *receiveSide) has(op *Op) bool { return r.multi == op || r.waiting.has(op) }

// SetMultishotLimit says after how many bytes, up to 1073741824, the kernel gives no more to a Multishot receive until
// the port arms it anew at the end of its turn; 0, as on a fresh socket: there is no limit. So a handler that stops the
// receive, since it has enough, gets at most as many bytes more. It concerns the receive from the next time that it is
// armed on. Returns an error that matches ErrArgument when n is out of range.
//
// Kernel: the limit needs 6.18 (uring.Features.ReceiveLimit), and is ignored before.
func (s *Socket) SetMultishotLimit(n int) error {
	if n < 0 || n > maxMultishotLimit {
		return argumentError(Receive, "the limit of Multishot is "+strconv.Itoa(n)+", want 0..1073741824")
	}
	s.rx.limit.Store(int32(n))
	return nil
}

const maxMultishotLimit = 1 << 30

// ReceiveAsync receives what is there, at least one byte, into the op's buffer or list, or into a buffer that the
// kernel picks when the op has neither. It is the end of the stream when it succeeds with 0 bytes. A buffer of
// length zero waits for data, the end or an error, and consumes nothing. With Peek, nothing is consumed either.
//
// pending is false when data had arrived already; the result is in op then, and Completed does not run. See
// recv(2), io_uring_prep_recv_multishot(3), Socket.ReceiveAsync of .NET.
func (s *Socket) ReceiveAsync(op *Op) (pending bool) {
	if !op.start(s, Receive) {
		return false
	}
	if s.typ == Dgram {
		return s.receiveDatagram(op)
	}
	p := s.port
	p.mu.Lock()
	if err := s.admitReceive(op); err != nil {
		return p.refuse(op, err)
	}
	return s.startReceive(op)
}

// startReceive serves a receive on a stream socket, or queues it. Under the lock, which it releases.
func (s *Socket) startReceive(op *Op) (pending bool) {
	if op.SocketFlags&OutOfBand != 0 {
		return s.startUrgent(op)
	}
	op.takeFlags()
	s.rx.asked = s.rx.asked || !op.multi
	if s.receivesAtOnce(op) {
		return s.receiveAtOnce(op)
	}
	s.rx.waiting.push(op)
	return s.accepted()
}

// receiveAtOnce ends a start with what has arrived. Under the lock, which it releases.
func (s *Socket) receiveAtOnce(op *Op) (pending bool) {
	p := s.port
	s.deliver(op)
	wake := p.starved.head != nil && p.kick() // for a buffer that was copied out and given back
	if pending = !op.endOpen(); pending {     // closed meanwhile: its handler is the last to see a buffer of the port's
		op.due = true
		s.rx.due.Add(1)
		p.deferred.push(op)
		wake = p.kick() || wake
	}
	if s.rx.wantsMore(p.cfg.ReadAhead) {
		wake = s.enlist() || wake
	}
	p.mu.Unlock()
	p.wake(wake)
	return pending
}

var (
	errNotConnected    = refusals(notConnected, "")
	errMultishotBuffer = argumentError(Receive, "Multishot receives into the port's buffers; clear the op's own with nil")
	errMultishotPeek   = argumentError(Receive, "Peek does not go with Multishot")
	errPeekBuffer      = argumentError(Receive, "Peek needs a buffer of the op's own")
	errNotBound        = refusals(stateError, "the socket is not bound; call Bind or SendToAsync first")
	errUnknownFlags    = refusals(unsupportedError, "SocketFlags has a flag that ringport does not know")
)

func notConnected(operation Operation, _ string) error { return errorOf(operation, syscall.ENOTCONN) }

func (s *Socket) admitReceive(op *Op) error {
	if err := s.admit(op); err != nil {
		return err
	}
	switch {
	case op.SocketFlags.unknown() != 0:
		return errUnknownFlags[op.last]
	case s.typ == Dgram && !s.state.has(stateBound|stateConnected):
		return errNotBound[op.last]
	case s.typ == Stream && (!s.state.has(stateConnected) || s.rx.renewing):
		return errNotConnected[op.last]
	case op.Multishot && op.ownsMemory():
		return errMultishotBuffer
	case op.Multishot && op.SocketFlags&Peek != 0:
		return errMultishotPeek
	case op.SocketFlags&Peek != 0 && !op.ownsMemory():
		return errPeekBuffer
	case op.SocketFlags&OutOfBand != 0 && (op.buffer == nil || op.Multishot):
		return errUrgentBuffer
	}
	return nil
}

// receivesAtOnce tells whether a start can be served from what has arrived, without overtaking anybody.
func (s *Socket) receivesAtOnce(op *Op) bool {
	r := &s.rx
	return !op.multi && r.multi == nil && r.waiting.head == nil && r.due.Load() == 0 && r.hasResult() &&
		s.port.withinBudget()
}

// wantsMore tells whether consuming has made room for read-ahead to go on.
func (r *receiveSide) wantsMore(limit int) bool {
	return limit > 0 && r.armed == unarmed && !r.eof && !r.starved && r.fail == 0 && r.ahead.resumes(limit)
}

// hasResult tells whether a receive could be served without the kernel.
func (r *receiveSide) hasResult() bool { return r.ahead.count() > 0 || r.eof || r.fail != 0 }

// serveReceives gives what has arrived to the ops that wait, and arms the receive that is wanted.
func (s *Socket) serveReceives() bool {
	r := &s.rx
	if r.cancels && !s.cancelReceives() {
		return false
	}
	s.advanceReceives()
	if r.armed != unarmed {
		return s.leaveMultishot() && s.curbReadAhead()
	}
	if r.starved || r.eof || r.fail != 0 {
		return true
	}
	return s.arm()
}

// advanceReceives completes waiting ops from what has arrived.
func (s *Socket) advanceReceives() {
	r := &s.rx
	for {
		if r.multi == nil && !r.holdsHead && r.waiting.head != nil && r.waiting.head.multi {
			r.multi = r.waiting.pop()
		}
		if !r.hasResult() {
			return
		}
		if r.multi != nil && r.multi.told { // the socket is served again within one flush
			s.port.later = append(s.port.later, s)
			return
		}
		if r.multi != nil {
			if s.deliverMulti(false); r.multi != nil {
				return
			}
			continue // it has ended: the ops behind it learn why, too
		}
		if r.holdsHead || r.waiting.head == nil {
			return
		}
		s.deliverHead()
	}
}

// deliverHead completes the first op that waits.
func (s *Socket) deliverHead() {
	op := s.rx.waiting.pop()
	s.deliver(op)
	if op.cancelled {
		op.fail, _ = abortedError(Receive).(*Error)
	}
	op.due = true
	s.rx.due.Add(1)
	s.port.finished(op)
}

// deliver writes what a receive got into its op: data, the error that ended the stream, or its end.
func (s *Socket) deliver(op *Op) {
	r := &s.rx
	switch {
	case r.ahead.count() > 0:
		s.port.mute()
		op.setResult(nil, r.ahead.give(op))
		s.port.unmute()
	case r.fail != 0:
		op.setResult(errorOf(Receive, r.fail), 0)
		if !op.wantsNothing() {
			r.fail = 0 // the kernel, asked again, tells what the connection is now
		}
	default:
		op.setResult(nil, 0)
	}
}

// deliverMulti gives the next piece of data, or the end, to the Multishot op. last says that its cancel is done and
// this is its last completion.
func (s *Socket) deliverMulti(last bool) {
	r, p := &s.rx, s.port
	op := r.multi
	ended := r.ahead.count() == 0
	s.deliver(op)
	if !ended && !last {
		op.more, op.told = true, true
		p.ready.push(op)
		if r.hasResult() {
			p.later = append(p.later, s) // an op completes once at a time
		}
		return
	}
	r.multi = nil
	if op.cancelled {
		op.fail, _ = abortedError(Receive).(*Error)
	}
	p.finished(op)
}

// deliverFresh gives the Multishot op what has just arrived, with nothing before it.
func (s *Socket) deliverFresh(b bufring.Buffer) {
	op := s.rx.multi
	op.setData(b)
	op.setResult(nil, b.Len())
	op.more, op.told = true, true
	s.port.ready.push(op)
}

// arm submits the receive that is wanted now, if any.
func (s *Socket) arm() bool {
	r, p := &s.rx, s.port
	op := r.waiting.head
	switch {
	case r.multi != nil:
		return s.armMulti(int(r.limit.Load()))
	case p.cfg.ReadAhead > 0:
		room := p.cfg.ReadAhead - r.ahead.size()
		if !r.asked || op == nil && !r.ahead.resumes(p.cfg.ReadAhead) {
			return true
		}
		return s.armMulti(max(room, 1))
	case op != nil:
		return s.armOnce(op)
	}
	return true
}

// armMulti arms a receive into the port's buffers that ends by itself after limit bytes (0: never), where the
// kernel can do that. A kernel without multishot receives, and a socket whose peer has hung up, get one shot after the
// other.
func (s *Socket) armMulti(limit int) bool {
	r, p := &s.rx, s.port
	f := &p.features
	multishot := f.MultishotReceive && !r.hungUp
	if multishot && !s.watchHangup() {
		return false
	}
	sqe := p.ring.NextSQE()
	if sqe == nil {
		return false
	}
	r.token = p.slots.take(s, kindReceive)
	if !multishot {
		r.armed = armedSelect
		sqe.PrepRecvSelect(s.fd, p.group.ID(), 0, uint64(r.token))
		if r.emptied {
			sqe.PollFirst()
		}
		return true
	}
	r.armed = armedMulti
	if !f.ReceiveLimit {
		limit = 0
	}
	sqe.PrepRecvMultishot(s.fd, p.group.ID(), uint32(limit), uint64(r.token))
	return true
}

// armOnce submits the receive of one op, without read-ahead.
func (s *Socket) armOnce(op *Op) bool {
	p := s.port
	sqe := p.ring.NextSQE()
	if sqe == nil {
		return false
	}
	r := &s.rx
	r.token = p.slots.take(s, kindReceive)
	r.holdsHead = true
	flags := uint32(op.flags.msgFlags())
	switch {
	case op.wantsNothing():
		r.armed = armedPoll
		sqe.PrepPoll(s.fd, unix.POLLIN|unix.POLLRDHUP, uint64(r.token))
	case op.list != nil:
		r.armed = armedOwn
		sqe.PrepRecvMsg(s.fd, op.receiveMessage(), flags, uint64(r.token))
	case op.ownsMemory():
		r.armed = armedOwn
		sqe.PrepRecv(s.fd, op.buffer, flags, uint64(r.token))
	default:
		r.armed = armedSelect
		sqe.PrepRecvSelect(s.fd, p.group.ID(), flags, uint64(r.token))
	}
	return true
}

// cancelReceives ends the ops whose cancel was asked for: at once where the kernel does not hold them.
func (s *Socket) cancelReceives() bool {
	r := &s.rx
	held := 0
	if r.holdsHead {
		held = 1
	}
	inKernel := held == 1 && r.waiting.head.cancelled || r.multi != nil && r.multi.cancelled && r.armed != unarmed
	if inKernel && !s.stopReceive() {
		return false
	}
	r.cancels = false
	if r.multi != nil && r.multi.cancelled && r.armed == unarmed {
		s.abort(r.multi, 0)
		r.multi = nil
	}
	cancelled := r.waiting.takeCancelled(held)
	s.abortAll(&cancelled)
	s.yieldBuffers()
	return true
}

// stopReceive cancels the armed request, once.
func (s *Socket) stopReceive() bool {
	r := &s.rx
	if r.armed == unarmed || r.stopped {
		return true
	}
	r.stopped = s.port.cancelRequest(r.token)
	return r.stopped
}

// yieldBuffers lets those have the scarce buffers who asked for data: a socket of which nobody does reads ahead again
// from the next receive on, and an op that receives into its own memory waits for none.
func (s *Socket) yieldBuffers() {
	r := &s.rx
	switch first := r.waiting.head; {
	case !r.starved || r.multi != nil:
	case first == nil:
		r.asked = false
		s.leaveStarved()
	case first.ownsMemory() && (s.typ == Dgram || s.port.cfg.ReadAhead <= 0):
		s.leaveStarved()
	}
}

func (s *Socket) leaveStarved() {
	if s.rx.starved {
		s.rx.starved = false
		s.port.starved.remove(s)
	}
}

// curbReadAhead stops an armed receive that nobody asks for any more, once enough has arrived.
func (s *Socket) curbReadAhead() bool {
	r := &s.rx
	if r.armed != armedMulti || r.multi != nil || r.waiting.head != nil || !r.ahead.full(s.port.cfg.ReadAhead) {
		return true
	}
	return s.stopReceive()
}

// onReceive takes a completion of the armed receive.
func (s *Socket) onReceive(c *uring.CQE, tok token) {
	r, p := &s.rx, s.port
	armed, more := r.armed, c.More()
	r.emptied = c.Res > 0 && !c.NonEmpty()
	if !more {
		p.slots.release(tok)
		r.armed, r.token = unarmed, 0
	}
	if id, leased := c.Buffer(); leased {
		s.arrived(p.group.Lease(id, int(max(c.Res, 0))), more)
	} else if r.holdsHead && (c.Res > 0 || armed == armedPoll && c.Res >= 0) {
		s.completeOwn(int(c.Res), armed)
	}
	if !more {
		s.receiveEnded(c, armed)
	}
	if !more || r.waiting.head != nil && r.hasResult() || r.ahead.full(p.cfg.ReadAhead) {
		p.work.push(s)
	}
}

// arrived takes data in a leased buffer: to the op that waits for it, or to the read-ahead.
func (s *Socket) arrived(b bufring.Buffer, more bool) {
	r := &s.rx
	if b.Len() == 0 || s.state.has(stateClosing) {
		if b.Len() > 0 {
			s.state |= stateAbort // data that was never delivered
		}
		s.port.giveBack(b)
		return
	}
	first := r.ahead.count() == 0
	if first && r.multi != nil && !r.multi.cancelled {
		s.deliverFresh(b)
		return
	}
	if r.ahead == nil {
		r.ahead = new(readAhead)
	}
	r.ahead.push(b)
	r.holdsHead = r.holdsHead && more
	switch {
	case !first: // what waits is served from the front, by the next flush
	case r.multi != nil:
		s.deliverMulti(!more)
	case r.waiting.head != nil && !r.waiting.head.multi:
		s.deliverHead()
	}
}

// completeOwn ends the op whose own memory was received into, or that waited for data without wanting any.
func (s *Socket) completeOwn(n int, armed arming) {
	op := s.rx.waiting.pop()
	s.rx.holdsHead = false
	if armed == armedPoll {
		n = 0
	}
	op.showOwn(n)
	if op.cancelled || s.state.has(stateClosing) {
		s.abort(op, n)
		return
	}
	s.port.finishWith(op, nil, n)
}

// receiveEnded looks at why a receive ended, once its data is delivered.
func (s *Socket) receiveEnded(c *uring.CQE, armed arming) {
	r, p := &s.rx, s.port
	stopped := r.stopped
	r.stopped = false
	switch errno := c.Errno(); {
	case errno == 0 && c.Res == 0 && armed != armedPoll:
		r.eof = true
	case errno == 0, errno == syscall.EAGAIN, errno == syscall.EINTR && !stopped:
		// It met its limit, its one shot, or a full completion queue: armed again if somebody wants it.
	case errno == syscall.ENOBUFS:
		p.stats.NoBuffers++
		if !s.state.has(stateClosing) {
			r.starved = true
			p.starved.push(s)
			p.group.SetStarved(true)
		}
	case errno == syscall.ECANCELED, errno == syscall.EINTR:
	default:
		r.fail = errno
		if broken(errno) {
			s.state |= stateBroken
		}
	}
	if r.multi != nil && r.multi.cancelled {
		s.abort(r.multi, 0)
		r.multi = nil
	}
	if r.holdsHead {
		r.holdsHead = false
		if r.waiting.head.cancelled {
			s.abort(r.waiting.pop(), 0)
		}
	}
	s.yieldBuffers()
}

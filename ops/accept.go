package ops

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/uring"
)

// maxSingleAccepts is how many one-shot accepts of one listener the kernel has at most: enough to take a burst in
// one enter.
const maxSingleAccepts = 32

// The pause of a listener for which there was no descriptor, doubled each time.
const (
	firstAcceptPause = 10 * time.Millisecond
	lastAcceptPause  = 100 * time.Millisecond
)

// acceptSide is what a listener has beyond a socket.
type acceptSide struct {
	backlog, ahead int
	waiting        opQueue   // ops that asked, in their order
	multi          *Op       // the Multishot op in front of them
	queue          []*Socket // accepted before anybody asked, oldest first
	asked          bool      // a first accept was started: accept-ahead may begin
	cancels        bool      // some op's cancel was asked for

	armedMulti bool
	stopped    bool // the multishot accept was cancelled
	token      token
	single     [maxSingleAccepts]token // one-shot accepts in the kernel; 0: free
	singles    int
	stopping   int // of these, cancelled

	paused bool // no descriptor was free
	pause  time.Duration
	timer  *Timer
	fail   syscall.Errno // the listener is broken: every accept gets it
}

func newAcceptSide(cfg ListenConfig) *acceptSide {
	return &acceptSide{backlog: cfg.Backlog, ahead: cfg.AcceptAhead}
}

func (a *acceptSide) has(op *Op) bool { return a.multi == op || a.waiting.has(op) }

// room is how many connections may be accepted now beyond those that were.
func (a *acceptSide) room() int {
	if a.multi != nil {
		return int(^uint(0) >> 1)
	}
	if !a.asked {
		return 0
	}
	return a.ahead + a.waiting.count - len(a.queue)
}

// AcceptAsync accepts a connection of a listening socket: op.AcceptSocket is it. It belongs to the same port. With
// Multishot the op stays armed and completes once for each connection.
//
// pending is false when a connection had been accepted already; the result is in op then, and Completed does not
// run. A lack of descriptors is waited out, not reported. See accept(2), Socket.AcceptAsync of .NET.
func (s *Socket) AcceptAsync(op *Op) (pending bool) {
	if !op.start(s, Accept) {
		return false
	}
	p := s.port
	reserveErr := op.reserveTarget(s)
	p.mu.Lock()
	err := s.admitAccept(op)
	if err == nil {
		err = reserveErr
	}
	if err != nil {
		return s.refuseAccept(op, err)
	}
	op.takeFlags()
	a := s.acc
	a.asked = true
	if len(a.queue) > 0 && !op.multi && a.multi == nil && a.waiting.head == nil && p.withinBudget() {
		a.give(op)
		wake := !a.armedMulti && s.enlist()
		p.mu.Unlock()
		p.wake(wake)
		if op.fills() {
			op.settleTarget()
		}
		op.end()
		return false
	}
	a.waiting.push(op)
	return s.accepted()
}

var (
	errNotListening = stateError(Accept, "the socket does not listen; bind it and call Listen first")
	errAcceptSocket = stateError(Accept, "AcceptSocket is set to a socket in use; set it to nil before each accept")
	errAcceptBuffer = unsupportedError(Accept, "receiving with the accept is not supported; clear the op's buffer with nil")
	errAcceptList   = argumentError(Accept, "a buffer list does not go with an accept; clear it with nil")
)

func (s *Socket) admitAccept(op *Op) error {
	if err := s.admit(op); err != nil {
		return err
	}
	switch {
	case op.list != nil:
		return errAcceptList
	case s.acc == nil:
		return errNotListening
	case op.buffer != nil:
		return errAcceptBuffer
	case s.acc.fail != 0:
		return errorOf(Accept, s.acc.fail)
	}
	return nil
}

// give hands the oldest connection that was accepted ahead to an op.
func (a *acceptSide) give(op *Op) {
	if op.fills() {
		op.extra.accepted = a.take()
		return
	}
	op.AcceptSocket = a.take()
}

// take gives the oldest connection that was accepted ahead.
func (a *acceptSide) take() *Socket {
	s := a.queue[0]
	a.queue[0] = nil
	a.queue = a.queue[1:]
	return s
}

// serveAccepts gives accepted connections to the ops that wait, and has the kernel accept as many as there is
// room for.
func (s *Socket) serveAccepts() bool {
	a := s.acc
	if a.cancels && !s.cancelAccepts() {
		return false
	}
	s.advanceAccepts()
	switch {
	case a.fail != 0:
		return true
	case a.paused:
		return s.stopSingleAccepts()
	}
	room := a.room()
	if a.pause > 0 {
		room = min(room, 1) // the last try found no descriptor: one is enough to ask again
	}
	if room > a.backlog {
		return s.armMultiAccept()
	}
	if a.armedMulti {
		return s.stopMultiAccept() // its end brings the socket back here
	}
	return s.armSingleAccepts(room)
}

// advanceAccepts completes waiting ops from what was accepted.
func (s *Socket) advanceAccepts() {
	a, p := s.acc, s.port
	for {
		if a.multi == nil && a.waiting.head != nil && a.waiting.head.multi {
			a.multi = a.waiting.pop()
		}
		switch {
		case a.fail != 0 && a.multi != nil:
			multi := a.multi
			a.multi = nil
			p.finishWith(multi, errorOf(Accept, a.fail), 0)
		case a.fail != 0 && a.waiting.head != nil:
			p.finishWith(a.waiting.pop(), errorOf(Accept, a.fail), 0)
		case len(a.queue) == 0:
			return
		case a.multi != nil:
			s.deliverMultiAccept()
			if len(a.queue) > 0 {
				p.later = append(p.later, s) // an op completes once at a time
			}
			return
		case a.waiting.head != nil:
			op := a.waiting.pop()
			a.give(op)
			p.finished(op)
		default:
			return
		}
	}
}

func (s *Socket) deliverMultiAccept() {
	op := s.acc.multi
	op.setResult(nil, 0)
	op.AcceptSocket = s.acc.take()
	op.more = true
	s.port.ready.push(op)
}

// armMultiAccept arms one accept for any number of connections. It takes the whole backlog in one enter, so it
// is used only while there is room for that.
func (s *Socket) armMultiAccept() bool {
	a, p := s.acc, s.port
	if a.armedMulti || a.singles > 0 {
		return a.armedMulti || s.stopSingleAccepts()
	}
	sqe := p.ring.NextSQE()
	if sqe == nil {
		return false
	}
	a.armedMulti = true
	a.token = p.slots.take(s, kindAccept)
	sqe.PrepAcceptMultishot(s.fd, unix.SOCK_CLOEXEC, uint64(a.token))
	return true
}

// stopMultiAccept cancels the multishot accept, once.
func (s *Socket) stopMultiAccept() bool {
	a := s.acc
	if a.armedMulti && !a.stopped {
		a.stopped = s.port.cancelRequest(a.token)
		return a.stopped
	}
	return true
}

// armSingleAccepts has the kernel accept exactly as many connections as there is room for.
//
// Kernel: a connection wakes one of the accepts that wait for it. Whichever ends without taking it, cancelled or for
// want of a descriptor, leaves it in the backlog, where the others do not look. So when one has to go they all go, and
// fresh ones, which look at the backlog first, take their place.
func (s *Socket) armSingleAccepts(room int) bool {
	a, p := s.acc, s.port
	room = max(min(room, maxSingleAccepts), 0)
	if a.singles > room || a.stopping > 0 {
		return s.stopSingleAccepts() // their ends bring the socket back here
	}
	for i := range a.single {
		if a.singles >= room {
			break
		}
		if a.single[i] != 0 {
			continue
		}
		sqe := p.ring.NextSQE()
		if sqe == nil {
			return false
		}
		a.single[i] = p.slots.take(s, kindAccept)
		a.singles++
		sqe.PrepAccept(s.fd, unix.SOCK_CLOEXEC, uint64(a.single[i]))
	}
	return true
}

// stopMark marks the token of an accept that was cancelled, in a bit that slots never reach.
const stopMark token = 1 << 63

// stopSingleAccepts cancels every one-shot accept, once.
func (s *Socket) stopSingleAccepts() bool {
	a := s.acc
	for i := range a.single {
		if a.single[i] == 0 || a.single[i]&stopMark != 0 {
			continue
		}
		if !s.port.cancelRequest(a.single[i]) {
			return false
		}
		a.single[i] |= stopMark
		a.stopping++
	}
	return true
}

// cancelAccepts ends the ops whose cancel was asked for. None of them is tied to a request of the kernel.
func (s *Socket) cancelAccepts() bool {
	a := s.acc
	a.cancels = false
	if a.multi != nil && a.multi.cancelled {
		multi := a.multi
		a.multi = nil
		s.abort(multi, 0)
	}
	cancelled := a.waiting.takeCancelled(0)
	s.abortAll(&cancelled)
	return true
}

// onAccept takes the completion of an accept.
func (s *Socket) onAccept(c *uring.CQE, tok token) {
	a, p := s.acc, s.port
	if !c.More() {
		p.slots.release(tok)
		s.acceptEnded(tok)
		p.work.push(s)
	}
	if c.Res >= 0 {
		s.connectionArrived(int(c.Res))
		return
	}
	switch errno := c.Errno(); errno {
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM:
		p.stats.NoDescriptors++
		s.pauseAccepts()
	case syscall.EBADF, syscall.EINVAL, syscall.ENOTSOCK, syscall.EOPNOTSUPP, syscall.EACCES, syscall.EFAULT:
		a.fail = errno // this listener accepts no more
	case syscall.ECANCELED, syscall.EINTR, syscall.EAGAIN:
	default:
		// ECONNABORTED, EPROTO and network errors are those of a connection that is gone already (accept(2),
		// "Error handling"): the next one may be well.
		p.stats.AcceptErrors++
	}
}

// acceptEnded forgets a request of the kernel.
func (s *Socket) acceptEnded(tok token) {
	a := s.acc
	if a.armedMulti && tok == a.token {
		a.armedMulti, a.stopped, a.token = false, false, 0
		return
	}
	for i := range a.single {
		if a.single[i]&^stopMark == tok {
			if a.single[i]&stopMark != 0 {
				a.stopping--
			}
			a.single[i] = 0
			a.singles--
			return
		}
	}
}

// connectionArrived takes an accepted descriptor to the op that waits for it, or queues it.
func (s *Socket) connectionArrived(fd int) {
	a, p := s.acc, s.port
	p.stats.Accepts++
	a.pause = 0
	if s.state.has(stateClosing) {
		p.orphans = append(p.orphans, fd)
		return
	}
	a.queue = append(a.queue, p.newSocket(fd, s.family, Stream, stateBound|stateConnected))
	switch {
	case len(a.queue) > 1: // others wait before it; the next flush serves them in order
	case a.multi != nil:
		s.deliverMultiAccept()
	case a.waiting.head != nil && !a.waiting.head.multi:
		op := a.waiting.pop()
		a.give(op)
		p.finished(op)
	}
	if a.multi == nil {
		p.work.push(s) // the room has changed
	}
}

// pauseAccepts waits until a descriptor is closed on this port, or a while: nothing tells when one is closed
// elsewhere in the system.
func (s *Socket) pauseAccepts() {
	a, p := s.acc, s.port
	if a.paused || s.state.has(stateClosing) {
		return
	}
	a.paused = true
	p.blocked.push(s)
	a.pause = min(max(2*a.pause, firstAcceptPause), lastAcceptPause)
	if a.timer == nil {
		a.timer = p.newTimer(s.resumeAccepts)
	}
	a.timer.reset(a.pause)
}

// resumeAccepts runs on the port when the pause is over.
func (s *Socket) resumeAccepts() {
	s.port.mu.Lock()
	s.unpauseAccepts()
	s.port.mu.Unlock()
}

// unpauseAccepts lets a listener try again. Under the lock.
func (s *Socket) unpauseAccepts() {
	if !s.acc.paused {
		return
	}
	s.acc.paused = false
	s.acc.timer.stop()
	s.port.blocked.remove(s)
	s.port.work.push(s)
}

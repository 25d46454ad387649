package ops

import (
	"golang.org/x/sys/unix"
)

// Close ends the socket. Sends that were not submitted yet are tried once, without waiting; ops in flight complete
// with OperationAborted, on the port's goroutine; the descriptor is closed after their last completion. Close does
// not wait for that, is idempotent and returns nil. The file that a listener has made is gone when it returns; any other
// address is in use until the descriptor is closed, for which Port.Listen and Bind wait.
//
// The peer sees a reset when an operation of the user's was cancelled and Shutdown was not called before, or when
// data that had arrived was never delivered; otherwise the end of the stream. Linux itself sends a reset, and
// throws away what is queued for the peer, when unread data is in the kernel or arrives later: read until the end
// of the stream before closing where that matters.
func (s *Socket) Close() error {
	p := s.port
	p.mu.Lock()
	wake := false
	var path *unixPath
	if !s.state.has(stateClosing | stateClosed) {
		s.state |= stateClosing
		path = s.takePath()
		wake = s.enlist()
	}
	p.mu.Unlock()
	p.wake(wake)
	if path != nil {
		s.unlink(path)
	}
	return nil
}

// closeSockets closes every socket of a closing port. Under the lock.
func (p *Port) closeSockets() {
	for s := p.sockets.head; s != nil; s = s.next {
		if !s.state.has(stateClosing | stateClosed) {
			s.state |= stateClosing
			p.work.push(s)
		}
	}
}

// serveClose takes a closing socket one step further: cancel, wait, close. It is called again with each of its
// completions.
func (s *Socket) serveClose() bool {
	if s.unlinking() {
		return true // its end brings the socket back here
	}
	if s.lingers() {
		return (!s.rx.cancels || s.cancelReceives()) && s.serveSends()
	}
	if s.acc != nil && !s.closeAccepts() {
		return false
	}
	if s.extra != nil && !s.closeExtra() {
		return false
	}
	if !s.closeReceives() || !s.closeSends() {
		return false
	}
	if s.busy() || s.closeToken != 0 {
		return true
	}
	return s.closeDescriptor()
}

// busy tells whether somebody still uses the descriptor.
func (s *Socket) busy() bool { return s.rx.hangup != 0 || s.works() }

// works tells whether somebody uses the descriptor for more than to see the peer's end.
func (s *Socket) works() bool {
	accepting := s.acc != nil && (s.acc.armedMulti || s.acc.singles > 0)
	extra := s.extra != nil && (s.extra.connect.op != nil || s.extra.urgent > 0)
	return accepting || extra || s.rx.armed != unarmed || s.tx.busy() || s.refs > 0 || s.outside != 0
}

func (s *Socket) closeReceives() bool {
	r := &s.rx
	if !s.stopReceive() || !s.stopHangup() {
		return false
	}
	s.leaveStarved()
	s.port.mute()
	if r.ahead.drop() {
		s.state |= stateAbort
	}
	s.port.unmute()
	held := 0
	if r.holdsHead {
		held = 1
	}
	if r.multi != nil && r.armed == unarmed {
		s.cancelledByClose()
		s.abort(r.multi, 0)
		r.multi = nil
	}
	for r.waiting.count > held {
		s.cancelledByClose()
		s.abort(r.waiting.removeAfter(held), 0)
	}
	return true
}

// cancelledByClose notes that an operation of the user's did not get to its end. A close that lingers has ended the
// sends, and must not take back what they have left with the kernel.
func (s *Socket) cancelledByClose() {
	lingered := s.extra != nil && s.extra.lingers && s.extra.linger > 0
	if s.typ == Stream && !s.state.has(stateShutSend) && !lingered {
		s.state |= stateAbort
	}
}

func (s *Socket) closeSends() bool {
	t := &s.tx
	switch {
	case s.outside != 0:
		return true // a disconnect is making its system calls
	case s.typ == Dgram:
		return s.closeDatagrams()
	case t.busy():
		return t.lastTry || s.stopSend() // a last try does not wait in the kernel
	}
	s.failDontWait(&t.behind)
	s.skipEmpty()
	if t.queue.head == nil {
		return true
	}
	if !s.state.has(stateTriedLast) && s.connected() && t.queue.head.gathers() {
		t.lastTry = s.submitSends(true)
		return t.lastTry
	}
	s.abortSends()
	return true
}

// abortSends aborts what is left of the send queue.
func (s *Socket) abortSends() {
	for op := s.tx.queue.pop(); op != nil; op = s.tx.queue.pop() {
		s.cancelledByClose()
		s.leavePackets(op)
		s.abort(op, op.bytes)
	}
}

// closeDatagrams tries the datagrams that were not submitted yet, once, and cancels the others.
func (s *Socket) closeDatagrams() bool {
	t := &s.tx
	if t.trying {
		return true // a disconnect that its caller is making
	}
	s.leaveRoom()
	if !s.state.has(stateTriedLast) {
		if !s.stopDatagrams() {
			return false
		}
		for op := t.queue.head; op != nil && op.gathers(); op = t.queue.head {
			if !s.submitDatagram(op) {
				return false
			}
		}
		s.state |= stateTriedLast
	}
	s.abortSends()
	return true
}

func (s *Socket) closeAccepts() bool {
	a := s.acc
	if !s.stopMultiAccept() || !s.stopSingleAccepts() {
		return false
	}
	if a.paused {
		a.paused = false
		a.timer.stop()
		s.port.blocked.remove(s)
	}
	for _, ahead := range a.queue {
		ahead.state |= stateClosing | stateAbort
		s.port.work.push(ahead)
	}
	a.queue = nil
	if a.multi != nil {
		s.abort(a.multi, 0)
		a.multi = nil
	}
	s.abortAll(&a.waiting)
	return true
}

// closeDescriptor ends the descriptor of a socket that nobody uses any more. It goes through the ring, without a
// system call of its own, unless an option could make that block.
func (s *Socket) closeDescriptor() bool {
	p := s.port
	if s.state.has(stateAbort) && !s.state.has(stateAborted) && s.acc == nil {
		s.state |= stateAborted
		s.doOutside(actionAbort)
		return true
	}
	if s.acc != nil && s.extra != nil && s.extra.path != nil {
		s.doOutside(actionUnlink)
		return true
	}
	if s.state.has(stateExposed) {
		s.closeToken = p.slots.take(s, kindClose)
		s.doOutside(actionClose)
		return true
	}
	sqe := p.ring.NextSQE()
	if sqe == nil {
		return false
	}
	s.closeToken = p.slots.take(s, kindClose)
	sqe.PrepClose(s.fd, uint64(s.closeToken))
	p.closes = append(p.closes, s)
	return true
}

// onClose takes the completion of the close: the socket is gone.
func (s *Socket) onClose(tok token) {
	p := s.port
	p.slots.release(tok)
	s.closeToken = 0
	if s.state.has(stateClosed) {
		return // the ring was lost meanwhile
	}
	s.gone()
	if next := p.blocked.head; next != nil {
		next.unpauseAccepts() // a descriptor is free
	}
}

// abandon ends what was in flight when the ring was lost: no completion will come.
func (p *Port) abandon() {
	p.closeConnectors()
	p.mu.Lock()
	p.abandonRequests()
	for _, s := range p.closes {
		s.closeToken = 0 // the kernel never saw the request
	}
	p.closes = nil
	for s := p.sockets.head; s != nil; s = p.sockets.head {
		s.abandon()
	}
	for p.work.pop() != nil {
	}
	for op := p.deferred.pop(); op != nil; op = p.deferred.pop() {
		p.ready.push(op)
	}
	p.mu.Unlock()
	p.callOutside()
	p.completeReady()
}

// abandonRequests forgets what the kernel has, and ends the ops that stand in no line because the request is theirs.
func (p *Port) abandonRequests() {
	for i := range p.slots.slots {
		if sl := &p.slots.slots[i]; sl.kind == kindDatagramSend || sl.kind == kindUrgent {
			sl.socket.state |= stateClosing
			sl.socket.abort(sl.op, 0)
		}
	}
	p.slots = newSlotTable()
}

// abandon closes a socket of which the kernel will not tell any more.
func (s *Socket) abandon() {
	s.state |= stateClosing | stateTriedLast
	s.rx.armed, s.rx.hangup, s.rx.holdsHead, s.outside = unarmed, 0, false, 0
	s.tx.inKernel, s.tx.lastTry = 0, false
	if a := s.acc; a != nil {
		a.armedMulti, a.singles, a.stopping = false, 0, 0
		a.single = [maxSingleAccepts]token{}
		s.closeAccepts()
	}
	if x := s.extra; x != nil {
		x.urgent, x.connect.token, x.connect.stopped = 0, 0, false
		s.closeExtra()
		if x.lingering != nil {
			x.lingering.stop()
		}
	}
	s.closeReceives()
	s.closeSends()
	if s.closeToken == 0 { // otherwise it is closed already, as far as anybody can tell
		_ = unix.Close(s.fd)
	}
	s.gone()
}

// gone forgets a socket whose descriptor is closed or given away.
func (s *Socket) gone() {
	s.state = s.state&^stateConnected | stateClosed
	s.fd = -1
	s.port.sockets.remove(s)
	s.port.tellLeft()
}

// doOutside leaves system calls to the owner for when it has released the lock.
func (s *Socket) doOutside(a action) {
	if s.outside == 0 {
		s.port.outside = append(s.port.outside, s)
	}
	s.outside |= a
}

// callOutside makes the system calls that were left to it. The owner calls it, without the lock.
func (p *Port) callOutside() {
	for i, s := range p.outside {
		p.outside[i] = nil
		s.callOutside()
	}
	p.outside = p.outside[:0]
	for _, fd := range p.orphans {
		abortConnection(fd)
		_ = unix.Close(fd)
	}
	p.orphans = p.orphans[:0]
	for _, fd := range p.spent {
		_ = unix.Close(fd)
	}
	p.spent = p.spent[:0]
}

func (s *Socket) callOutside() {
	p := s.port
	todo := s.outside // the owner's alone, between flush and here
	if todo&actionShutdown != 0 {
		_ = unix.Shutdown(s.fd, unix.SHUT_WR) // fails when the connection is gone: then there is nothing to end
	}
	if todo&actionAbort != 0 {
		abortConnection(s.fd)
	}
	if todo&actionUnlink != 0 {
		s.extra.path.remove()
	}
	if todo&actionRoom != 0 {
		s.connectRoom()
	}
	if todo&(actionDisconnect|actionRenew) != 0 {
		s.disconnectOutside(todo)
	}
	if todo&actionClose != 0 {
		go s.closeAway(s.fd, s.closeToken)
	}
	p.mu.Lock()
	s.outside &^= todo
	if todo&actionUnlink != 0 {
		s.extra.path = nil
	}
	if s.state.has(stateClosing) {
		s.enlist()
	}
	p.mu.Unlock()
}

// closeAway closes the descriptor of a socket on a goroutine of its own, since SO_LINGER may make that block. A signal of
// the Go runtime may end its wait early, which takes nothing back: the kernel goes on to deliver what was sent.
func (s *Socket) closeAway(fd int, tok token) {
	_ = unix.Close(fd)
	p := s.port
	p.mu.Lock()
	s.onClose(tok)
	p.again = true
	wake := p.kick()
	p.mu.Unlock()
	p.wake(wake)
}

// abortConnection makes the close of a descriptor send a reset.
func abortConnection(fd int) {
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
}

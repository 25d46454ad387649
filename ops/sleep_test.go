package ops

// checkSleep holds what is true of a port that has nothing to do but to wait for the kernel: whatever waits in it waits
// for a request that the kernel has, for a buffer when there is none, or for a timer. It runs in the place where the
// port's goroutine would block, on every story.
func (s *story) checkSleep() {
	p := s.port
	if p.work.head != nil || p.ready.head != nil || p.deferred.head != nil || len(p.later)+len(p.posts) > 0 {
		s.failf("the port sleeps over work")
	}
	if p.starved.head != nil && (s.ring.buffers.posted() > 0 || p.group.Stats().Spare > 0) {
		s.failf("sockets starve beside %d posted buffers: %+v", s.ring.buffers.posted(), p.group.Stats())
	}
	for socket := p.sockets.head; socket != nil; socket = socket.next {
		name := s.ring.names[int32(socket.fd)]
		switch {
		case socket.state.has(stateClosing):
			s.checkClosing(name, socket)
		case socket.acc != nil:
			s.checkAccepting(name, socket.acc)
		default:
			s.checkReceiving(name, &socket.rx)
			s.checkSending(name, &socket.tx)
		}
	}
}

// checkClosing holds that the kernel has something of a closing socket: it will be served again.
func (s *story) checkClosing(name string, socket *Socket) {
	for _, q := range s.ring.live() {
		if s.ring.names[q.sqe.Fd] == name || q.target != nil && s.ring.names[q.target.sqe.Fd] == name {
			return
		}
	}
	if socket.refs == 0 {
		s.failf("%s is closing, and waits for nothing", name)
	}
}

func (s *story) checkAccepting(name string, a *acceptSide) {
	wanted := a.multi != nil || a.waiting.head != nil
	switch {
	case !wanted:
	case len(a.queue) > 0:
		s.failf("%s has %d connections and ops that wait for one", name, len(a.queue))
	case a.fail != 0:
		s.failf("%s is broken, and ops wait", name)
	case !a.paused && !a.armedMulti && a.singles == 0:
		s.failf("%s accepts nothing, and ops wait", name)
	case a.paused && len(s.port.timers) == 0:
		s.failf("%s pauses for ever", name)
	}
	if a.armedMulti != s.ring.hasToken(a.token) {
		s.failf("%s is wrong about its multishot accept", name)
	}
	if cancelledAmong(&a.waiting, a.waiting.count) || a.multi != nil && a.multi.cancelled {
		s.failf("%s keeps an op that was cancelled", name)
	}
}

func (s *story) checkReceiving(name string, r *receiveSide) {
	wanted := r.multi != nil || r.waiting.head != nil
	switch {
	case wanted && r.hasResult():
		s.failf("%s has something for ops that wait: %d bytes, end %t, %v", name, r.ahead.bytes, r.eof, r.fail)
	case wanted && r.armed == unarmed && !r.starved:
		s.failf("%s receives nothing, and ops wait", name)
	case (r.armed != unarmed) != s.ring.hasToken(r.token):
		s.failf("%s is wrong about its receive", name)
	}
	held := 0
	if r.holdsHead {
		held = 1
	}
	if cancelledAmong(&r.waiting, r.waiting.count) && !(held == 1 && r.stopped && !cancelledBehind(&r.waiting, held)) {
		s.failf("%s keeps an op that was cancelled", name)
	}
	if r.multi != nil && r.multi.cancelled && !r.stopped {
		s.failf("%s keeps a Multishot op that was cancelled", name)
	}
}

func (s *story) checkSending(name string, t *sendSide) {
	switch {
	case t.queue.head == nil && t.shutdown:
		s.failf("%s waits with its shutdown for nothing", name)
	case t.queue.head != nil && !t.busy():
		s.failf("%s sends nothing, and %d ops wait", name, t.queue.count)
	case (t.inKernel > 0) != s.ring.hasToken(t.token):
		s.failf("%s is wrong about its send", name)
	case cancelledBehind(&t.queue, t.inKernel), cancelledAmong(&t.queue, t.inKernel) && !t.stopped:
		s.failf("%s keeps an op that was cancelled", name)
	}
}

func cancelledAmong(q *opQueue, n int) bool { return q.cancelledAmong(n) }

// cancelledBehind tells whether the cancel of an op behind the first n was asked for.
func cancelledBehind(q *opQueue, n int) bool {
	for o := q.head; o != nil; o, n = o.next, n-1 {
		if n <= 0 && o.cancelled {
			return true
		}
	}
	return false
}

// hasToken tells whether the kernel has the request.
func (r *fakeRing) hasToken(tok token) bool {
	if tok == 0 {
		return false
	}
	q := r.byToken(uint64(tok))
	return q != nil && q.live
}

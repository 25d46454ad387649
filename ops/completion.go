package ops

import "syscall"

// settle ends a start with a result that is known at once: pending is false, unless the turn's budget of such
// results is used up. Under the lock.
func (p *Port) settle(op *Op) (pending, wake bool) {
	if p.withinBudget() {
		op.end()
		return false, false
	}
	p.deferred.push(op)
	return true, p.kick()
}

// withinBudget takes one synchronous completion from the turn's budget. A port that sleeps has no turn: the caller
// is another goroutine then, and starves nobody. A closed port has no turn any more.
func (p *Port) withinBudget() bool {
	if p.sleeping || p.closing {
		return true
	}
	if p.budget == 0 {
		return false
	}
	p.budget--
	return true
}

// refuse ends a start with an error, always at once: what is wrong with a call is told to its caller, whatever the
// budget. Under the lock, which it releases.
func (p *Port) refuse(op *Op, err error) (pending bool) {
	op.setResult(err, 0)
	op.end()
	p.mu.Unlock()
	return false
}

// nothingToDo ends a start that succeeds without doing anything. Under the lock, which it releases.
func (p *Port) nothingToDo(op *Op) (pending bool) {
	op.setResult(nil, 0)
	pending, wake := p.settle(op)
	p.mu.Unlock()
	p.wake(wake)
	return pending
}

// accepted ends a start whose op waits in the socket now. Under the lock, which it releases.
func (s *Socket) accepted() (pending bool) {
	p := s.port
	p.stats.InFlight++
	wake := s.enlist()
	p.mu.Unlock()
	p.wake(wake)
	return true
}

// finished completes an op that was pending, with a result that is in it already. The owner calls it, under the lock.
func (p *Port) finished(op *Op) {
	if op.multi && op.last == Accept {
		op.AcceptSocket = nil // that of the completion before; the last one brings none
	}
	p.stats.InFlight--
	op.more = false
	p.ready.push(op)
}

// finishWith completes an op that was pending. The owner calls it, under the lock.
func (p *Port) finishWith(op *Op, err error, bytes int) {
	op.setResult(err, bytes)
	p.finished(op)
}

// abort completes an op that was cancelled, or whose socket is closing, with the bytes that went through.
func (s *Socket) abort(op *Op, bytes int) {
	s.port.finishWith(op, s.cancelError(op), bytes)
}

// cancelError is OperationAborted: of a Cancel, or of a socket that was closed under the op.
func (s *Socket) cancelError(op *Op) error {
	if op.cancelled {
		return abortedError(op.last)
	}
	return closedError(op.last)
}

// abortAll aborts every op of a line.
func (s *Socket) abortAll(q *opQueue) {
	for op := q.pop(); op != nil; op = q.pop() {
		s.abort(op, 0)
	}
}

// broken tells whether an errno means that the connection is gone.
func broken(errno syscall.Errno) bool {
	switch errno {
	case syscall.ECONNRESET, syscall.EPIPE, syscall.ETIMEDOUT, syscall.ECONNABORTED, syscall.ENOTCONN,
		syscall.ENETRESET, syscall.ESHUTDOWN, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.ENETUNREACH:
		return true
	}
	return false
}

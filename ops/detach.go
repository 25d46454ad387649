package ops

import (
	"golang.org/x/sys/unix"
)

// Detach gives the descriptor back to the caller, who owns it from now on; the socket is closed without ending
// the connection. No op may be in flight, and nothing may have been received ahead: both are ErrState, and the
// socket stays as it was. It waits until the kernel has let go of an armed receive, so from the port's own
// goroutine it is ErrState, too, when one is armed (PortConfig.ReadAhead < 0 arms none).
func (s *Socket) Detach() (fd int, err error) {
	p := s.port
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if err := s.admitDetach(); err != nil {
			return -1, err
		}
		if !s.busy() {
			break
		}
		if unix.Gettid() == p.owner {
			if s.works() || !s.stopHangup() {
				return -1, errDetachOwner
			}
			break // the poll is no receive, and gone at the end of the turn
		}
		s.detach()
	}
	fd = s.fd
	s.leaveStarved()
	if s.acc != nil {
		s.unpauseAccepts()
	}
	s.gone()
	return fd, nil
}

var (
	errDetachBusy  = stateError(None, "detach: an op is in flight on the socket; cancel it and wait for its completion")
	errDetachData  = stateError(None, "detach: data was received that nobody asked for; receive it first")
	errDetachOwner = stateError(None, "detach: a receive is armed ahead; detach from another goroutine, or without read-ahead")
)

func (s *Socket) admitDetach() error {
	r, t := &s.rx, &s.tx
	switch {
	case s.state.has(stateClosing|stateClosed) || s.port.closing:
		return closedError(None)
	case r.multi != nil || r.waiting.head != nil || t.queue.head != nil || t.shutdown || t.inKernel > 0:
		return errDetachBusy
	case s.extra != nil && (s.extra.connect.op != nil || s.extra.urgent > 0 || s.extra.urgentQueue.head != nil):
		return errDetachBusy
	case s.acc != nil && (s.acc.multi != nil || s.acc.waiting.head != nil || len(s.acc.queue) > 0):
		return errDetachBusy
	case r.ahead.count() > 0:
		return errDetachData
	}
	return nil
}

// detach stops what is armed ahead of demand and waits for one turn. Under the lock, which it releases meanwhile.
func (s *Socket) detach() {
	p := s.port
	s.rx.asked = false
	if s.acc != nil {
		s.acc.asked = false
	}
	turned := make(chan struct{})
	p.posts = append(p.posts, func() {
		p.mu.Lock()
		s.stopReceive()
		s.stopHangup()
		if s.acc != nil {
			s.stopMultiAccept()
			s.stopSingleAccepts()
		}
		p.mu.Unlock()
		close(turned)
	})
	wake := p.kick()
	p.mu.Unlock()
	p.wake(wake)
	select {
	case <-turned:
	case <-p.done:
	}
	p.mu.Lock()
}

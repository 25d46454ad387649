package ops

import "golang.org/x/sys/unix"

// Accepting into a socket that was made beforehand: the accepted descriptor takes the place of the socket's own. The
// socket may be another port's, so this happens outside the listener's lock.

// reserveTarget takes the op's AcceptSocket, if it has one, as the target of an accept of the listener s.
func (o *Op) reserveTarget(s *Socket) error {
	target := o.AcceptSocket
	switch {
	case target == nil:
		return nil
	case o.Multishot:
		return errAcceptMulti
	case target.family != s.family || target.typ != Stream:
		return errAcceptTarget
	}
	err := target.reserve()
	if err == nil {
		o.extras().target = target
	}
	return err
}

// refuseAccept ends a start with an error. Under the lock, which it releases.
func (s *Socket) refuseAccept(op *Op, err error) (pending bool) {
	if op.fills() {
		target := op.extra.target
		op.extra.target = nil
		s.port.mu.Unlock()
		target.unreserve()
		s.port.mu.Lock()
	}
	return s.port.refuse(op, err)
}

// reserve takes a fresh socket as the target of an accept, and refuses any other.
func (s *Socket) reserve() error {
	p := s.port
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case s.state.has(stateClosing|stateClosed) || p.closing:
		return closedError(Accept)
	case s.state.has(stateBound | stateConnected | stateListening | stateDisconnected | stateTarget):
		return errAcceptSocket
	case s.extra != nil && s.extra.connect.op != nil:
		return errAcceptSocket
	}
	s.state |= stateTarget
	return nil
}

var (
	errAcceptTarget = argumentError(Accept, "AcceptSocket is not a stream socket of the listener's family")
	errAcceptMulti  = argumentError(Accept, "Multishot accepts into sockets of its own; set AcceptSocket to nil")
)

// unreserve gives the target back that an accept did not fill.
func (s *Socket) unreserve() {
	s.port.mu.Lock()
	s.state &^= stateTarget
	s.port.mu.Unlock()
}

// settleTarget ends an accept into a socket, once its result is known. Without any lock.
func (o *Op) settleTarget() {
	target, accepted := o.extra.target, o.extra.accepted
	o.extra.target, o.extra.accepted = nil, nil
	if accepted == nil {
		target.unreserve()
		return
	}
	fd, ok := accepted.give()
	if !ok {
		target.unreserve()
		o.setResult(closedError(Accept), 0)
		return
	}
	if err := target.take(fd); err != nil {
		o.setResult(withOperation(Accept, err), 0)
	}
	_ = unix.Close(fd)
}

// give takes the descriptor out of a socket that nobody else knows yet. It fails when the socket's port is closing:
// then the descriptor is the owner's to close, or closed already.
func (s *Socket) give() (fd int, ok bool) {
	s.port.mu.Lock()
	defer s.port.mu.Unlock()
	if s.state.has(stateClosing | stateClosed) {
		return -1, false
	}
	fd = s.fd
	s.gone()
	return fd, true
}

// take makes a connection the socket's own. It fails when the socket was closed meanwhile: then the connection ends
// with fd.
func (s *Socket) take(fd int) error {
	if !s.hold() {
		return closedError(Accept)
	}
	defer s.unhold()
	err := s.replace(fd)
	s.port.mu.Lock()
	defer s.port.mu.Unlock()
	s.state &^= stateTarget
	if err == nil {
		s.state |= stateBound | stateConnected
	}
	return err
}

package ops

// lingers tells whether a close still waits for the sends that were started, as SetLinger asked for. Its timer starts
// with the first question.
func (s *Socket) lingers() bool {
	if !s.lingering() {
		return false
	}
	x := s.extra
	if x.linger == 0 {
		s.state |= stateAbort
		x.lingered = true
		return false
	}
	if s.typ == Dgram || s.tx.queue.head == nil || !s.connected() {
		if x.lingering != nil {
			x.lingering.stop()
		}
		x.lingered = true
		return false
	}
	if x.lingering == nil {
		x.lingering = s.port.newTimer(s.stopLingering)
		x.lingering.reset(x.linger)
	}
	return true
}

// lingering tells whether the time that SetLinger gave to a close is not over.
func (s *Socket) lingering() bool { return s.extra != nil && s.extra.lingers && !s.extra.lingered }

// ending tells whether a close has come to the point of aborting what is in flight.
func (s *Socket) ending() bool { return s.state.has(stateClosing) && !s.lingering() }

// stopLingering runs on the port when the time of a lingering close is over.
func (s *Socket) stopLingering() {
	s.port.mu.Lock()
	defer s.port.mu.Unlock()
	s.extra.lingered = true
	if !s.state.has(stateClosed) {
		s.state |= stateAbort
		s.port.work.push(s)
	}
}

// closeExtra ends what few sockets have.
func (s *Socket) closeExtra() bool {
	x := s.extra
	for op := x.urgentQueue.pop(); op != nil; op = x.urgentQueue.pop() {
		s.abort(op, 0)
	}
	return x.connect.op == nil || s.closeConnect()
}

// closeConnect ends a connect that is going on.
func (s *Socket) closeConnect() bool {
	c, p := &s.extra.connect, s.port
	switch {
	case c.stopped:
	case c.op.resolving:
		c.stopped = true
		if connector := p.connectorOf(c.op); connector != nil {
			p.posts = append(p.posts, connector.targetClosed)
		}
	case s.typ == Dgram: // its caller is making it, and brings the socket back
	case c.token == 0:
		op := c.op
		c.op = nil
		s.abort(op, 0)
	default:
		c.stopped = p.cancelRequest(c.token)
		return c.stopped
	}
	return true
}

package ops

import (
	"net/netip"
	"syscall"

	"github.com/ringport/ringport/uring"
)

// connectSide is a socket's connect while it lasts.
type connectSide struct {
	op      *Op
	token   token // 0: not submitted yet
	stopped bool  // the request was cancelled
}

// ConnectAsync connects the socket to op.RemoteEndpoint: an address, a Unix path, or a name, whose addresses are tried
// as RFC 8305 says, within the socket's family. A buffer of the op's is sent as soon as the connection is there;
// BytesTransferred counts it. ConnectSocket is the socket then.
//
// pending is false when the result is known at once: misuse, a socket that is connected (IsConnected), and every
// datagram socket. A cancelled connect leaves a socket that is neither here nor there, so it is closed with it. One
// that failed can be tried again, but, as on .NET, not once Control has shown the descriptor (ErrUnsupported). See
// connect(2), Socket.ConnectAsync of .NET.
func (s *Socket) ConnectAsync(op *Op) (pending bool) {
	if !op.start(s, Connect) {
		return false
	}
	p := s.port
	x := op.extras()
	x.connectSocket, x.connectByName = nil, nil
	ep, err := resolveLiteral(op.RemoteEndpoint)
	named := err == nil && ep.kind == dnsEndpoint
	if err == nil && !named {
		x.name, err = appendSockaddr(x.name[:0], ep, s.family)
	}
	p.mu.Lock()
	if refusal := s.admitConnect(op, ep); refusal != nil {
		return p.refuse(op, refusal)
	}
	if err != nil {
		return p.refuse(op, withOperation(Connect, err))
	}
	op.takeInitialData()
	c := &s.extras().connect
	c.op = op
	switch {
	case named:
		return p.connectByName(s, op, ep)
	case s.typ == Dgram:
		return s.connectDatagram(op)
	}
	return s.accepted()
}

var (
	errConnectList       = argumentError(Connect, "a buffer list does not go with a connect; clear it with nil")
	errConnectNowhere    = argumentError(Connect, "RemoteEndpoint is not set")
	errConnectAny        = argumentError(Connect, "the unspecified address is no host to connect to")
	errConnectListening  = stateError(Connect, "the socket listens")
	errConnectFamily     = unsupportedError(Connect, "the socket is not dual-mode and takes no IPv4 endpoint")
	errConnectTarget     = stateError(Connect, "an accept is to fill the socket")
	errConnectAgainShown = unsupportedError(Connect, "a connect has failed, and Control has shown the descriptor")
	errConnectNameShown  = unsupportedError(Connect, "a name may need several descriptors, and Control has shown this one")
	errConnectNameFamily = unsupportedError(Connect, "only IP sockets connect to names")
)

func (s *Socket) admitConnect(op *Op, ep Endpoint) error {
	if s.state.has(stateClosing|stateClosed) || s.port.closing {
		return closedError(Connect)
	}
	switch {
	case op.list != nil:
		return errConnectList
	case op.RemoteEndpoint.IsZero():
		return errConnectNowhere
	case s.state.has(stateListening):
		return errConnectListening
	case s.typ == Stream && s.state.has(stateConnected), s.state.has(stateDisconnected):
		return errorOf(Connect, syscall.EISCONN)
	case s.extra != nil && s.extra.connect.op != nil:
		return errorOf(Connect, syscall.EALREADY)
	case s.state.has(stateTarget):
		return errConnectTarget
	case s.state.has(stateExposed) && s.extra != nil && s.extra.refused:
		return errConnectAgainShown
	case s.extra != nil && s.extra.single && ep.Family() == FamilyIPv4:
		return errConnectFamily
	case ep.kind == dnsEndpoint && s.family == FamilyUnix:
		return errConnectNameFamily
	case ep.kind == dnsEndpoint && s.state.has(stateExposed):
		return errConnectNameShown
	}
	return nil
}

// resolveLiteral makes a name that is an address in text that address. The unspecified address is refused: as a
// name it means no host.
func resolveLiteral(ep Endpoint) (Endpoint, error) {
	if ep.kind != dnsEndpoint {
		return ep, nil
	}
	if ep.name == "" {
		return ep, errConnectNowhere
	}
	addr, err := netip.ParseAddr(ep.name)
	if err != nil {
		return ep, nil
	}
	if addr.IsUnspecified() {
		return ep, errConnectAny
	}
	return IPEndpoint(netip.AddrPortFrom(addr, ep.Port())), nil
}

// takeInitialData keeps how much a connect is to send. SocketFlags and DontWait are not for it.
func (o *Op) takeInitialData() {
	o.takeFlags()
	o.total, o.flags, o.quick = o.size(), 0, false
}

// connectDatagram connects a datagram socket, which takes no time. Under the lock, which it releases.
func (s *Socket) connectDatagram(op *Op) (pending bool) {
	p := s.port
	s.refs++
	p.mu.Unlock()
	errno := uring.Connect(s.fd, op.extra.name)
	p.mu.Lock()
	wake := s.release()
	s.extra.connect = connectSide{}
	if errno == 0 {
		s.state |= stateConnected | stateBound
	}
	aborted := s.state.has(stateClosing)
	if errno == 0 && op.total > 0 && !aborted {
		s.tx.queue.push(op) // the initial data is a datagram
		p.stats.InFlight++
		wake = s.enlist() || wake // the release has kicked if the socket was closed meanwhile
		p.mu.Unlock()
		p.wake(wake)
		return true
	}
	switch {
	case aborted:
		op.setResult(s.cancelError(op), 0) // the close has left the op to its caller
	case errno == 0:
		op.setResult(nil, 0)
		op.extra.connectSocket = s
	default:
		op.setResult(errorOf(Connect, errno), 0)
	}
	pending, again := p.settle(op)
	p.mu.Unlock()
	p.wake(wake || again)
	return pending
}

// serveConnect submits the connect, or its cancel.
func (s *Socket) serveConnect() bool {
	c, p := &s.extra.connect, s.port
	op := c.op
	if op.resolving || s.typ == Dgram {
		return true // the connector has it, or its caller's goroutine
	}
	if c.token != 0 {
		if op.cancelled && !c.stopped {
			c.stopped = p.cancelRequest(c.token)
			return c.stopped
		}
		return true
	}
	if op.cancelled {
		c.op = nil
		s.abort(op, 0)
		s.state |= stateClosing
		p.work.push(s)
		return true
	}
	sqe := p.ring.NextSQE()
	if sqe == nil {
		return false
	}
	c.token = p.slots.take(s, kindConnect)
	sqe.PrepConnect(s.fd, op.extra.name, uint64(c.token))
	return true
}

// onConnect takes the completion of the connect.
func (s *Socket) onConnect(c *uring.CQE, tok token) {
	p := s.port
	p.slots.release(tok)
	op := s.extra.connect.op
	s.extra.connect = connectSide{}
	p.work.push(s)
	errno := c.Errno()
	switch {
	case op.cancelled || s.state.has(stateClosing):
		s.state |= stateClosing // the handshake may be going on without us
		s.abort(op, 0)
	case errno != 0:
		s.extra.refused = true
		p.finishWith(op, errorOf(Connect, errno), 0)
	default:
		s.connectDone(op)
	}
}

// connectDone goes on with what follows a connect: the initial data, or the end.
func (s *Socket) connectDone(op *Op) {
	s.state |= stateConnected | stateBound
	if op.total > 0 {
		s.tx.queue.push(op)
		s.port.work.push(s)
		return
	}
	op.extras().connectSocket = s
	s.port.finishWith(op, nil, 0)
}

// ConnectSocket is the connected socket after a connect that succeeded, and nil otherwise.
func (o *Op) ConnectSocket() *Socket {
	if o.extra == nil {
		return nil
	}
	return o.extra.connectSocket
}

// ConnectByNameError tells why a name could not be resolved, or why the last of its addresses refused; nil after any
// other operation.
func (o *Op) ConnectByNameError() error {
	if o.extra == nil {
		return nil
	}
	return o.extra.connectByName
}

// CancelConnectAsync asks a connect to end, whether Port.ConnectAsync or Socket.ConnectAsync started it: it completes
// with OperationAborted, and its socket is closed. It does nothing when op is not connecting on this port.
func (p *Port) CancelConnectAsync(op *Op) {
	p.mu.Lock()
	wake := false
	if c := p.connectorOf(op); c != nil {
		wake = c.cancel()
	} else if s := p.connecting(op); s != nil {
		op.cancelled = true
		s.state |= stateClosing
		wake = s.enlist()
	}
	p.mu.Unlock()
	p.wake(wake)
}

// connecting finds the socket that an op connects, or sends its initial data on. Under the lock.
func (p *Port) connecting(op *Op) *Socket {
	if op == nil {
		return nil
	}
	for s := p.sockets.head; s != nil; s = s.next {
		switch {
		case s.extra == nil:
		case s.extra.connect.op == op:
			return s
		case s.tx.queue.has(op), s.typ == Dgram && p.slots.has(s, op):
			if op.last == Connect {
				return s
			}
			return nil
		}
	}
	return nil
}

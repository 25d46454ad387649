package ops

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Socket is a socket that belongs to a port: its completions run there. All methods may be called from any
// goroutine.
//
// A stream socket has at most one receive and one send in the kernel. Further ops wait in the socket, first in,
// first out, so that bytes never interleave and completions come in the order of the starts.
type Socket struct {
	port   *Port
	family Family
	typ    SocketType

	// Under the port's lock. The order keeps a socket small: there may be very many.
	onWork, onQueue bool
	state           socketState
	outside         action // system calls to make once the lock is released
	fd              int    // -1 once it is gone
	closeToken      token  // of the request that ends fd
	rx              receiveSide
	tx              sendSide
	refs            int32       // system calls outside the ring that use fd: try-sends, Control, option calls
	acc             *acceptSide // of a listener
	extra           *socketExtra

	nextWork, nextQueue *Socket
	next, prev          *Socket
}

// socketState is a set of facts about a socket.
type socketState uint16

const (
	stateBound socketState = 1 << iota
	stateListening
	stateConnected
	stateBroken       // the connection ended with an error; the kernel tells more to whoever asks
	stateClosing      // Close was called
	stateClosed       // the descriptor is gone, or was given away
	stateExposed      // Control has shown the descriptor
	stateDisconnected // DisconnectAsync ended the connection, and nothing may follow it
	stateShutSend     // Shutdown(Send) was called
	stateTarget       // an accept is to fill the socket
	stateShutReceive  // Shutdown(Receive) was called
	stateTriedLast    // the socket takes no more of the sends that Close found unsubmitted
	stateAbort        // close with RST
	stateAborted      // SO_LINGER 0 is set
)

func (s socketState) has(f socketState) bool { return s&f != 0 }

// action is a set of system calls that wait for the lock to be released.
type action uint8

const (
	actionShutdown action = 1 << iota
	actionAbort
	actionClose
	actionDisconnect
	actionRenew
	actionUnlink
	actionRoom
)

// newSocket makes a socket of the port from a descriptor, which it owns from now on. Under the lock.
func (p *Port) newSocket(fd int, family Family, typ SocketType, state socketState) *Socket {
	s := &Socket{port: p, fd: fd, family: family, typ: typ, state: state}
	p.sockets.add(s)
	return s
}

// Port is the port that the socket belongs to.
func (s *Socket) Port() *Port { return s.port }

// Family tells the socket's address family.
func (s *Socket) Family() Family { return s.family }

// SocketType tells whether it is a stream or a datagram socket.
func (s *Socket) SocketType() SocketType { return s.typ }

// Connected tells whether the socket is connected, as far as the last operation showed.
func (s *Socket) Connected() bool {
	s.port.mu.Lock()
	defer s.port.mu.Unlock()
	return s.connected() && !s.state.has(stateClosing)
}

// connected tells whether nothing has ended the connection. Under the lock.
func (s *Socket) connected() bool { return s.state&(stateConnected|stateBroken) == stateConnected }

// LocalEndpoint is the address that the socket is bound to; Endpoint{} when it is not bound, or closed. A Unix socket
// that has only been connected has no name either.
func (s *Socket) LocalEndpoint() Endpoint { return s.name(stateBound, unix.Getsockname) }

// RemoteEndpoint is the address of the peer; Endpoint{} when there is none, or it is a Unix socket without a name.
func (s *Socket) RemoteEndpoint() Endpoint { return s.name(stateConnected, unix.Getpeername) }

func (s *Socket) name(needed socketState, get func(int) (unix.Sockaddr, error)) Endpoint {
	if !s.hold() {
		return Endpoint{}
	}
	defer s.unhold()
	s.port.mu.Lock()
	known := s.state.has(needed)
	s.port.mu.Unlock()
	if !known {
		return Endpoint{}
	}
	sa, err := get(s.fd)
	if err != nil {
		return Endpoint{}
	}
	return endpointOfSockaddr(sa)
}

// Control runs fn with the descriptor, for socket options that have no method. The descriptor is valid until fn
// returns and must not be closed. The socket is then closed on a goroutine of its own, since an option may make
// that block. Returns an error that matches net.ErrClosed when the socket is closed.
func (s *Socket) Control(fn func(fd uintptr)) error {
	if !s.hold() {
		return closedError(None)
	}
	defer s.unhold()
	s.port.mu.Lock()
	s.state |= stateExposed
	s.port.mu.Unlock()
	fn(uintptr(s.fd))
	return nil
}

// hold keeps the descriptor from being closed during a system call outside the ring.
func (s *Socket) hold() bool {
	s.port.mu.Lock()
	defer s.port.mu.Unlock()
	if s.state.has(stateClosing | stateClosed) {
		return false
	}
	s.refs++
	return true
}

func (s *Socket) unhold() {
	s.port.mu.Lock()
	wake := s.release()
	s.port.mu.Unlock()
	s.port.wake(wake)
}

// release gives a reference back. Under the lock.
func (s *Socket) release() (wake bool) {
	s.refs--
	if s.refs == 0 && s.state.has(stateClosing) {
		return s.enlist()
	}
	return false
}

// enlist puts the socket on the work list. Under the lock; the caller passes the result to Port.wake.
func (s *Socket) enlist() (wake bool) {
	s.port.work.push(s)
	return s.port.kick()
}

// serve does what the socket has to do at the end of a turn. It is false when the SQEs ran out; it is called
// again then, so each step first takes its SQE and then changes the state. Under the lock.
func (s *Socket) serve() bool {
	if s.state.has(stateClosed) {
		return true
	}
	if s.state.has(stateClosing) {
		return s.serveClose()
	}
	if s.extra != nil && !s.serveExtra() { // also of a listener: a connect may have come before its Listen
		return false
	}
	if s.acc != nil {
		return s.serveAccepts()
	}
	if s.typ == Dgram {
		return s.serveDatagrams() && s.serveDatagramSends()
	}
	return s.serveReceives() && s.serveSends()
}

// cancelRequest asks the kernel to end a request. It is false when the SQEs ran out.
func (p *Port) cancelRequest(target token) bool {
	sqe := p.ring.NextSQE()
	if sqe == nil {
		return false
	}
	p.stats.Cancels++
	tok := p.slots.take(nil, kindCancel)
	p.slots.find(tok).target = target
	sqe.PrepCancel(uint64(target), uint64(tok))
	return true
}

// Cancel asks one operation of this socket to end, as CancelIoEx: it completes with OperationAborted and exact
// BytesTransferred, unless it had ended already. An op that is not in flight here is left alone.
func (s *Socket) Cancel(op *Op) {
	p := s.port
	p.mu.Lock()
	wake := false
	switch c := p.connectorOf(op); {
	case c != nil && c.target == s:
		wake = c.cancel()
	case s.find(op):
		op.cancelled = true
		wake = s.enlist()
	}
	p.mu.Unlock()
	p.wake(wake)
}

// find tells whether an op is in flight on this socket, and marks the side that it is on. Under the lock.
func (s *Socket) find(op *Op) bool {
	switch {
	case op == nil:
		return false
	case s.acc != nil && s.acc.has(op):
		s.acc.cancels = true
	case s.rx.has(op):
		s.rx.cancels = true
	case s.tx.queue.has(op), s.typ == Dgram && s.port.slots.has(s, op):
		s.tx.cancels = true
	default:
		return s.extra != nil && s.extra.has(op)
	}
	return true
}

// admit is what every start checks first: closed sockets and ports, both kinds of memory.
func (s *Socket) admit(op *Op) error {
	if s.state.has(stateClosing|stateClosed) || s.port.closing {
		return closedError(op.last)
	}
	return op.checkMemory(errBothBuffers)
}

// errno gives the errno of an error from package unix, and EIO for anything that is none.
func errno(err error) syscall.Errno {
	if e, ok := err.(syscall.Errno); ok {
		return e
	}
	return syscall.EIO
}

package ops

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// NewSocket makes a socket that is neither bound nor connected, as .NET's Socket constructor. One of FamilyIPv6 is
// dual-mode: it takes IPv4 endpoints, too; see SetDualMode. Returns an error that wraps the errno of socket(2).
func (p *Port) NewSocket(family Family, typ SocketType) (*Socket, error) {
	fd, err := openSocket(family, typ, true)
	if err != nil {
		return nil, fmt.Errorf("ops: new %s %s socket: %w", family, typ, err)
	}
	return p.adopt(fd, family, typ, 0)
}

// openSocket makes a descriptor. Every socket of ours is closed on exec.
func openSocket(family Family, typ SocketType, dual bool) (int, error) {
	if family.domain() == 0 || typ != Stream && typ != Dgram {
		return -1, errNoSuchSocket
	}
	fd, err := unix.Socket(family.domain(), int(typ)|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if family != FamilyIPv6 {
		return fd, nil
	}
	// What the host's default is (net.ipv6.bindv6only) must not matter.
	if err := setOption(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, toInt(!dual)); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

var errNoSuchSocket = argumentError(None, "there is no such family or type of sockets")

// Associate makes a socket of a descriptor, which belongs to the port from then on, as CreateIoCompletionPort does
// with a handle. What it is, and whether it is bound, listening or connected, is asked of the kernel. On an error
// (ENOTSOCK, EBADF, a family that ringport does not speak) the descriptor is still the caller's.
func (p *Port) Associate(fd int) (*Socket, error) {
	family, typ, state, err := identify(fd)
	if err != nil {
		return nil, fmt.Errorf("ops: associate descriptor %d: %w", fd, err)
	}
	single := false
	if family == FamilyIPv6 {
		v6only, err := unix.GetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY)
		single = err == nil && v6only != 0
	}
	cfg, _ := ListenConfig{}.withDefaults()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing {
		return nil, closedError(None)
	}
	unix.CloseOnExec(fd)
	s := p.newSocket(fd, family, typ, state)
	if single {
		s.extras().single = true
	}
	if state.has(stateListening) {
		s.acc = newAcceptSide(cfg)
	}
	return s, nil
}

// identify asks the kernel what a descriptor is.
func identify(fd int) (Family, SocketType, socketState, error) {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return 0, 0, 0, os.NewSyscallError("getsockopt", err)
	}
	typ, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return 0, 0, 0, os.NewSyscallError("getsockopt", err)
	}
	family := familyOf(domain)
	if family == FamilyUnspecified || typ != int(Stream) && typ != int(Dgram) {
		return 0, 0, 0, errForeignSocket
	}
	var state socketState
	if on, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err == nil && on != 0 {
		state |= stateListening | stateBound
	}
	if sa, err := unix.Getsockname(fd); err == nil && isBound(endpointOfSockaddr(sa)) {
		state |= stateBound
	}
	if _, err := unix.Getpeername(fd); err == nil {
		state |= stateConnected | stateBound
	}
	return family, SocketType(typ), state, nil
}

var errForeignSocket = unsupportedError(None, "it is neither a stream nor a datagram socket of IP or Unix")

// isBound tells whether a name of a socket is more than its family, and the unspecified address.
func isBound(ep Endpoint) bool {
	return ep.Family() == FamilyUnix || ep.Port() != 0
}

// adopt makes a socket of a descriptor, which is closed when the port is.
func (p *Port) adopt(fd int, family Family, typ SocketType, state socketState) (*Socket, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing {
		_ = unix.Close(fd)
		return nil, closedError(None)
	}
	return p.newSocket(fd, family, typ, state), nil
}

// Bind gives the socket its address, as bind(2). A Unix path is made by it. Returns an error that wraps the errno
// and names the endpoint: EADDRINUSE, EADDRNOTAVAIL, EACCES; ErrState when the socket is bound already. For the address
// of a socket that was closed it waits as Port.Listen does.
func (s *Socket) Bind(ep Endpoint) error {
	sa, err := unixSockaddr(ep, s.family)
	if err != nil {
		return fmt.Errorf("ops: bind to %s: %w", ep, err)
	}
	err = s.configure(stateBound, func() error {
		if s.state.has(stateBound | stateConnected | stateTarget) {
			return errAlreadyBound
		}
		return nil
	}, func(fd int) error { return s.port.bind(fd, sa) })
	if err != nil {
		return fmt.Errorf("ops: bind to %s: %w", ep, err)
	}
	if s.family == FamilyUnix {
		s.rememberPath(newUnixPath(ep.Path()))
	}
	return nil
}

var (
	errAlreadyBound     = stateError(None, "the socket is bound or connected already, or an accept is to fill it")
	errListenNotBound   = stateError(None, "the socket is not bound; call Bind first")
	errListenDatagram   = unsupportedError(None, "only stream sockets can listen")
	errAlreadyConnected = stateError(None, "the socket is connected")
	errListenConnecting = stateError(None, "the socket is connecting")
)

// Listen makes a bound stream socket take connections, as listen(2); 0 means what the system allows. Called again it
// changes the backlog. AcceptAsync takes the connections, DefaultAcceptAhead of them before anybody asks.
func (s *Socket) Listen(backlog int) error {
	cfg, err := ListenConfig{Backlog: backlog}.withDefaults()
	if err != nil {
		return err
	}
	err = s.configure(stateListening, func() error {
		switch {
		case s.typ != Stream:
			return errListenDatagram
		case s.state.has(stateConnected):
			return errAlreadyConnected
		case s.extra != nil && s.extra.connect.op != nil:
			return errListenConnecting
		case !s.state.has(stateBound):
			return errListenNotBound
		}
		return nil
	}, func(fd int) error { return unix.Listen(fd, cfg.Backlog) })
	if err != nil {
		return fmt.Errorf("ops: listen: %w", err)
	}
	s.port.mu.Lock()
	defer s.port.mu.Unlock()
	if s.acc == nil {
		s.acc = newAcceptSide(cfg)
	}
	s.acc.backlog = cfg.Backlog
	return nil
}

// configure makes a system call that changes what the socket is: after a check, under the lock, and before the new
// state shows.
func (s *Socket) configure(became socketState, check func() error, call func(fd int) error) error {
	if !s.hold() {
		return closedError(None)
	}
	defer s.unhold()
	s.port.mu.Lock()
	err := check()
	s.port.mu.Unlock()
	if err != nil {
		return err
	}
	if err := call(s.fd); err != nil {
		return errorOf(None, errno(err))
	}
	s.port.mu.Lock()
	s.state |= became
	s.port.mu.Unlock()
	return nil
}

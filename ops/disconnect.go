package ops

import (
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/uring"
)

// DisconnectAsync ends the connection in both directions, behind the sends that were started. With
// DisconnectReuseSocket the socket can connect again, or be accepted into; its options are those that were set
// through its methods. Without, a later connect is refused with IsConnected. Receives that wait see the end of the
// stream.
//
// pending is false unless sends are queued, or the socket is to be reused and a receive is armed on it. A socket that is
// not connected is refused with NotConnected. Options that were set through Control are not those of a reused socket.
// See shutdown(2), Socket.DisconnectAsync of .NET.
func (s *Socket) DisconnectAsync(op *Op) (pending bool) {
	if !op.start(s, Disconnect) {
		return false
	}
	p := s.port
	p.mu.Lock()
	op.reuse = op.DisconnectReuseSocket
	if err := s.admitDisconnect(op); err != nil {
		return p.refuse(op, err)
	}
	op.takeFlags()
	op.phase = disconnectShutdown
	s.tx.queue.push(op)
	waits := s.tx.queue.count > 1 || s.tx.busy() || op.renews(s) && s.receiving()
	if waits || !p.withinBudget() {
		return s.accepted()
	}
	return s.disconnectAtOnce(op)
}

// renews tells whether a disconnect ends with another file under the socket's number. A datagram socket can always
// connect again.
func (o *Op) renews(s *Socket) bool { return o.reuse && s.typ == Stream }

// receiving tells whether a receive is armed or waits.
func (s *Socket) receiving() bool {
	return s.rx.armed != unarmed || s.rx.hangup != 0 || s.rx.multi != nil || s.rx.waiting.head != nil
}

// The steps of a disconnect.
const (
	disconnectShutdown uint8 = iota // shutdown(2) is to be called
	disconnectDrain                 // what the kernel has must end before the descriptor changes
	disconnectDone
)

// disconnecting tells whether an op has ended the connection already, so that it is too late to cancel it.
func (o *Op) disconnecting() bool {
	return (o.last == Disconnect || o.asDisconnect) && o.phase != disconnectShutdown
}

func (s *Socket) admitDisconnect(op *Op) error {
	if err := s.admit(op); err != nil {
		return err
	}
	if !s.state.has(stateConnected) {
		return errNotConnected[Disconnect]
	}
	return nil
}

// disconnectAtOnce makes the system calls on the caller's goroutine. Under the lock, which it releases.
func (s *Socket) disconnectAtOnce(op *Op) (pending bool) {
	p := s.port
	s.tx.trying = true
	s.rx.renewing = op.renews(s) // a receive that is started meanwhile must not be armed on either file
	s.rx.eof = s.rx.eof || s.rx.renewing
	s.refs++
	p.mu.Unlock()
	errno := s.endConnection()
	if errno == 0 && op.renews(s) {
		errno = s.renew()
	}
	p.mu.Lock()
	s.tx.trying = false
	s.tx.queue.pop()
	s.disconnected(op, errno)
	wake := s.release()
	if s.tx.queue.head != nil || p.starved.head != nil { // renew gives buffers back
		wake = s.enlist() || wake
	}
	op.end()
	p.mu.Unlock()
	p.wake(wake)
	return false
}

// serveDisconnect takes the disconnect at the front of the queue one step further.
func (s *Socket) serveDisconnect(op *Op) bool {
	switch op.phase {
	case disconnectShutdown:
		s.doOutside(actionDisconnect)
	case disconnectDrain:
		if s.rx.armed != unarmed || s.rx.hangup != 0 {
			return s.stopHangup() // the ends of both bring the socket back here
		}
		s.leaveStarved()
		s.rx.eof, s.rx.renewing = true, true // for those that still wait; others are refused
		if s.advanceReceives(); s.rx.multi != nil {
			return true // it gets one piece after the other, and each brings the socket back here
		}
		s.doOutside(actionRenew)
	case disconnectDone:
		s.tx.queue.pop()
		s.port.finished(op)
		s.port.work.push(s) // for what stands behind it
	}
	return true
}

// disconnectOutside makes the system calls of a disconnect for the owner.
func (s *Socket) disconnectOutside(todo action) {
	p := s.port
	op := s.tx.queue.head // it stays there: the socket is the owner's until the action is done
	var errno syscall.Errno
	if todo&actionDisconnect != 0 {
		errno = s.endConnection()
	} else {
		errno = s.renew()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if todo&actionDisconnect != 0 && errno == 0 && op.renews(s) {
		op.phase = disconnectDrain
	} else {
		op.phase = disconnectDone
		s.disconnected(op, errno)
	}
	p.work.push(s)
}

// disconnected writes the result. Until then the socket counts as connected, so that nobody uses it for anything else.
// Under the lock.
func (s *Socket) disconnected(op *Op, errno syscall.Errno) {
	op.setResult(errorOf(op.last, errno), op.bytes)
	s.rx.renewing = false
	switch {
	case errno == 0 && op.renews(s):
		s.tx.shutdown = false // of the connection that has ended
		s.state &^= stateBroken | stateBound | stateShutSend | stateShutReceive
	case s.typ == Stream && (errno != 0 || !op.reuse): // it has ended, even if nothing could take its place
		s.state |= stateDisconnected | stateShutSend | stateShutReceive
	case errno != 0:
		return
	}
	s.state &^= stateConnected
}

// endConnection is shutdown(2) in both directions, or the connect to nobody of a datagram socket. It runs without the
// lock.
func (s *Socket) endConnection() syscall.Errno {
	if s.typ == Dgram {
		return dissolve(s.fd)
	}
	// ENOTCONN means that the peer was faster: what is left to do is the same.
	if err := unix.Shutdown(s.fd, unix.SHUT_RDWR); err != nil && err != unix.ENOTCONN {
		return errno(err)
	}
	return 0
}

// dissolve connects a datagram socket to nobody. Kernel: a port that the kernel had picked is given up by that
// (__udp_disconnect), and with it whatever is received there, so the socket is bound to it again.
func dissolve(fd int) syscall.Errno {
	before, err := unix.Getsockname(fd)
	if err != nil {
		return errno(err)
	}
	if code := uring.Dissolve(fd); code != 0 {
		return code
	}
	after, err := unix.Getsockname(fd)
	if err != nil {
		return errno(err)
	}
	switch sa := after.(type) {
	case *unix.SockaddrInet4:
		if sa.Port != 0 {
			return 0
		}
		sa.Port = int(endpointOfSockaddr(before).Port())
	case *unix.SockaddrInet6:
		if sa.Port != 0 {
			return 0
		}
		sa.Port = int(endpointOfSockaddr(before).Port())
	default:
		return 0 // a Unix socket keeps its name
	}
	if err := unix.Bind(fd, after); err != nil {
		return errno(err)
	}
	return 0
}

// renew puts a fresh file under the socket's number. It runs without the lock.
func (s *Socket) renew() syscall.Errno {
	fresh, err := s.freshDescriptor()
	if err != nil {
		return asError(Disconnect, err).Errno
	}
	err = s.replace(fresh)
	_ = unix.Close(fresh)
	if err != nil {
		return asError(Disconnect, err).Errno
	}
	s.setAgain()
	p := s.port
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mute()
	s.rx.ahead.drop()
	p.unmute()
	s.rx.eof, s.rx.hungUp, s.rx.fail, s.rx.asked = false, false, 0, false
	return 0
}

package ops

import (
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/uring"
)

// A Unix datagram socket whose receiver has a full queue must wait for room there. The kernel cannot do that within one
// request: unix_dgram_sendmsg has taken the data out of the message by the time that it finds the queue full, so the
// second try of the same request sends an empty datagram (seen on 6.18). And a socket that is not connected polls as
// writable whatever its receivers do (unix_dgram_poll). So a datagram that finds no room is tried without waiting, and
// then waited for: with a poll of a socket that is connected to the receiver, for room there, and, should the next try
// find none either, with a poll of the sender's own, for room in its send buffer.

// The steps of a datagram. One on an IP socket waits inside its request, and here only if the kernel would not.
const (
	datagramFirst    uint8 = iota // to be tried
	datagramReceiver              // waits for room at the receiver
	datagramSecond                // to be tried again
	datagramSender                // waits for room at the sender
)

// waiting tells whether the step is to wait.
func (o *Op) waiting() bool { return o.phase == datagramReceiver || o.phase == datagramSender }

// noRoom notes that a try found no room, and puts the datagram back to wait for some.
func (s *Socket) noRoom(op *Op) {
	if op.phase == datagramFirst && op.last == SendTo && s.family == FamilyUnix {
		op.phase = datagramReceiver
	} else {
		op.phase = datagramSender
	}
	s.putBack(op)
}

// roomFound goes on to the next try. The poll tells nothing else: what is wrong the try will say.
func (s *Socket) roomFound(op *Op) {
	op.phase = (op.phase + 1) & datagramSender // after which comes the first again
	s.putBack(op)
}

func (s *Socket) putBack(op *Op) {
	front := opQueue{}
	front.push(op)
	s.tx.queue.prepend(&front)
	s.port.work.push(s)
}

// submitRoom submits the poll that a datagram waits with.
func (s *Socket) submitRoom(op *Op) bool {
	p, t := s.port, &s.tx
	fd := s.fd
	if op.phase == datagramReceiver {
		if fd = s.extras().datagrams.roomFD - 1; fd < 0 {
			s.doOutside(actionRoom)
			return true
		}
	}
	sqe := p.ring.NextSQE()
	if sqe == nil {
		return false
	}
	t.queue.pop()
	t.inKernel++
	sqe.PrepPoll(fd, unix.POLLOUT, uint64(p.slots.takeFor(s, op, kindDatagramSend)))
	return true
}

// connectRoom connects a socket to the receiver of the datagram at the front, for the owner. Without one the datagram
// is tried again: a receiver that cannot be connected to refuses datagrams, too.
func (s *Socket) connectRoom() {
	p, op := s.port, s.tx.queue.head // it stays there: the socket is the owner's until the action is done
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		if errno := uring.Connect(fd, op.extra.name); errno != 0 {
			_ = unix.Close(fd)
			fd = -1
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.work.push(s)
	switch {
	case err != nil:
		s.tx.queue.pop()
		p.finishWith(op, errorOf(op.last, errno(err)), 0)
	case fd < 0:
		op.phase = datagramSecond
	default:
		s.extra.datagrams.roomFD = fd + 1
	}
}

// leaveRoom lets go of the socket that is connected to the receiver.
func (s *Socket) leaveRoom() {
	if x := s.extra; x != nil && x.datagrams.roomFD != 0 {
		s.port.spent = append(s.port.spent, x.datagrams.roomFD-1)
		x.datagrams.roomFD = 0
	}
}

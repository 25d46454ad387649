package ops

import (
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/uring"
)

// Out-of-band data does not stand in line with the stream: a receive of it is a request of its own, answered at once
// with the byte, or with InvalidArgument when there is none. See MSG_OOB in recv(2), tcp(7).

var errUrgentBuffer = argumentError(Receive, "out-of-band data needs a buffer of the op's own, and not Multishot")

// startUrgent queues a receive of out-of-band data. Under the lock, which it releases.
func (s *Socket) startUrgent(op *Op) (pending bool) {
	op.takeFlags()
	s.extras().urgentQueue.push(op)
	return s.accepted()
}

// serveUrgent submits the receives of out-of-band data.
func (s *Socket) serveUrgent() bool {
	x, p := s.extra, s.port
	for op := x.urgentQueue.head; op != nil; op = x.urgentQueue.head {
		if op.cancelled {
			s.abort(x.urgentQueue.pop(), 0)
			continue
		}
		sqe := p.ring.NextSQE()
		if sqe == nil {
			return false
		}
		x.urgentQueue.pop()
		x.urgent++
		tok := p.slots.takeFor(s, op, kindUrgent)
		sqe.PrepRecv(s.fd, op.buffer, uint32(op.flags.msgFlags())|unix.MSG_DONTWAIT, uint64(tok))
	}
	return true
}

// onUrgent takes the completion of a receive of out-of-band data.
func (s *Socket) onUrgent(c *uring.CQE, tok token, op *Op) {
	p := s.port
	p.slots.release(tok)
	s.extra.urgent--
	if s.state.has(stateClosing) {
		p.work.push(s)
	}
	n := int(max(c.Res, 0))
	op.showOwn(n)
	err := errorOf(op.last, c.Errno())
	if op.cancelled {
		err = abortedError(op.last)
	} else if err == nil {
		op.SocketFlags = OutOfBand
	}
	p.finishWith(op, err, n)
}

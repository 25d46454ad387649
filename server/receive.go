package server

import (
	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/ops"
)

// steer starts the receive, or stops it, as the session's state asks.
func (s *Session) steer() {
	wanted := s.phase != phaseClosed && !s.eof && (s.paused == 0 || s.discards())
	switch {
	case wanted && !s.receiving:
		s.receiving, s.cancelled = true, false
		if !s.socket.ReceiveAsync(&s.receive) {
			received(&s.receive)
		}
	case !wanted && s.receiving && !s.cancelled:
		s.cancelled = true
		s.socket.Cancel(&s.receive)
	}
}

// received takes a completion of a session's receive.
func received(op *ops.Op) {
	s := op.UserToken.(*Session)
	if b := op.TakeBuffer(); !b.IsZero() {
		s.arrived(b)
	}
	if !op.More() {
		s.receiving = false
		s.receiveEnded(op)
	}
}

// arrived gives what was received to the handler.
func (s *Session) arrived(b bufring.Buffer) {
	s.shard.counts.bytesIn.Add(uint64(b.Len()))
	s.hear(b.Len())
	if s.discards() {
		b.Release()
		return
	}
	s.noticed.Store(true) // settle comes after Received, so that nobody needs to wake the shard
	s.shard.server.handler.Received(s, b)
	s.settle()
	s.throttle()
}

// receiveEnded looks at why the receive is over.
func (s *Session) receiveEnded(op *ops.Op) {
	if s.phase == phaseClosed {
		return
	}
	switch err := op.Err(); {
	case err == nil && op.BytesTransferred() == 0:
		s.eof = true
		if s.phase == phaseLingering {
			s.finishInOrder()
			return
		}
		s.endIfDone()
	case err == nil, s.cancelled && op.SocketError() == ops.OperationAborted:
		s.steer()
	default:
		s.fail(err)
	}
}

// limitTurn says how much one turn may bring, where the kernel can limit that. As a rule that is all that has arrived:
// to arm the receive anew costs a tenth of the CPU of a stream and more. Who asks for less than the usual HighWater wants
// small queues more than that, and while too much is queued for all sessions, one more that is blocked shall not add
// more than a buffer.
func (s *Session) limitTurn() {
	limit, high := 0, s.shard.limits.highWater
	if high < DefaultHighWater {
		limit = high
	}
	if size := s.shard.server.cfg.BufferSize; s.shard.server.budget.over.Load() && (limit == 0 || size < limit) {
		limit = size
	}
	_ = s.socket.SetMultishotLimit(limit)
}

// relimitTurn is limitTurn for a session whose receive may be armed already.
func (s *Session) relimitTurn() {
	s.limitTurn()
	if s.receiving && !s.cancelled && !s.discards() {
		s.cancelled = true
		s.socket.Cancel(&s.receive) // its end arms it anew
	}
}

// throttle stops receiving while too much waits to be sent, and lets it go on when half of that is left. What was
// started counts as well: until it is known whether the peer reads, the kernel would deliver another turn's worth.
func (s *Session) throttle() {
	n, high := int(s.unsent.Load()), s.shard.limits.highWater
	switch {
	case s.phase == phaseClosed:
		return
	case !s.paused.has(pausedByHighWater) && n >= high && !s.discards():
		s.shard.counts.pauses.Add(1)
		s.pause(pausedByHighWater)
	case s.paused.has(pausedByHighWater) && n <= high/2:
		s.resume(pausedByHighWater)
	default:
		return
	}
	s.steer()
}

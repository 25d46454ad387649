package server

import (
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

// endIfDone ends the stream when the session is to end and all that was given to it is sent.
func (s *Session) endIfDone() {
	if s.phase != phaseOpen || !s.ending && !s.eof && !s.drainOver {
		return
	}
	if s.sending > 0 || s.queue != nil || !s.refuseMore() {
		return
	}
	if s.eof {
		s.finishInOrder() // nothing can arrive any more, so that the close sends the end of the stream, and no reset
		return
	}
	s.phase = phaseLingering
	if err := s.socket.Shutdown(ops.ShutdownSend); err != nil {
		s.fail(err) // the connection is gone
		return
	}
	s.linger()
}

// refuseMore makes the session take nothing more, provided that the outbox is empty.
func (s *Session) refuseMore() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.outbox) > 0 {
		return false
	}
	s.refuses = true
	return true
}

// linger reads on, and discards, until the peer has ended its side. To close while bytes arrive would make the kernel
// throw away what it has not delivered.
func (s *Session) linger() {
	s.resumeAll()
	p := s.part()
	p.until, p.backlog = clock()+s.shard.limits.linger, -1
	s.steer()
	s.schedule()
}

// lingered looks at a session whose peer has not ended its side in time. It stays for another while when the peer is
// still reading, and for as long as the drain allows when the server drains.
func (s *Session) lingered() {
	unacknowledged := s.ask(unix.SIOCOUTQ)
	p := s.part()
	reading := p.backlog < 0 || unacknowledged < p.backlog
	if unacknowledged > 0 && (reading || s.draining) {
		p.backlog, p.until = unacknowledged, clock()+s.shard.limits.linger
		return
	}
	s.finishInOrder()
}

// ask gives a count of bytes that the kernel has of the connection; 0 when it does not tell.
func (s *Session) ask(request uint) (n int) {
	_ = s.socket.Control(func(fd uintptr) {
		n, _ = unix.IoctlGetInt(int(fd), request)
	})
	return n
}

// abort closes the connection for a timeout. A peer that has got everything sees the end of the stream, not a reset.
func (s *Session) abort(why EndReason, err error) {
	if s.phase == phaseOpen && s.sending == 0 && s.queue == nil {
		_ = s.socket.Shutdown(ops.ShutdownSend)
	}
	s.finish(why, err)
}

// finishInOrder ends a session that has sent everything, for the reason that began its end.
func (s *Session) finishInOrder() {
	switch {
	case s.expired:
		s.finish(EndedLifetime, ErrLifetime)
	case s.draining:
		s.finish(EndedByShutdown, nil)
	case s.ending:
		s.finish(EndedByHandler, nil)
	default:
		s.finish(EndedByPeer, nil)
	}
}

// fail ends a session whose connection has failed.
func (s *Session) fail(err error) { s.finish(reasonOf(err), err) }

// finish closes the connection and ends the session. The handler is told the error, Stats counts the reason.
func (s *Session) finish(why EndReason, err error) {
	if s.phase == phaseClosed {
		return
	}
	s.phase = phaseClosed
	_ = s.socket.Close()
	s.mu.Lock()
	s.refuses = true
	outbox := s.outbox
	s.outbox = nil
	s.mu.Unlock()
	for i := range outbox {
		outbox[i].buffer.Release()
	}
	s.dropQueue()
	s.resumeAll()
	if s.timer != nil {
		s.timer.Stop()
	}
	s.leave(why, err)
}

// cut ends a session for which nobody waits any longer. It has lost nothing when only its peer's end was missing.
func (s *Session) cut() {
	if s.phase == phaseLingering {
		s.finishInOrder()
		return
	}
	s.finish(EndedByCut, errCut)
}

// leave takes a session that has ended out of the books.
func (s *Session) leave(why EndReason, err error) {
	sh := s.shard
	sh.remove(s)
	sh.counts.ended[why].Add(1)
	s.leaveSource()
	sh.server.gate.leave()
	s.log("session closed", "reason", why, "error", err)
	sh.server.handler.Closed(s, err)
	sh.checkDrained()
}

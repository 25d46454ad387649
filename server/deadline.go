package server

import (
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// drainGrace is how long nothing may arrive from a peer until a server that drains takes it that all that the peer had
// sent before is answered.
const drainGrace = 100 * time.Millisecond

// retireGrace is the same where a successor takes the next connections: nobody waits for the end of those that are
// there, and a client that is only slow is not to be cut.
const retireGrace = time.Second

// never is a deadline that is not set.
const never time.Duration = math.MaxInt64

// schedule sets the session's timer to its next deadline. Deadlines that are put off cost nothing: the timer looks
// again when it fires.
func (s *Session) schedule() {
	if s.phase == phaseClosed {
		return
	}
	next := s.deadline()
	if next == never {
		return
	}
	if s.timer == nil {
		s.timer = s.shard.port.NewTimer(s.tick)
	}
	s.timer.Reset(next - clock())
}

// deadline is when something is to be done about the session at the earliest.
func (s *Session) deadline() time.Duration {
	if s.phase == phaseLingering {
		return s.part().until
	}
	next, l := never, s.shard.limits
	if l.idle > 0 {
		next = s.active + l.idle
	}
	if unread := s.unreadTimeout(); unread > 0 && s.queue != nil {
		next = min(next, s.queue.progress+unread)
	}
	if s.lives() {
		next = min(next, s.opened+l.life)
	}
	if s.draining && !s.drainOver {
		next = min(next, s.part().look)
	}
	return next
}

// tick runs when a deadline may have passed.
func (s *Session) tick() {
	if s.phase == phaseClosed {
		return
	}
	now, l := clock(), s.shard.limits
	switch {
	case s.phase == phaseLingering:
		if now >= s.part().until {
			s.lingered()
		}
	case s.isUnread(now):
		s.abortUnread()
	case l.idle > 0 && now-s.active >= l.idle:
		s.abort(EndedIdle, ErrIdleTimeout)
	case s.lives() && now-s.opened >= l.life:
		s.expired = true
		s.Close()
	case s.draining && !s.drainOver:
		s.checkDrain(now)
	}
	s.schedule()
}

// unreadTimeout is how long the peer may take nothing of the queue; 0: as long as it likes. Also without
// Config.WriteTimeout nobody outlives Config.Lifetime by not reading.
func (s *Session) unreadTimeout() time.Duration {
	l := s.shard.limits
	if l.write == 0 && s.expired {
		return l.linger
	}
	return l.write
}

func (s *Session) isUnread(now time.Duration) bool {
	timeout := s.unreadTimeout()
	return timeout > 0 && s.queue != nil && now-s.queue.progress >= timeout
}

func (s *Session) abortUnread() {
	if s.expired {
		s.abort(EndedLifetime, ErrLifetime)
		return
	}
	s.abort(EndedUnread, ErrWriteTimeout)
}

// lives tells whether Config.Lifetime is still to end the session, which a shutdown does otherwise.
func (s *Session) lives() bool { return s.shard.limits.life > 0 && !s.expired && !s.draining }

// hear notes that bytes came in.
func (s *Session) hear(n int) {
	s.spoke = true
	now := s.shard.now()
	s.active = now
	if s.draining {
		p := s.part()
		p.heard, p.owed = now, max(p.owed-n, 0)
	}
}

// drain begins the end of a session whose server shuts down. What the peer had sent before is still answered.
func (s *Session) drain() {
	s.draining = true
	if s.phase != phaseOpen {
		return
	}
	now := clock()
	p := s.part()
	p.heard, p.look, p.until = now, now+drainGrace, max(now+s.shard.limits.linger, s.shard.leaveUntil)
	if s.paused != 0 {
		p.owed = s.ask(unix.SIOCINQ)
	}
	s.schedule()
}

// checkDrain ends the answering once the peer is silent. One that sends on is answered for LingerTimeout, or as long as
// Retire allows, or until it has got the answers to what had arrived when the drain began.
func (s *Session) checkDrain(now time.Duration) {
	p := s.part()
	silence := p.heard + s.drainGrace()
	silent := s.paused == 0 && now >= silence
	if p.owed == 0 && (silent || now >= p.until) {
		s.drainOver = true
		s.steer()
		s.endIfDone()
		return
	}
	p.look = max(min(silence, p.until, now+retireGrace), now+drainGrace) // its first words make the silence shorter
}

// drainGrace is how long the peer may be silent in a drain. Where a successor takes the next ones, one that has not
// said anything yet may just have been connected, and has LingerTimeout.
func (s *Session) drainGrace() time.Duration {
	switch {
	case !s.shard.retiring:
		return drainGrace
	case !s.spoke:
		return s.shard.limits.linger
	}
	return retireGrace
}

package server

// pauseReason is why a session receives nothing for a while; several reasons may hold at once.
type pauseReason uint8

const (
	pausedByHighWater pauseReason = 1 << iota // its own queue is too long
	pausedByMaxQueued                         // something is queued for it, and too much for all sessions together
)

func (p pauseReason) has(why pauseReason) bool { return p&why != 0 }

// pause notes a reason to receive nothing. The caller steers.
func (s *Session) pause(why pauseReason) {
	if s.paused == 0 {
		s.shard.counts.paused.Add(1)
	}
	s.paused |= why
}

// resume notes that reasons to receive nothing are over.
func (s *Session) resume(why pauseReason) {
	if s.paused == 0 {
		return
	}
	if s.paused &^= why; s.paused == 0 {
		s.shard.counts.paused.Add(-1)
		if s.draining {
			s.part().heard = s.shard.now()
		}
	}
}

// resumeAll is for a session that does not pause any more, whatever is queued.
func (s *Session) resumeAll() { s.resume(^pauseReason(0)) }

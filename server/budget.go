package server

import "sync/atomic"

// budget is what may be queued for all sessions together. Only sessions that are blocked touch it: as long as the
// peers read nothing is queued, and nothing is counted. Its methods may be called from any goroutine.
type budget struct {
	queued atomic.Int64 // bytes in the queues of all sessions
	max    atomic.Int64 // 0: no limit
	over   atomic.Bool  // max was reached, and more than half of it is still queued
	shards []*shard
}

// add counts bytes that were queued, or with a negative n that left a queue.
func (b *budget) add(n int) {
	b.queued.Add(int64(n))
	b.review()
}

// limit sets another limit.
func (b *budget) limit(max int64) {
	b.max.Store(max)
	b.review()
}

// review notes whether too much is queued, and tells every shard when that has changed. It looks again until what it
// noted is right: whoever added last has the last word, however many do at once.
func (b *budget) review() {
	for {
		over := b.over.Load()
		if b.exceeded(over) == over {
			return
		}
		if b.over.CompareAndSwap(over, !over) {
			for _, sh := range b.shards {
				sh.post(sh.keepBudget)
			}
		}
	}
}

// exceeded tells whether too much is queued, after it was or was not before.
func (b *budget) exceeded(before bool) bool {
	queued, max := b.queued.Load(), b.max.Load()
	if before {
		max /= 2
		return max > 0 && queued > max
	}
	return max > 0 && queued >= max
}

// refuse is why n more bytes are not queued, or nil.
func (b *budget) refuse(n int) error {
	queued, max := b.queued.Load(), b.max.Load()
	if max == 0 || !b.over.Load() && queued <= max-int64(n) {
		return nil
	}
	return &QueueFullError{Queued: int(queued), Limit: int(max), Total: true}
}

// keepBudget has the sessions of the shard look at the budget.
func (sh *shard) keepBudget() {
	if sh.server.budget.over.Load() {
		sh.each((*Session).relimitTurn)
	} else {
		sh.each((*Session).limitTurn) // from the next time on that they are armed
	}
	for i := len(sh.blocked) - 1; i >= 0; i-- {
		s := sh.blocked[i] // one that ends meanwhile takes itself out, and puts one in its place that has looked already
		s.holdBack()
		s.goOn()
	}
}

// addBlocked notes a session that has a queue now.
func (sh *shard) addBlocked(s *Session) {
	s.queue.place = len(sh.blocked)
	sh.blocked = append(sh.blocked, s)
}

// removeBlocked forgets a session that is about to have none.
func (sh *shard) removeBlocked(s *Session) {
	last := len(sh.blocked) - 1
	moved := sh.blocked[last]
	moved.queue.place = s.queue.place
	sh.blocked[moved.queue.place] = moved
	sh.blocked[last] = nil
	sh.blocked = sh.blocked[:last]
}

// overBudget tells whether the session has a part in that too much is queued for all together.
func (s *Session) overBudget() bool { return s.queue != nil && s.shard.server.budget.over.Load() }

// holdBack stops receiving while too much is queued for all and something of it for this session, whose peer may slow
// down without harm to others.
func (s *Session) holdBack() {
	if s.paused.has(pausedByMaxQueued) || s.discards() || !s.overBudget() {
		return
	}
	s.shard.counts.queueLimited.Add(1)
	s.pause(pausedByMaxQueued)
	s.steer()
}

// goOn lets a session receive again that was held back, once there is room or nothing is queued for it.
func (s *Session) goOn() {
	if s.paused.has(pausedByMaxQueued) && !s.overBudget() {
		s.resume(pausedByMaxQueued)
		s.steer()
	}
}

package server

import (
	"sync/atomic"

	"github.com/ringport/ringport/ops"
)

// Stats tells what a server did so far and what it holds now. When nothing changes, Accepted is what was rejected, what
// has ended and what is being served: every connection is in one of them, and only in one.
type Stats struct {
	Sessions int // being served
	Parked   int // connections beyond a limit, which wait in the server for their turn
	Paused   int // sessions that receive nothing while something is queued for them

	Accepted uint64                  // connections, without those that are parked
	Rejected map[RejectReason]uint64 // of these, closed at once, by why; every reason is there, with zero too
	Ended    map[EndReason]uint64    // sessions that have ended, by why; every reason is there, with zero too

	ConnLimited  uint64 // times that Config.MaxConns stopped accepting
	RateLimited  uint64 // times that Config.AcceptRate did
	QueueLimited uint64 // times that Config.MaxQueued paused a session's receiving
	Pauses       uint64 // times that Config.HighWater did

	BytesIn  uint64
	BytesOut uint64
	Queued   int64 // bytes in the queues of all sessions

	Datagrams DatagramStats
	Shards    []ops.Stats // of each shard's port
}

// Closed is the number of sessions that have ended, for whatever reason.
func (s Stats) Closed() (n uint64) {
	for _, ended := range s.Ended {
		n += ended
	}
	return n
}

// Drained is the number of sessions that a shutdown brought to their end in order.
func (s Stats) Drained() uint64 { return s.Ended[EndedByShutdown] }

// Cut is the number of sessions that a shutdown could not wait for.
func (s Stats) Cut() uint64 { return s.Ended[EndedByCut] }

// counts is what a shard counts for Stats. The shard's goroutine writes it, any goroutine reads it.
type counts struct {
	paused               atomic.Int64
	accepted             atomic.Uint64
	pauses, queueLimited atomic.Uint64
	bytesIn, bytesOut    atomic.Uint64
	rejected             map[RejectReason]*atomic.Uint64 // made once, with every reason
	ended                map[EndReason]*atomic.Uint64
}

func newCounts() counts {
	return counts{rejected: countersOf(rejectReasons), ended: countersOf(endReasons)}
}

func countersOf[R comparable](reasons []R) map[R]*atomic.Uint64 {
	all := make(map[R]*atomic.Uint64, len(reasons))
	for _, reason := range reasons {
		all[reason] = new(atomic.Uint64)
	}
	return all
}

func addCounters[R comparable](sums map[R]uint64, counters map[R]*atomic.Uint64) {
	for reason, n := range counters {
		sums[reason] += n.Load()
	}
}

// Stats may be called from any goroutine, also after the server has closed.
func (s *Server) Stats() Stats {
	all := Stats{Rejected: make(map[RejectReason]uint64), Ended: make(map[EndReason]uint64)}
	s.gate.report(&all)
	all.Datagrams = s.datagramStats()
	all.Queued = s.budget.queued.Load()
	for _, sh := range s.shards {
		c := &sh.counts
		all.Paused += int(c.paused.Load())
		all.Accepted += c.accepted.Load()
		addCounters(all.Rejected, c.rejected)
		addCounters(all.Ended, c.ended)
		all.QueueLimited += c.queueLimited.Load()
		all.Pauses += c.pauses.Load()
		all.BytesIn += c.bytesIn.Load()
		all.BytesOut += c.bytesOut.Load()
		all.Shards = append(all.Shards, sh.port.Stats())
	}
	return all
}

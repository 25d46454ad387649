package server

import (
	"sync/atomic"

	"github.com/ringport/ringport/ops"
)

// Stats tells what a server did so far and what it holds now.
type Stats struct {
	Sessions int // being served
	Parked   int // accepted, waiting for a session to end
	Paused   int // sessions that receive nothing while their queue is long

	Accepted      uint64 // connections
	RejectedPerIP uint64 // of these, closed at once because their address had enough
	Closed        uint64 // sessions that have ended
	Pauses        uint64 // times that a session's receiving was paused
	Drained       uint64 // sessions that a shutdown brought to their end in order
	Cut           uint64 // sessions that a shutdown could not wait for
	BytesIn       uint64
	BytesOut      uint64
	Queued        int64 // bytes in the queues of all sessions

	Shards []ops.Stats // of each shard's port
}

// counts is what a shard counts for Stats. The shard's goroutine writes it, any goroutine reads it.
type counts struct {
	paused, queued                     atomic.Int64
	accepted, rejected, closed, pauses atomic.Uint64
	drained, cut                       atomic.Uint64
	bytesIn, bytesOut                  atomic.Uint64
}

// Stats may be called from any goroutine, also after the server has closed.
func (s *Server) Stats() Stats {
	var all Stats
	all.Sessions, all.Parked = s.gate.count() // at one moment, and never more than Config.MaxConns
	for _, sh := range s.shards {
		c := &sh.counts
		all.Paused += int(c.paused.Load())
		all.Accepted += c.accepted.Load()
		all.RejectedPerIP += c.rejected.Load()
		all.Closed += c.closed.Load()
		all.Pauses += c.pauses.Load()
		all.Drained += c.drained.Load()
		all.Cut += c.cut.Load()
		all.BytesIn += c.bytesIn.Load()
		all.BytesOut += c.bytesOut.Load()
		all.Queued += c.queued.Load()
		all.Shards = append(all.Shards, sh.port.Stats())
	}
	return all
}

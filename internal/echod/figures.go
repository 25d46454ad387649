package echod

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/server"
)

// figures is one log record of what the server did so far and what it holds now. Reasons that never came up are left
// out.
func figures(s server.Stats, lag string) []any {
	byReject, rejected := reasons(s.Rejected)
	byEnd, ended := reasons(s.Ended)
	byDrop, dropped := reasons(s.Datagrams.Dropped)
	return []any{
		"connections", s.Sessions, "parked", s.Parked, "paused", s.Paused, "queued_bytes", s.Queued,
		"accepted", s.Accepted,
		"rejected", rejected, slog.Group("rejected_by", byReject...),
		"ended", ended, slog.Group("ended_by", byEnd...),
		slog.Group("limits", "max_conns", s.ConnLimited, "accept_rate", s.RateLimited,
			"max_queued", s.QueueLimited, "high_water", s.Pauses),
		"received_bytes", s.BytesIn, "sent_bytes", s.BytesOut,
		slog.Group("datagrams", "received", s.Datagrams.Received, "answered", s.Datagrams.Answered,
			"received_bytes", s.Datagrams.BytesIn, "sent_bytes", s.Datagrams.BytesOut, "dropped", dropped),
		slog.Group("dropped_by", byDrop...),
		ringFigures(s.Shards), "lag", lag,
	}
}

// reasons is a count for each reason that came up, in the order of their names, and the sum.
func reasons[R ~string](counts map[R]uint64) (attributes []any, sum uint64) {
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		if n := counts[reason]; n > 0 {
			attributes = append(attributes, string(reason), n)
			sum += n
		}
	}
	return attributes, sum
}

// ringFigures is what the shards' rings and ports counted, in one sum.
func ringFigures(shards []ops.Stats) slog.Attr {
	var all ops.Stats
	for _, s := range shards {
		all.Turns += s.Turns
		all.Wakes += s.Wakes
		all.NoDescriptors += s.NoDescriptors
		all.NoBuffers += s.NoBuffers
		all.ShortSends += s.ShortSends
		all.Ring.Enters += s.Ring.Enters
		all.Ring.EmptyEnters += s.Ring.EmptyEnters
		all.Ring.SQEs += s.Ring.SQEs
		all.Ring.CQEs += s.Ring.CQEs
		all.Ring.Overflows += s.Ring.Overflows
		all.Buffers.Posted += s.Buffers.Posted
		all.Buffers.Leased += s.Buffers.Leased
		all.Buffers.Spare += s.Buffers.Spare
	}
	return slog.Group("rings", "turns", all.Turns, "wakes", all.Wakes, "enters", all.Ring.Enters,
		"empty_enters", all.Ring.EmptyEnters, "sqes", all.Ring.SQEs, "cqes", all.Ring.CQEs,
		"overflows", all.Ring.Overflows, "short_sends", all.ShortSends, "no_buffers", all.NoBuffers,
		"no_descriptors", all.NoDescriptors, "buffers_posted", all.Buffers.Posted,
		"buffers_leased", all.Buffers.Leased, "buffers_spare", all.Buffers.Spare)
}

// statusLine is the figures that matter most, on a line for people.
func statusLine(what string, s server.Stats) string {
	return fmt.Sprintf("%s: %d connections, %d waiting, %d bytes queued", what, s.Sessions, s.Parked, s.Queued)
}

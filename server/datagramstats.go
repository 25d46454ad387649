package server

import "sync/atomic"

// DatagramStats tells what a server did with datagrams. What it received it answered, dropped for one of the reasons,
// or, in the moment of the call, has yet to decide about; a Handler that answers nothing makes up the rest.
type DatagramStats struct {
	Received uint64 // datagrams that arrived, whatever came of them
	Answered uint64 // of these, datagrams whose answer the kernel took
	BytesIn  uint64 // payload of what was received, as far as it fitted into a buffer
	BytesOut uint64 // payload of the answers

	Dropped map[DropReason]uint64 // datagrams that were not answered, by why; every reason is there, with zero too
}

// datagramCounts is what a shard counts for DatagramStats. Its goroutine writes it, any goroutine reads it.
type datagramCounts struct {
	received, answered, bytesIn, bytesOut atomic.Uint64
	dropped                               [dropKinds]atomic.Uint64
}

func (s *Server) datagramStats() DatagramStats {
	all := DatagramStats{Dropped: make(map[DropReason]uint64, dropKinds)}
	for _, sh := range s.shards {
		c := &sh.datagrams
		// What comes later is read first, so that no more are answered or dropped than were received.
		all.Answered += c.answered.Load()
		all.BytesOut += c.bytesOut.Load()
		for why := passed + 1; why < dropKinds; why++ {
			all.Dropped[dropReasons[why]] += c.dropped[why].Load()
		}
		all.Received += c.received.Load()
		all.BytesIn += c.bytesIn.Load()
	}
	return all
}

// dropped counts the datagrams that all shards dropped for a reason.
func (s *Server) dropped(why drop) (n uint64) {
	for _, sh := range s.shards {
		n += sh.datagrams.dropped[why].Load()
	}
	return n
}

package server

import (
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"
)

// drop is a DropReason by number, for counting without looking anything up.
type drop uint8

const (
	passed drop = iota // none: the datagram may be answered
	dropPrivilegedPort
	dropOwnPort
	dropMulticast
	dropTruncated
	dropLoop
	dropSourceRate
	dropTotalRate
	dropBusy
	dropUnsent
	dropKinds // how many there are
)

var dropReasons = [dropKinds]DropReason{
	dropPrivilegedPort: DroppedPrivilegedPort,
	dropOwnPort:        DroppedOwnPort,
	dropMulticast:      DroppedMulticast,
	dropTruncated:      DroppedTruncated,
	dropLoop:           DroppedLoop,
	dropSourceRate:     DroppedSourceRate,
	dropTotalRate:      DroppedTotalRate,
	dropBusy:           DroppedBusy,
	dropUnsent:         DroppedUnsent,
}

// dropLogInterval is the time between two log lines about the same reason, at least: who sends what is dropped must
// not fill the log with it.
const dropLogInterval = time.Minute

// dropLog tells of dropped datagrams. Any goroutine may use it.
type dropLog struct {
	log     *slog.Logger
	reasons [dropKinds]struct {
		said atomic.Int64  // when the last line was written; 0: never
		told atomic.Uint64 // how many datagrams the lines so far were about
	}
}

// due tells whether it is time for a line about a reason. The caller writes it then.
func (l *dropLog) due(why drop, now time.Duration) bool {
	r := &l.reasons[why]
	said := r.said.Load()
	if said != 0 && now-time.Duration(said) < dropLogInterval {
		return false
	}
	return r.said.CompareAndSwap(said, max(int64(now), 1))
}

// write writes a line. total is how many were dropped for the reason since the server began.
func (l *dropLog) write(why drop, total uint64, from netip.AddrPort, listener string) {
	n := total - l.reasons[why].told.Swap(total)
	message := "datagrams were dropped"
	if why == dropTruncated {
		message += ", since they are longer than a receive buffer; raise Config.BufferSize (--buffer-size)"
	}
	l.log.Warn(message, "reason", string(dropReasons[why]), "count", n,
		"last_from", from.String(), "listener", listener)
}

package server

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// meter lets so many units a second through, over all goroutines, and after a quiet time those of one second at once.
// It is one word: how much has been spent of what was earned since the clock began.
type meter struct {
	perSecond uint64 // 0: no limit
	spent     atomic.Uint64
}

// newMeter takes a negative rate as none.
func newMeter(perSecond int) *meter { return &meter{perSecond: uint64(max(perSecond, 0))} }

// earned is all that may be spent until now: it begins with the first second's, and nothing of that lasts for longer
// than a second.
func (m *meter) earned(now time.Duration) uint64 {
	high, low := bits.Mul64(m.perSecond, uint64(max(now, 0)))
	units, _ := bits.Div64(high, low, uint64(time.Second)) // high is less: perSecond is, and now has 63 bits
	return units + m.perSecond
}

// take spends n units. It is false when they are more than there are, and spends nothing then.
func (m *meter) take(n int, now time.Duration) bool {
	if m.perSecond == 0 {
		return true
	}
	earned := m.earned(now)
	for {
		spent := m.spent.Load()
		after := max(spent, earned-m.perSecond) + uint64(n)
		if after > earned {
			return false
		}
		if m.spent.CompareAndSwap(spent, after) {
			return true
		}
	}
}

// giveBack undoes a take.
func (m *meter) giveBack(n int) {
	if m.perSecond > 0 {
		m.spent.Add(-uint64(n))
	}
}

// totals limits what is answered over all sources and shards.
type totals struct{ datagrams, bytes *meter }

func newTotals(cfg DatagramConfig) *totals {
	return &totals{newMeter(cfg.TotalRate), newMeter(cfg.TotalBytes)}
}

// with gives the limits of another configuration. A rate that stays goes on from what is spent.
func (t *totals) with(cfg DatagramConfig) *totals {
	next := newTotals(cfg)
	if next.datagrams.perSecond == t.datagrams.perSecond {
		next.datagrams = t.datagrams
	}
	if next.bytes.perSecond == t.bytes.perSecond {
		next.bytes = t.bytes
	}
	return next
}

// take lets a datagram through.
func (t *totals) take(bytes int, now time.Duration) bool {
	if !t.datagrams.take(1, now) {
		return false
	}
	if !t.bytes.take(bytes, now) {
		t.datagrams.giveBack(1)
		return false
	}
	return true
}

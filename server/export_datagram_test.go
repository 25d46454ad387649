package server

import (
	"net/netip"
	"time"
)

// Buckets are the token buckets of a shard.
type Buckets struct{ *buckets }

func NewBuckets(size, perSecond, burst int) Buckets {
	return Buckets{newBuckets(size, perSecond, burst)}
}

func (b Buckets) Take(addr netip.Addr, now time.Duration) bool { return b.take(originOf(addr), now) }
func (b Buckets) Limit(perSecond, burst int)                   { b.limit(perSecond, burst) }
func (b Buckets) Len() int                                     { return b.len() }

// Meter is one of the limits of all shards together.
type Meter struct{ *meter }

func NewMeter(perSecond int) Meter                 { return Meter{newMeter(perSecond)} }
func (m Meter) Take(n int, now time.Duration) bool { return m.take(n, now) }

// Totals are both of them.
type Totals struct{ *totals }

func NewTotals(cfg DatagramConfig) Totals               { return Totals{newTotals(cfg)} }
func (t Totals) Take(bytes int, now time.Duration) bool { return t.take(bytes, now) }

package server

import (
	"math"
	"time"
)

// ReasonOf is the reason of an end for which the connection's failure is the cause.
var ReasonOf = reasonOf

// Rate is the bucket of accepts, by a clock of the test's.
type Rate struct{ rate }

// NewRate makes a full bucket.
func NewRate(perSecond, burst int) *Rate {
	r := &Rate{}
	r.set(perSecond, burst, 0)
	return r
}

func (r *Rate) Set(perSecond, burst int, now time.Duration) { r.set(perSecond, burst, now) }
func (r *Rate) Wait() time.Duration                         { return r.wait() }

// Take takes what there is at a moment, n at most, and gives the number.
func (r *Rate) Take(n int, now time.Duration) (taken int) {
	for r.fill(now); taken < n && r.available() > 0; taken++ {
		r.take()
	}
	return taken
}

// Everything is more than there ever is.
const Everything = math.MaxInt

// Budget is what may be queued for all sessions, of a server without shards.
type Budget struct{ budget }

func NewBudget(max int64) *Budget {
	b := &Budget{}
	b.limit(max)
	return b
}

func (b *Budget) Add(n int)          { b.add(n) }
func (b *Budget) Limit(max int64)    { b.limit(max) }
func (b *Budget) Over() bool         { return b.over.Load() }
func (b *Budget) Refuse(n int) error { return b.refuse(n) }

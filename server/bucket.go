package server

import (
	"math/bits"
	"math/rand/v2"
	"time"
)

// bucket holds the tokens of one source: each datagram takes one.
type bucket struct {
	of     source
	tokens float64
	at     time.Duration // when tokens was right
	chain  uint32        // the next one with the same hash; 0: none
	newer  uint32        // the one that was heard of next
	older  uint32        // the one that was heard of before
}

// buckets has the buckets of the sources that were heard of last. Its memory is all there from the start, so that
// whoever forges senders gets no more of it: to take in another source, the one that was quiet the longest is
// forgotten. A source that is not known has a full bucket. It is one goroutine's.
type buckets struct {
	perSecond, burst float64
	all              []bucket // the first is none: it ends the ring from the newest to the oldest
	heads            []uint32 // by hash; 0: none
	used             int      // of all
	seed             [2]uint64
}

// newBuckets makes room for so many sources, with a burst of datagrams each.
func newBuckets(size, perSecond, burst int) *buckets {
	heads := 1 << bits.Len(uint(size-1))
	b := &buckets{
		all: make([]bucket, size+1), heads: make([]uint32, heads), used: 1,
		// Nobody can choose sources that share a hash.
		seed: [2]uint64{rand.Uint64(), rand.Uint64() | 1},
	}
	b.limit(perSecond, burst)
	return b
}

// limit changes the rate and the burst. What a source has saved up stays, as far as the burst allows.
func (b *buckets) limit(perSecond, burst int) {
	b.perSecond, b.burst = float64(perSecond), float64(burst)
}

// take uses a token of the source. It is false when there is none.
func (b *buckets) take(of source, now time.Duration) bool {
	i := b.find(of)
	if i == 0 {
		i = b.add(of, now)
	} else {
		b.unlink(i)
	}
	b.link(i)
	k := &b.all[i]
	if now > k.at {
		k.tokens += b.perSecond * (now - k.at).Seconds()
		k.at = now
	}
	k.tokens = min(k.tokens, b.burst)
	if k.tokens < 1 {
		return false
	}
	k.tokens--
	return true
}

// len is the number of sources that are known.
func (b *buckets) len() int { return b.used - 1 }

func (b *buckets) find(of source) uint32 {
	i := *b.head(of)
	for i != 0 && b.all[i].of != of {
		i = b.all[i].chain
	}
	return i
}

// add gives a source a full bucket, the oldest one when all are in use. It is not in the ring yet.
func (b *buckets) add(of source, now time.Duration) uint32 {
	i := uint32(b.used)
	if b.used < len(b.all) {
		b.used++
	} else {
		i = b.all[0].newer
		b.unlink(i)
		b.forget(i)
	}
	head := b.head(of)
	b.all[i] = bucket{of: of, tokens: b.burst, at: now, chain: *head}
	*head = i
	return i
}

// forget takes a bucket out of its chain.
func (b *buckets) forget(i uint32) {
	at := b.head(b.all[i].of)
	for *at != i {
		at = &b.all[*at].chain
	}
	*at = b.all[i].chain
}

// link makes a bucket the newest.
func (b *buckets) link(i uint32) {
	newest := b.all[0].older
	b.all[i].newer, b.all[i].older = 0, newest
	b.all[newest].newer, b.all[0].older = i, i
}

func (b *buckets) unlink(i uint32) {
	k := &b.all[i]
	b.all[k.older].newer, b.all[k.newer].older = k.newer, k.older
}

func (b *buckets) head(of source) *uint32 {
	mixed := of.bits ^ b.seed[0]
	if of.is4 {
		mixed = ^mixed
	}
	high, low := bits.Mul64(mixed, b.seed[1])
	return &b.heads[(high^low)&uint64(len(b.heads)-1)]
}

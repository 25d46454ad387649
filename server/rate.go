package server

import "time"

// rate is a token bucket: a token for each connection that is accepted. It is guarded by whoever has it.
type rate struct {
	perSecond float64 // 0: no limit
	burst     float64
	tokens    float64
	at        time.Duration // when tokens was right
}

// set changes the limits. What was saved up stays, as far as the new burst allows; a bucket that had no limit is full.
func (r *rate) set(perSecond, burst int, now time.Duration) {
	if r.limited() {
		r.fill(now)
	} else {
		r.tokens = float64(burst)
	}
	r.perSecond, r.burst, r.at = float64(perSecond), float64(burst), now
	r.tokens = min(r.tokens, r.burst)
}

func (r *rate) limited() bool { return r.perSecond > 0 }

// fill adds what has come in since the last time.
func (r *rate) fill(now time.Duration) {
	if now > r.at {
		r.tokens = min(r.tokens+r.perSecond*(now-r.at).Seconds(), r.burst)
		r.at = now
	}
}

// take uses a token, of which there is one.
func (r *rate) take() { r.tokens-- }

// available is the number of whole tokens.
func (r *rate) available() int { return int(r.tokens) }

// pauseOf is how much of a second's tokens comes in while accepting pauses: fewer would make the pauses so short that
// the shards do nothing but begin and end them.
const pauseOf = 100

// enough is the number of tokens with which accepting goes on after it had stopped.
func (r *rate) enough() float64 { return max(min(r.perSecond/pauseOf, r.burst), 1) }

// wait is the time until there are enough.
func (r *rate) wait() time.Duration {
	missing := r.enough() - r.tokens
	return time.Duration(missing/r.perSecond*float64(time.Second)) + time.Nanosecond
}

package load

import (
	"math/rand/v2"
	"time"
)

// tooLate is from when on a send counts as late.
const tooLate = time.Millisecond

// schedule is when the messages of an open loop should be sent. It is computed as it goes: what could not be sent in
// time needs no memory.
type schedule struct {
	gap    float64    // nanoseconds between two messages, on average
	random *rand.Rand // nil: constant
	start  moment
	passed uint64  // messages before the next one
	next   float64 // nanoseconds from start to the next one

	// In the window:
	intended, sent, late uint64
	lag                  Histogram
}

func newSchedule(cfg Config) *schedule {
	s := &schedule{gap: float64(time.Second) / cfg.Rate, lag: NewHistogram()}
	if cfg.Arrivals == Poisson {
		s.random = rand.New(rand.NewPCG(cfg.Seed, golden))
	}
	return s
}

// begin starts it. The first message of a constant schedule is due at once.
func (s *schedule) begin(now moment) {
	s.start = now
	if s.random != nil {
		s.next = s.random.ExpFloat64() * s.gap
	}
}

// due is when the next message should be sent.
func (s *schedule) due() moment { return s.start + moment(s.next) }

// advance goes on to the message after the next one.
func (s *schedule) advance() {
	s.passed++
	if s.random != nil {
		s.next += s.random.ExpFloat64() * s.gap
	} else {
		s.next = float64(s.passed) * s.gap // not a sum: its error would grow
	}
}

// wasSent counts the next message as sent at a moment of the window.
func (s *schedule) wasSent(now moment) {
	lag := now - s.due()
	s.intended++
	s.sent++
	if lag > tooLate {
		s.late++
	}
	s.lag.record(lag)
}

// giveUp counts the messages that were to be sent before the end, and were not.
func (s *schedule) giveUp(start, end moment) {
	for ; s.due() < end; s.advance() {
		if s.due() >= start {
			s.intended++
			s.late++
		}
	}
}

// figures is what is told about it.
func (s *schedule) figures(seconds float64) *Schedule {
	return &Schedule{
		Intended:    s.intended,
		Sent:        s.sent,
		OfferedRate: perSecond(float64(s.intended), seconds),
		Late:        s.late,
		Lag:         s.lag,
	}
}

// perSecond is 0 of no time.
func perSecond(n, seconds float64) float64 {
	if seconds <= 0 {
		return 0
	}
	return n / seconds
}

package server

import (
	"context"
	"log/slog"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/ops"
)

// Session is the server's state for one connection. Its exported methods may be called from any goroutine. A session
// is never used again for another connection, so that a pointer kept for too long does no harm.
type Session struct {
	shard  *shard
	socket *ops.Socket
	remote ops.Endpoint
	unsent atomic.Int64 // bytes given to the session and not yet taken by the kernel

	// noticed says that the shard is going to look at the session.
	noticed atomic.Bool

	mu      sync.Mutex // held for moments, and never while something is called
	closing bool       // Close was called
	blocked bool       // something is in the queue
	refuses bool       // nothing more is taken: the end of the stream was sent, or the session has ended
	outbox  []parcel   // given to the session and not yet started

	// What follows is the shard's goroutine's.
	phase     phase
	spoke     bool        // something was received
	eof       bool        // the peer has ended its side
	ending    bool        // Close was seen
	expired   bool        // Config.Lifetime is over
	receiving bool        // the receive is in flight
	cancelled bool        // and its cancel was asked for
	paused    pauseReason // why nothing is received
	counted   bool        // in the sources
	draining  bool        // the server is
	drainOver bool        // and what the peer sends now is not answered any more
	sending   int         // sends in flight that are no chunks of the queue
	queue     *queue
	receive   ops.Op

	timer      *ops.Timer    // nil until a deadline is set
	opened     time.Duration // when the session was
	active     time.Duration // when bytes moved last, in either direction
	parting    *parting      // nil until the end comes in sight
	next, prev *Session
}

// parting is what a session keeps in mind while the server drains, or while it lingers. Most have none, most of the
// time, and there may be very many.
type parting struct {
	heard   time.Duration // when bytes came in last, while the server drains
	look    time.Duration // when to see whether the drain is over for the session
	until   time.Duration // of a drain or of lingering
	owed    int           // bytes that had arrived when the drain began and were not received yet
	backlog int           // bytes that the peer has not acknowledged when lingering was looked at last
}

// part gives the session's parting.
func (s *Session) part() *parting {
	if s.parting == nil {
		s.parting = new(parting)
	}
	return s.parting
}

// phase is how far a session has got.
type phase uint8

const (
	phaseOpen      phase = iota
	phaseLingering       // the end of the stream is sent; the peer's is awaited
	phaseClosed
)

// parcel is something to be sent: a leased buffer, or bytes that are the session's own.
type parcel struct {
	buffer bufring.Buffer
	own    []byte
}

func (p *parcel) bytes() []byte {
	if p.buffer.IsZero() {
		return p.own
	}
	return p.buffer.Bytes()
}

// Send sends a buffer's bytes, after all that was given to the session before, and releases the buffer once they
// are sent or can not be. It does not wait. On a session that is closing it releases the buffer at once.
func (s *Session) Send(b bufring.Buffer) {
	if s.give(parcel{buffer: b}, b.Len(), noLimit) != nil {
		b.Release()
	}
}

// Write copies p and sends it as Send does. It never waits: when p does not fit into what Config.HighWater leaves,
// or something is queued for the session already and Config.MaxQueued is reached, nothing is taken and a
// *QueueFullError is returned. On a session that is closing the error matches net.ErrClosed.
func (s *Session) Write(p []byte) (int, error) {
	limit := s.shard.server.limits.Load().highWater
	if err := s.admit(len(p), limit); err != nil || len(p) == 0 {
		return 0, err // and nothing was copied in vain
	}
	if err := s.give(parcel{own: slices.Clone(p)}, len(p), limit); err != nil {
		return 0, err
	}
	return len(p), nil
}

// noLimit is for what holds a buffer: those are limited.
const noLimit = math.MaxInt

// admit tells whether the session takes n bytes now.
func (s *Session) admit(n, limit int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.check(n, limit)
}

// check is admit with the lock held.
func (s *Session) check(n, limit int) error {
	switch queued := int(s.unsent.Load()); {
	case s.refuses || s.closing:
		return errSessionClosed
	case queued > limit-n:
		return &QueueFullError{Queued: queued, Limit: limit}
	case s.blocked && limit != noLimit:
		return s.shard.server.budget.refuse(n)
	}
	return nil
}

// give puts n bytes into the outbox.
func (s *Session) give(p parcel, n, limit int) error {
	s.mu.Lock()
	if err := s.check(n, limit); err != nil {
		s.mu.Unlock()
		return err
	}
	s.unsent.Add(int64(n))
	s.outbox = append(s.outbox, p)
	s.mu.Unlock()
	s.wake()
	return nil
}

// wake makes the shard look at the session, if it is not about to anyway.
func (s *Session) wake() {
	if !s.noticed.Swap(true) {
		s.shard.notice(s)
	}
}

// Close ends the session after what was given to it has been sent. What the peer sends from now on is discarded.
// It does not wait; Handler.Closed tells when the session has ended.
func (s *Session) Close() {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	s.wake()
}

// RemoteEndpoint is the peer's address, also after the session has ended. It is Endpoint{} when the peer was gone
// before it was accepted, and of a Unix peer without a name, as most are.
func (s *Session) RemoteEndpoint() ops.Endpoint { return s.remote }

// open makes a session of an accepted connection that has its permit.
func (sh *shard) open(p parked) {
	s := &Session{shard: sh, socket: p.socket, remote: p.remote, counted: p.counted}
	s.receive.Completed, s.receive.UserToken, s.receive.Multishot = sh.receivedFn, s, true
	s.limitTurn()
	sh.add(s)
	s.active = clock()
	s.opened = s.active
	s.log("session opened")
	s.noticed.Store(true) // settle comes after Opened
	sh.server.handler.Opened(s)
	s.settle()
	s.steer()
	if sh.draining {
		s.drain() // it has waited for its permit in a server that retires
	}
	s.schedule()
}

// log tells of the session at level debug.
func (s *Session) log(event string, args ...any) {
	log := s.shard.server.log
	if log.Enabled(context.Background(), slog.LevelDebug) {
		log.Debug(event, append([]any{"peer", s.remote.String()}, args...)...)
	}
}

// settle does what other goroutines and the handler have asked for.
func (s *Session) settle() {
	s.noticed.Store(false) // whoever adds something from here on notices the session again
	if closing := s.transmitAll(); closing && !s.ending {
		s.ending = true
		s.steer()
	}
	s.endIfDone()
}

// discards tells whether what arrives is not for the handler any more.
func (s *Session) discards() bool { return s.ending || s.drainOver || s.phase != phaseOpen }

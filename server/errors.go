package server

import (
	"fmt"
	"net"
	"os"
)

// timeoutError is why a session was closed that did nothing for too long.
type timeoutError struct{ text string }

func (e *timeoutError) Error() string { return e.text }

// Is makes errors.Is find os.ErrDeadlineExceeded.
func (e *timeoutError) Is(target error) bool { return target == os.ErrDeadlineExceeded }

// Timeout and Temporary make it a net.Error.
func (e *timeoutError) Timeout() bool   { return true }
func (e *timeoutError) Temporary() bool { return true }

// The timeouts that Handler.Closed is told. All match os.ErrDeadlineExceeded.
var (
	// ErrIdleTimeout says that nothing was received or sent for Config.IdleTimeout.
	ErrIdleTimeout net.Error = &timeoutError{"server: the session was idle for too long"}
	// ErrLifetime says that the session was open for Config.Lifetime. What was queued has been sent, unless its peer
	// had stopped to read.
	ErrLifetime net.Error = &timeoutError{"server: the session has been open for as long as it may"}
	// ErrWriteTimeout says that the peer took nothing of what was queued for it for Config.WriteTimeout.
	ErrWriteTimeout net.Error = &timeoutError{"server: the peer has not read what is queued for it in time"}
)

// QueueFullError is what Session.Write returns when its bytes do not fit into the session's queue, or into what may be
// queued for all sessions.
type QueueFullError struct {
	Queued int  // bytes given to the session and not yet taken by the kernel; with Total, queued for all sessions
	Limit  int  // Config.HighWater; with Total, Config.MaxQueued
	Total  bool // the limit is that of all sessions together
}

// Error tells how full the queue is.
func (e *QueueFullError) Error() string {
	if e.Total {
		return fmt.Sprintf("server: write: the queues of all sessions hold %d of %d bytes; write again when peers have read",
			e.Queued, e.Limit)
	}
	return fmt.Sprintf("server: write: the session's queue holds %d of %d bytes; write again when the peer has read",
		e.Queued, e.Limit)
}

// The ends of a session that are no failure of its connection. Both match net.ErrClosed.
var (
	errSessionClosed = fmt.Errorf("server: the session is closing: %w", net.ErrClosed)
	errCut           = fmt.Errorf("server: closed without waiting for the session any longer: %w", net.ErrClosed)
	errServerClosed  = fmt.Errorf("server: the server is closed: %w", net.ErrClosed)
)

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

// The timeouts that Handler.Closed is told. Both match os.ErrDeadlineExceeded.
var (
	// ErrIdleTimeout says that nothing was received or sent for Config.IdleTimeout.
	ErrIdleTimeout net.Error = &timeoutError{"server: the session was idle for too long"}
	// ErrWriteTimeout says that the peer took nothing of what was queued for it for Config.WriteTimeout.
	ErrWriteTimeout net.Error = &timeoutError{"server: the peer has not read what is queued for it in time"}
)

// QueueFullError is what Session.Write returns when its bytes do not fit into the session's queue.
type QueueFullError struct {
	Queued int // bytes given to the session and not yet taken by the kernel
	Limit  int // Config.HighWater
}

// Error tells how full the queue is.
func (e *QueueFullError) Error() string {
	return fmt.Sprintf("server: write: the session's queue holds %d of %d bytes; write again when the peer has read",
		e.Queued, e.Limit)
}

// The ends of a session that are no failure of its connection. Both match net.ErrClosed.
var (
	errSessionClosed = fmt.Errorf("server: the session is closing: %w", net.ErrClosed)
	errCut           = fmt.Errorf("server: closed without waiting for the session any longer: %w", net.ErrClosed)
	errServerClosed  = fmt.Errorf("server: the server is closed: %w", net.ErrClosed)
)

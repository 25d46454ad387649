package server

import "github.com/ringport/ringport/bufring"

// Handler is what a server does with its sessions. All methods run on the goroutine of the session's shard and must not
// block: the shard serves nobody meanwhile. A panic in one is not recovered. For one session they are called one
// after the other: Opened, then Received any number of times, then Closed, once each but Received.
type Handler interface {
	// Opened is called with a new session, before anything is received. What it sends goes out first.
	Opened(*Session)
	// Received is called with what has arrived, at least one byte. The callee owns the buffer: it passes it to
	// Session.Send, or releases it when it is done with it, at any time and on any goroutine. A server has
	// Config.Buffers of them per shard; while all are kept, it receives nothing. When the peer has ended its side the
	// session ends as soon as nothing is queued: an answer that is given later, by another goroutine, is refused.
	Received(*Session, bufring.Buffer)
	// Closed is called when a session has ended: with nil when all that was queued had been sent and the stream was
	// ended in order; otherwise with the reason, such as an *ops.Error of the connection, ErrIdleTimeout, ErrLifetime,
	// ErrWriteTimeout, or an error that matches net.ErrClosed when the server closed without waiting any longer.
	Closed(*Session, error)
}

// Echo is the Handler that sends back what it receives, without copying it: RFC 862.
type Echo struct{}

var (
	_ Handler = Echo{}
	_ Handler = (*Echo)(nil)
)

// Opened does nothing.
func (Echo) Opened(*Session) {}

// Received sends the buffer back.
func (Echo) Received(s *Session, b bufring.Buffer) { s.Send(b) }

// Closed does nothing.
func (Echo) Closed(*Session, error) {}

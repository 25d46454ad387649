package ops

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// Shutdown ends one or both directions of a connection, as shutdown(2). ShutdownSend takes effect behind the sends
// that were started before; later ones fail with EPIPE. With ShutdownReceive a receive that waits sees the end of
// the stream. Returns an error that wraps ENOTCONN when there is no connection, or matches net.ErrClosed.
func (s *Socket) Shutdown(how ShutdownHow) error {
	if how > ShutdownBoth {
		return argumentError(None, fmt.Sprintf("shutdown: %d is no direction", how))
	}
	p := s.port
	p.mu.Lock()
	if s.state.has(stateClosing | stateClosed) {
		p.mu.Unlock()
		return closedError(None)
	}
	if !s.state.has(stateConnected) || s.rx.renewing {
		p.mu.Unlock()
		return fmt.Errorf("ops: shutdown: %w", errorOf(None, syscall.ENOTCONN))
	}
	now, wake := s.plan(how)
	s.refs++
	p.mu.Unlock()
	p.wake(wake)
	defer s.unhold()
	return s.shutdownNow(now)
}

// plan marks the directions as ended and tells what can be done at once: the sending one only when nothing is
// queued.
func (s *Socket) plan(how ShutdownHow) (now []int, wake bool) {
	if how != ShutdownSend {
		s.state |= stateShutReceive
		now = append(now, unix.SHUT_RD)
	}
	if how == ShutdownReceive || s.state.has(stateShutSend) {
		return now, false
	}
	s.state |= stateShutSend
	if s.tx.queue.head == nil && !s.tx.busy() {
		return append(now, unix.SHUT_WR), false
	}
	s.tx.shutdown = true
	return now, s.enlist()
}

func (s *Socket) shutdownNow(directions []int) error {
	for _, d := range directions {
		if err := unix.Shutdown(s.fd, d); err != nil {
			return fmt.Errorf("ops: shutdown: %w", errorOf(None, errno(err)))
		}
	}
	return nil
}

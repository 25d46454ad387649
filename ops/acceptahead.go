package ops

import "fmt"

// SetAcceptAhead changes how many connections of a listener may be accepted before anybody asks, which is
// ListenConfig.AcceptAhead for listeners that Associate or Socket.Listen has made; 0: DefaultAcceptAhead; negative:
// none, each AcceptAsync is one request. Connections that are accepted already stay, and are given out first. Any
// goroutine may call it. Returns an error that matches ErrArgument for a number above 1048576, ErrState when the socket
// does not listen, and net.ErrClosed when it is closed.
func (s *Socket) SetAcceptAhead(n int) error {
	if n > maxAcceptAhead {
		return argumentError(None, fmt.Sprintf("accept ahead: %d connections, want at most %d", n, maxAcceptAhead))
	}
	if n == 0 {
		n = DefaultAcceptAhead
	}
	p := s.port
	p.mu.Lock()
	var err error
	wake := false
	switch {
	case s.state.has(stateClosing|stateClosed) || p.closing:
		err = closedError(None)
	case s.acc == nil:
		err = errAheadNotListening
	default:
		s.acc.ahead = max(n, 0)
		wake = s.enlist() // the room has changed
	}
	p.mu.Unlock()
	p.wake(wake)
	return err
}

var errAheadNotListening = stateError(None, "accept ahead: the socket does not listen; bind it and call Listen first")

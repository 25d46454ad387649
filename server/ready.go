package server

import (
	"errors"
	"fmt"
	"net"
)

var (
	errNotServed = errors.New("server: not ready: connections wait until Serve is called")
	errDraining  = fmt.Errorf("server: not ready: the server is draining; clients find another one: %w", net.ErrClosed)
)

// Ready is nil while new connections are served, and otherwise says why they are not now: the server is not served
// yet, it is at Config.MaxConns, a listener finds no free descriptor, or it shuts down; the last matches net.ErrClosed.
// A pause of Config.AcceptRate is over soon, and nothing to send clients elsewhere for. Any goroutine may call it.
func (s *Server) Ready() error {
	s.mu.Lock()
	ended, serving := s.ended, s.serving
	s.mu.Unlock()
	switch {
	case ended:
		return errDraining
	case !serving:
		return errNotServed
	}
	if limit, full := s.gate.atLimit(); full {
		return fmt.Errorf("server: not ready: at the limit of %d connections; new ones wait until others end", limit)
	}
	if n := s.blockedListeners(); n > 0 {
		return fmt.Errorf("server: not ready: no descriptor is free for the connections of %d listeners, which wait; "+
			"raise the limit on open files (LimitNOFILE=, ulimit -n), or lower Config.MaxConns (--max-conns)", n)
	}
	return nil
}

// blockedListeners is how many listeners wait for a descriptor, over all shards.
func (s *Server) blockedListeners() (n int) {
	for _, sh := range s.shards {
		n += sh.port.Stats().Blocked
	}
	return n
}

package server

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

// The keep-alive of accepted connections, as in package net: a peer that is gone without a word is noticed after two
// and a half minutes.
const (
	keepAliveIdle     = 15 // seconds
	keepAliveInterval = 15 // seconds
	keepAliveProbes   = 9
)

// listen gives every shard a listener for an address.
func (s *Server) listen(address string) error {
	ep, err := resolve(address)
	if err != nil {
		return err
	}
	bound, err := s.listenOn(ep)
	if err != nil && anyAddress(ep) && noIPv6(err) {
		bound, err = s.listenOn(withoutIPv6(ep))
	}
	if err != nil {
		return fmt.Errorf("server: listen on %s: %w%s", address, err, remedy(err))
	}
	s.addrs = append(s.addrs, bound)
	return nil
}

// listenOn makes the listeners. The first one finds the port when it is free to choose.
func (s *Server) listenOn(ep ops.Endpoint) (bound ops.Endpoint, err error) {
	if len(s.shards) > 1 {
		if err := probe(ep); err != nil {
			return ops.Endpoint{}, err
		}
	}
	for _, sh := range s.shards {
		socket, err := sh.port.Listen(ep, ops.ListenConfig{
			Backlog:     s.cfg.Backlog,
			AcceptAhead: -1, // the limits decide how many
			ReusePort:   len(s.shards) > 1,
			Nagle:       s.cfg.Nagle,
			DualStack:   anyAddress(ep),
			Control:     keepAlive,
		})
		if err != nil {
			return ops.Endpoint{}, err
		}
		sh.listeners = append(sh.listeners, newListener(sh, socket))
		ep = withPort(ep, socket.LocalEndpoint().Port())
	}
	return ep, nil
}

// keepAlive sets what accepted connections inherit from their listener.
func keepAlive(fd uintptr) error {
	for _, o := range [...]struct{ level, option, value int }{
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, keepAliveIdle},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, keepAliveInterval},
		{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, keepAliveProbes},
	} {
		if err := unix.SetsockoptInt(int(fd), o.level, o.option, o.value); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	return nil
}

// remedy says what to do about an address that can not be listened on.
func remedy(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "; another process listens there: stop it, or take another port"
	case errors.Is(err, syscall.EACCES):
		return "; ports below 1024 need CAP_NET_BIND_SERVICE: take a higher one"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "; no interface of this machine has the address"
	}
	return ""
}

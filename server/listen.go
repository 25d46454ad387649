package server

import (
	"errors"
	"fmt"
	"os"
	"slices"
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

// listen gives every shard a listener for an address of Config.Listen, unless an inherited socket serves it.
func (s *Server) listen(address string, inherited []*bound) (_ []*bound, err error) {
	network, ep, err := resolve(address)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(inherited, func(b *bound) bool { return b.serves(network, ep) })
	if i >= 0 {
		s.bounds = append(s.bounds, inherited[i])
		return slices.Delete(inherited, i, i+1), nil
	}
	b := &bound{network: network, endpoint: ep}
	s.bounds = append(s.bounds, b) // first, so that a path that was made is removed whatever fails
	err = s.bind(b)
	if err != nil && network != "unix" && anyAddress(ep) && noIPv6(err) {
		b.endpoint = withoutIPv6(ep)
		err = s.bind(b)
	}
	if err != nil {
		return nil, fmt.Errorf("server: listen on %s: %w%s", address, err, remedy(network, err))
	}
	return inherited, nil
}

// bind opens the sockets of an address.
func (s *Server) bind(b *bound) error {
	switch b.network {
	case "udp":
		return s.openDatagrams(b)
	case "unix":
		return s.listenUnix(b)
	}
	return s.listenTCP(b)
}

// listenTCP gives every shard a socket of its own: the kernel spreads the connections over them. The first one finds
// the port when it is free to choose. Also a single one lets others share the port, so that a successor may take over.
func (s *Server) listenTCP(b *bound) error {
	if !s.cfg.TakeOver {
		if err := probe(b.endpoint); err != nil {
			return err
		}
	}
	for _, sh := range s.shards {
		socket, err := sh.port.Listen(b.endpoint, ops.ListenConfig{
			Backlog:     s.cfg.Backlog,
			AcceptAhead: -1, // the limits decide how many
			ReusePort:   true,
			Nagle:       s.cfg.Nagle,
			DualStack:   anyAddress(b.endpoint),
			Control:     keepAlive,
		})
		if err != nil {
			return err
		}
		sh.listeners = append(sh.listeners, newListener(sh, b, socket))
		b.sockets = append(b.sockets, socket)
		b.endpoint = withPort(b.endpoint, socket.LocalEndpoint().Port())
	}
	return nil
}

// listenUnix has all shards accept on one socket, since a Unix socket cannot be split by SO_REUSEPORT.
func (s *Server) listenUnix(b *bound) error {
	fd, err := openUnix(b.endpoint.Path(), s.cfg.Backlog)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	b.path = newUnixPath(b.endpoint.Path())
	return b.share(fd, s.shards)
}

// keepAlive sets what accepted connections inherit from their listener.
func keepAlive(fd uintptr) error {
	return setOptions(int(fd), []option{
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, keepAliveIdle},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, keepAliveInterval},
		{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, keepAliveProbes},
	})
}

// option is an option of a socket.
type option struct{ level, name, value int }

func setOptions(fd int, options []option) error {
	for _, o := range options {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	return nil
}

// remedy says what to do about an address that can not be listened on.
func remedy(network string, err error) string {
	switch {
	case errors.Is(err, errNotSocket): // which says it
		return ""
	case errors.Is(err, syscall.EADDRINUSE):
		return "; another process listens there: stop it, or take another " + ownPart(network) +
			"; ss " + listenersOf[network] + " shows which process it is"
	case errors.Is(err, syscall.EACCES) && network == "unix":
		return "; the directory must be one that the process may write to"
	case errors.Is(err, syscall.ENOENT) && network == "unix":
		return "; make the directory first"
	case errors.Is(err, syscall.EACCES):
		return "; ports below 1024 need CAP_NET_BIND_SERVICE: take a higher one"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "; no interface of this machine has the address"
	}
	return ""
}

// listenersOf is what ss(8) takes to show who listens in a network.
var listenersOf = map[string]string{"tcp": "-ltnp", "udp": "-lunp", "unix": "-lxp"}

// ownPart is what tells one listener of a network from the next.
func ownPart(network string) string {
	if network == "unix" {
		return "path"
	}
	return "port"
}

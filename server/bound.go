package server

import (
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

// bound is an address that the server listens on.
type bound struct {
	network   string // tcp, udp or unix
	endpoint  ops.Endpoint
	sockets   []*ops.Socket // one of each socket of the kernel: shards that share one have duplicates of it
	path      *unixPath     // the file of a Unix socket, which this server removes; nil: none
	inherited bool
}

// String is the address as Config.Listen takes it.
func (b *bound) String() string { return b.network + "://" + b.endpoint.String() }

// Addrs gives the addresses that the server listens on, with the ports really bound: in the order of Config.Listen, and
// then those of Inherited that are not in it. Any goroutine may call it.
func (s *Server) Addrs() []ops.Endpoint {
	endpoints := make([]ops.Endpoint, len(s.bounds))
	for i, b := range s.bounds {
		endpoints[i] = b.endpoint
	}
	return endpoints
}

// Listeners gives the addresses of Addrs as Config.Listen takes them, such as "tcp://127.0.0.1:7007",
// "udp://127.0.0.1:7007" and "unix:///run/echo.sock". Any goroutine may call it.
func (s *Server) Listeners() []string {
	addresses := make([]string, len(s.bounds))
	for i, b := range s.bounds {
		addresses[i] = b.String()
	}
	return addresses
}

// share gives each of the shards a duplicate of a listening socket. A connection goes to whichever shard is the first
// to accept. fd stays the caller's.
func (b *bound) share(fd int, shards []*shard) error {
	for i, sh := range shards {
		socket, err := sh.accept(b, fd)
		if err != nil {
			return err
		}
		if i == 0 {
			b.sockets = append(b.sockets, socket)
		}
	}
	return nil
}

// accept makes the shard accept on a listening socket of an address, by a duplicate of its descriptor. Called before
// the server is served, by any goroutine.
func (sh *shard) accept(b *bound, fd int) (*ops.Socket, error) {
	own, err := duplicate(fd)
	if err != nil {
		return nil, err
	}
	socket, err := sh.port.Associate(own)
	if err != nil {
		_ = unix.Close(own)
		return nil, err
	}
	if err := socket.SetAcceptAhead(-1); err != nil { // the limits decide how many
		return nil, err // and the port closes the socket
	}
	sh.listeners = append(sh.listeners, newListener(sh, b, socket))
	return socket, nil
}

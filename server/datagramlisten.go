package server

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ringport/ringport/ops"
)

// checkAddress tells what is wrong with an address of Listen. A name is not looked up.
func (c *Config) checkAddress(address string) error {
	network, ep, err := parseAddress(address)
	if err != nil || network != "udp" {
		return err
	}
	if err := c.Datagrams.permit(ep); err != nil {
		return fmt.Errorf("server: listen on %s: %w", address, err)
	}
	return nil
}

// permit tells why the endpoint is not to be served, if it is not. An endpoint that is a name is looked at again when
// it is resolved.
func (d DatagramConfig) permit(ep ops.Endpoint) error {
	addr := ep.AddrPort().Addr()
	if d.Public || !addr.IsValid() || addr.Unmap().IsLoopback() {
		return nil
	}
	return errPublic
}

var errPublic = errors.New("other machines reach UDP there, and whoever forges the sender of a datagram makes an " +
	"echo service (RFC 862) send to a host that never asked, or to another service that answers it for ever " +
	"(CVE-2024-2169); listen on a loopback address, or allow it with Datagrams.Public (--udp-public)")

// openDatagrams gives every shard a socket of its own that is bound to the endpoint: the kernel spreads the senders
// over them. The first one finds the port when it is free to choose.
func (s *Server) openDatagrams(b *bound) error {
	if err := errors.Join(s.checkHandler(), s.cfg.Datagrams.permit(b.endpoint)); err != nil {
		return err
	}
	bind := bindAlone
	if s.cfg.TakeOver {
		bind = bindBeside
	}
	for _, sh := range s.shards {
		socket, err := sh.datagramSocket(b.endpoint, bind)
		if err != nil {
			return err
		}
		b.endpoint = withPort(b.endpoint, socket.LocalEndpoint().Port())
		b.sockets = append(b.sockets, socket)
		sh.respond(socket, b)
		bind = bindBeside
	}
	s.steer(b, s.cfg.Datagrams)
	return nil
}

// datagramSocket makes a socket that is bound.
func (sh *shard) datagramSocket(ep ops.Endpoint, bind func(*ops.Socket, ops.Endpoint) error) (*ops.Socket, error) {
	socket, err := sh.port.NewSocket(ep.Family(), ops.Dgram)
	if err != nil {
		return nil, err
	}
	if ep.Family() == ops.FamilyIPv6 {
		err = socket.SetDualMode(anyAddress(ep))
	}
	if err == nil {
		err = prepareDatagrams(socket)
	}
	if err == nil {
		err = bind(socket, ep)
	}
	if err != nil {
		_ = socket.Close()
		return nil, err
	}
	return socket, nil
}

// bindAlone binds where nobody else is bound. Only then are others let in, as the kernel allows it: with SO_REUSEPORT
// from the start, a second server of the same user would share the port silently.
func bindAlone(socket *ops.Socket, ep ops.Endpoint) error {
	if err := socket.Bind(ep); err != nil {
		return err
	}
	return socket.SetReusePort(true)
}

// bindBeside binds also where other sockets of this user are.
func bindBeside(socket *ops.Socket, ep ops.Endpoint) error {
	if err := socket.SetReusePort(true); err != nil {
		return err
	}
	return socket.Bind(ep)
}

// prepareDatagrams sets what a socket needs before the first datagram arrives: the mark of its answers, and what the
// guard wants to know of whatever waits when the receiving begins.
func prepareDatagrams(socket *ops.Socket) error {
	if err := socket.SetTrafficClass(answerClass); err != nil {
		return err
	}
	return socket.RequestPacketInfo()
}

// adoptDatagrams makes a UDP socket that others may have as well one of the server's. Shards cannot share its
// receiving: the one with the fewest sockets gets it. On an error the descriptor is still the caller's; otherwise it
// is closed, and nothing else is done to the socket, when the server ends.
func (s *Server) adoptDatagrams(b *bound, fd int) error {
	if err := s.checkHandler(); err != nil {
		return err
	}
	sh := slices.MinFunc(s.shards, func(x, y *shard) int { return len(x.responders) - len(y.responders) })
	socket, err := sh.port.Associate(fd)
	if err != nil {
		return err
	}
	if err := s.prepareInherited(socket); err != nil {
		_, detached := socket.Detach()
		return errors.Join(err, detached)
	}
	b.sockets = append(b.sockets, socket)
	sh.respond(socket, b)
	return nil
}

func (s *Server) prepareInherited(socket *ops.Socket) error {
	ep := socket.LocalEndpoint()
	if ep.IsZero() {
		return errors.New("the UDP socket is not bound; bind it before it is passed on")
	}
	if err := s.cfg.Datagrams.permit(ep); err != nil {
		return err
	}
	return prepareDatagrams(socket) // and it stays blocking or not, as others know it: a ring waits either way
}

// checkHandler tells whether the handler can take datagrams.
func (s *Server) checkHandler() error {
	if _, ok := s.handler.(DatagramHandler); !ok {
		return fmt.Errorf("the handler %T takes no datagrams; give it a method ReceivedDatagram (see DatagramHandler)",
			s.handler)
	}
	return nil
}

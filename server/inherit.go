package server

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

// inherit makes the sockets of Config.Inherited the shards' and gives their addresses.
func (s *Server) inherit() (bounds []*bound, err error) {
	groups := make(map[*bound][]int) // the descriptors of TCP and Unix listeners
	defer func() {
		for _, fds := range groups {
			for _, fd := range fds {
				_ = unix.Close(fd) // the shards have duplicates
			}
		}
	}()
	for i := range s.cfg.Inherited {
		in := &s.cfg.Inherited[i]
		fd, err := in.duplicate()
		if err != nil {
			return nil, in.explain(err)
		}
		b, err := s.identify(in, fd)
		if err != nil {
			_ = unix.Close(fd)
			return nil, in.explain(err)
		}
		if j := slices.IndexFunc(bounds, b.sameAddress); j >= 0 {
			bounds[j].path = cmp.Or(bounds[j].path, b.path)
			b = bounds[j]
		} else {
			bounds = append(bounds, b)
		}
		if b.network != "udp" {
			groups[b] = append(groups[b], fd)
			continue
		}
		if err := s.adoptDatagrams(b, fd); err != nil {
			_ = unix.Close(fd)
			return nil, in.explain(err)
		}
	}
	for _, b := range bounds {
		if err := s.spread(b, groups[b]); err != nil {
			return nil, fmt.Errorf("server: inherited listener of %s: %w", b, err)
		}
	}
	return bounds, nil
}

// explain says which of the inherited sockets an error is about.
func (in *Inherited) explain(err error) error {
	if in.File == nil {
		return fmt.Errorf("server: Inherited %q: %w", in.Name, err)
	}
	return fmt.Errorf("server: Inherited %q, descriptor %s: %w", in.Name, in.number(), err)
}

// number is the descriptor's, as far as it is open.
func (in *Inherited) number() string {
	number := "closed"
	if conn, err := in.File.SyscallConn(); err == nil {
		_ = conn.Control(func(fd uintptr) { number = strconv.Itoa(int(fd)) })
	}
	return number
}

// duplicate gives a descriptor of the server's own. The file's is not changed, as File.Fd might.
func (in *Inherited) duplicate() (fd int, err error) {
	if in.File == nil {
		return -1, errors.New("File is nil; it holds the descriptor of a listening socket")
	}
	conn, err := in.File.SyscallConn()
	if err != nil {
		return -1, err
	}
	if conn.Control(func(own uintptr) { fd, err = duplicate(int(own)) }) != nil {
		return -1, os.ErrClosed // of which the file only has words
	}
	return fd, err
}

// isDatagram is whether it is a socket of datagrams. What is wrong with it is told when it is used.
func (in *Inherited) isDatagram() bool {
	if in.File == nil {
		return false
	}
	conn, err := in.File.SyscallConn()
	if err != nil {
		return false
	}
	kind := 0
	control := conn.Control(func(fd uintptr) { kind, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TYPE) })
	return control == nil && err == nil && kind == unix.SOCK_DGRAM
}

// identify finds out what an inherited descriptor is.
func (s *Server) identify(in *Inherited, fd int) (*bound, error) {
	network, err := networkOf(fd)
	if err != nil {
		return nil, err
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return nil, os.NewSyscallError("getsockname", err)
	}
	b := &bound{network: network, endpoint: endpointOf(name), inherited: true}
	switch network {
	case "tcp":
		return b, setInherited(fd, s.cfg.Nagle)
	case "unix":
		if in.Owned {
			b.path = newUnixPath(b.endpoint.Path())
		}
	}
	return b, nil
}

// setInherited sets what listeners of the server's own are given when they are made.
func setInherited(fd int, nagle bool) error {
	noDelay := 1
	if nagle {
		noDelay = 0
	}
	if err := setOptions(fd, []option{{unix.IPPROTO_TCP, unix.TCP_NODELAY, noDelay}}); err != nil {
		return err
	}
	return keepAlive(uintptr(fd))
}

// networkOf tells what an inherited descriptor is good for: tcp, unix or udp.
func networkOf(fd int) (string, error) {
	var value [4]int // of the options below
	for i, option := range [...]int{unix.SO_DOMAIN, unix.SO_TYPE, unix.SO_PROTOCOL, unix.SO_ACCEPTCONN} {
		var err error
		value[i], err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, option)
		switch {
		case errors.Is(err, unix.ENOTSOCK):
			return "", fmt.Errorf("it is no socket: %w; pass a listening socket on",
				os.NewSyscallError("getsockopt", err))
		case err != nil:
			return "", os.NewSyscallError("getsockopt", err)
		}
	}
	ip, protocol, listens := value[0] == unix.AF_INET || value[0] == unix.AF_INET6, value[2], value[3] != 0
	switch {
	case ip && value[1] == unix.SOCK_DGRAM && protocol == unix.IPPROTO_UDP:
		return "udp", nil
	case ip && value[1] == unix.SOCK_STREAM && (protocol == unix.IPPROTO_TCP || protocol == unix.IPPROTO_MPTCP):
		return "tcp", mustListen(listens)
	case value[0] == unix.AF_UNIX && value[1] == unix.SOCK_STREAM:
		return "unix", mustListen(listens)
	}
	return "", errForeign
}

var (
	errForeign = errors.New("it is a socket of another kind; only TCP and Unix stream listeners and UDP sockets " +
		"are served")
	errNotListening = errors.New("the socket does not listen; call listen(2) before it is passed on, or with systemd " +
		"use ListenStream= and Accept=no")
)

func mustListen(listens bool) error {
	if !listens {
		return errNotListening
	}
	return nil
}

// endpointOf is the endpoint of a socket's name.
func endpointOf(name unix.Sockaddr) ops.Endpoint {
	switch sa := name.(type) {
	case *unix.SockaddrInet4:
		return ops.IPEndpoint(netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)))
	case *unix.SockaddrInet6:
		addr := netip.AddrFrom16(sa.Addr)
		if sa.ZoneId != 0 {
			addr = addr.WithZone(zoneName(sa.ZoneId))
		}
		return ops.IPEndpoint(netip.AddrPortFrom(addr, uint16(sa.Port)))
	case *unix.SockaddrUnix:
		return ops.UnixEndpoint(sa.Name)
	}
	return ops.Endpoint{}
}

func zoneName(index uint32) string {
	if i, err := net.InterfaceByIndex(int(index)); err == nil {
		return i.Name
	}
	return strconv.FormatUint(uint64(index), 10)
}

// sameAddress tells whether other has the same address: the sockets of a SO_REUSEPORT group do.
func (b *bound) sameAddress(other *bound) bool {
	return b.network == other.network && b.endpoint == other.endpoint
}

// spread gives every shard one of the listeners of an address, and every listener to a shard: what the kernel gives to
// a listener on which nobody accepts would wait for ever.
func (s *Server) spread(b *bound, fds []int) error {
	n := len(fds)
	if n == 0 {
		return nil
	}
	for i := range max(n, len(s.shards)) {
		socket, err := s.shards[i%len(s.shards)].accept(b, fds[i%n])
		if err != nil {
			return err
		}
		if i < n {
			b.sockets = append(b.sockets, socket)
		}
	}
	return nil
}

// serves tells whether an address of Config.Listen is this one. Port 0 stands for any port.
func (b *bound) serves(network string, ep ops.Endpoint) bool {
	switch {
	case b.network != network:
		return false
	case b.endpoint == ep:
		return true
	case network == "unix":
		return false
	}
	if anyAddress(ep) && !anyAddress(b.endpoint) {
		ep = withoutIPv6(ep)
	}
	return b.endpoint == ep || withPort(b.endpoint, 0) == ep
}

// listenerCount is how many listeners accept connections, over all shards.
func (s *Server) listenerCount() (n int) {
	for _, sh := range s.shards {
		n += len(sh.listeners)
	}
	return n
}

// longestBacklog is how many connections may wait for a listener. An inherited one was told by somebody else.
func (s *Server) longestBacklog() int {
	if len(s.cfg.Inherited) == 0 {
		return s.cfg.Backlog
	}
	return max(s.cfg.Backlog, systemBacklog())
}

// systemBacklog is the longest backlog that the system allows.
func systemBacklog() int {
	const usual = 4096 // of kernels from 5.4 on
	b, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	if err != nil {
		return usual
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || n <= 0 {
		return usual
	}
	return min(n, maxBacklog)
}

// removePaths removes the files of the server's Unix sockets. One that was inherited is removed by a server that has
// served only: before that, whoever passed it on may still be at work.
func (s *Server) removePaths() {
	s.mu.Lock()
	served := s.serving
	s.mu.Unlock()
	for _, b := range s.bounds {
		if b.path == nil || b.inherited && !served {
			continue
		}
		if err := b.path.remove(); err != nil {
			s.log.Error("the file of a Unix socket is left behind", "address", b.String(), "error", err)
		}
	}
}

package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

// portsOfOne is how many connections one source address may have to a server before another one is taken: the port
// range of most machines has 28232.
const portsOfOne = 16384

// churnSources is how many source addresses connections that come and go take turns with: a port is not free again at
// once when its connection is closed.
const churnSources = 16

// target is where the server is.
type target struct {
	network  string // tcp, udp or unix
	endpoint ops.Endpoint
	address  string // as the user wrote it
	sources  int    // source addresses on the loopback network that connections take turns with; 0: the kernel chooses
	opened   int    // sockets so far
}

// findTarget looks names up. A name with several addresses is the one that answers.
func findTarget(ctx context.Context, cfg Config) (target, *Failure) {
	network, ep, err := ops.ParseEndpoint(cfg.Address)
	if err != nil {
		return target{}, &Failure{Kind: Other, Conn: -1, Err: err}
	}
	t := target{network: network, endpoint: ep, address: cfg.Address}
	if needsLookUp(network, ep) {
		ctx, cancel := context.WithTimeout(ctx, cfg.Timeout)
		defer cancel()
		if t.endpoint, err = lookUp(ctx, network, ep); err != nil {
			return target{}, nameFailure(cfg, err)
		}
	}
	t.sources = sourcesFor(t.endpoint, cfg)
	return t, nil
}

// needsLookUp says whether the endpoint is not yet an address to connect to. "tcp://:7007" is this machine.
func needsLookUp(network string, ep ops.Endpoint) bool {
	return network != "unix" && (!ep.AddrPort().IsValid() || ep.AddrPort().Addr().IsUnspecified())
}

// lookUp finds the address behind a name by connecting to it: over UDP that is the kernel's opinion alone.
func lookUp(ctx context.Context, network string, ep ops.Endpoint) (ops.Endpoint, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, ep.String())
	if err != nil {
		return ops.Endpoint{}, err
	}
	defer conn.Close()
	found, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return ops.Endpoint{}, err
	}
	return ops.IPEndpoint(found), nil
}

func nameFailure(cfg Config, err error) *Failure {
	if dns := (*net.DNSError)(nil); errors.As(err, &dns) {
		return &Failure{Kind: NotFound, Conn: -1,
			Err: fmt.Errorf("%s: %w; is the name right, and does this machine have a resolver?", cfg.Address, err)}
	}
	if errors.Is(err, context.DeadlineExceeded) || os.IsTimeout(err) {
		return &Failure{Kind: TimedOut, Conn: -1,
			Err: fmt.Errorf("%s: no answer within %v: %w", cfg.Address, cfg.Timeout, err)}
	}
	return failure(-1, cfg.Address, err)
}

// sourcesFor is how many source addresses are needed. Only the loopback network of IPv4 has more than one for free.
func sourcesFor(ep ops.Endpoint, cfg Config) int {
	addr := ep.AddrPort().Addr()
	connections := cfg.Conns + cfg.Idle
	switch {
	case !addr.Is4() || !addr.IsLoopback():
		return 0
	case cfg.Pattern == Churn:
		return churnSources
	case connections > portsOfOne:
		return (connections + portsOfOne - 1) / portsOfOne
	}
	return 0
}

// stream makes a socket to connect. It is made here and not by the port, since options have to be set that the port
// does not know: so the descriptor need not be shown, and is closed by the ring.
func (t *target) stream(p *ops.Port) (*ops.Socket, error) {
	domain := unix.AF_UNIX
	switch t.endpoint.Family() {
	case ops.FamilyIPv4:
		domain = unix.AF_INET
	case ops.FamilyIPv6:
		domain = unix.AF_INET6
	}
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err = t.prepare(fd); err == nil {
		var s *ops.Socket
		if s, err = p.Associate(fd); err == nil {
			return s, nil
		}
	}
	_ = unix.Close(fd)
	return nil, err
}

// prepare sets what a stream needs before it connects.
func (t *target) prepare(fd int) error {
	if t.network == "tcp" {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	if t.sources == 0 {
		return nil
	}
	// The port is chosen by connect, which only has to find one that is free for this server.
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	n := 1 + t.opened%t.sources
	t.opened++
	source := &unix.SockaddrInet4{Addr: [4]byte{127, 0, byte(n >> 8), byte(n)}}
	return os.NewSyscallError("bind", unix.Bind(fd, source))
}

// datagrams makes a socket that is connected to the server, so that only the server's datagrams reach it.
func (t *target) datagrams(p *ops.Port, room int) (*ops.Socket, error) {
	s, err := p.NewSocket(t.endpoint.Family(), ops.Dgram)
	if err != nil {
		return nil, err
	}
	_ = s.SetReceiveBuffer(room) // the system may give less: what does not fit is lost, and counted
	op := ops.NewOp(nil)
	op.RemoteEndpoint = t.endpoint
	s.ConnectAsync(op) // a datagram socket connects at once
	if err := op.Err(); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// grace is how long servers have to end their side after everything has been echoed.
func grace(timeout time.Duration) time.Duration { return min(timeout, 5*time.Second) }

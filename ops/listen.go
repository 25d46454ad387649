package ops

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Defaults of a ListenConfig.
const (
	DefaultAcceptAhead = 128 // connections
	maxAcceptAhead     = 1 << 20
	maxBacklog         = 65535
	fallbackBacklog    = 4096 // somaxconn of kernels from 5.4 on
)

// ListenConfig says how a listener takes connections. The zero value of a field is its default.
type ListenConfig struct {
	// Backlog is how many connections may wait in the kernel; 0: what the system allows
	// (net.core.somaxconn).
	Backlog int
	// AcceptAhead is how many connections may be accepted before anybody asks; 0: DefaultAcceptAhead;
	// negative: none, each AcceptAsync is one request.
	AcceptAhead int
	// ReusePort lets several listeners, one per port, share an address: the kernel spreads the connections.
	ReusePort bool
	// Nagle leaves Nagle's algorithm on for accepted TCP connections. It is off otherwise.
	Nagle bool
	// DualStack lets a listener on an IPv6 address take IPv4 connections, too.
	DualStack bool
	// Control runs with the descriptor before it is bound, for further options; accepted sockets inherit most
	// of them. Its error ends Listen.
	Control func(fd uintptr) error
}

func (c ListenConfig) withDefaults() (ListenConfig, error) {
	if c.Backlog < 0 || c.Backlog > maxBacklog {
		return c, argumentError(None, fmt.Sprintf("listen: Backlog is %d, want 0 to %d", c.Backlog, maxBacklog))
	}
	if c.AcceptAhead > maxAcceptAhead {
		return c, argumentError(None, fmt.Sprintf("listen: AcceptAhead is %d, want at most %d", c.AcceptAhead, maxAcceptAhead))
	}
	if c.Backlog == 0 {
		c.Backlog = systemBacklog()
	}
	if c.AcceptAhead == 0 {
		c.AcceptAhead = DefaultAcceptAhead
	}
	c.AcceptAhead = max(c.AcceptAhead, 0)
	return c, nil
}

// systemBacklog is the longest backlog that the system allows.
var systemBacklog = sync.OnceValue(func() int {
	b, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	if err != nil {
		return fallbackBacklog
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || n <= 0 {
		return fallbackBacklog
	}
	return min(n, maxBacklog)
})

// Listen makes a listening socket: socket(2), SO_REUSEADDR, bind(2), listen(2). AcceptAsync takes its connections.
// A Unix path is made by it, and removed when the socket closes. Returns an error that wraps the errno and names the
// endpoint: EADDRINUSE, EACCES, EADDRNOTAVAIL.
//
// An address of this port's whose socket was closed is free again: Listen waits until the descriptor has gone. On the
// port's own goroutine, which is the one that closes it, Listen cannot wait and fails with EADDRINUSE: listen from
// another goroutine there, or later.
func (p *Port) Listen(ep Endpoint, cfg ListenConfig) (*Socket, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	fd, err := p.openListener(ep, cfg)
	if err != nil {
		return nil, fmt.Errorf("ops: listen on %s: %w", ep, err)
	}
	path := newUnixPath(ep.Path())
	s := p.adoptListener(fd, ep.Family(), cfg, path)
	if s == nil {
		_ = unix.Close(fd)
		if path != nil {
			path.remove()
		}
		return nil, closedError(None)
	}
	return s, nil
}

// adoptListener makes a socket of a listening descriptor, or nil when the port is closed.
func (p *Port) adoptListener(fd int, family Family, cfg ListenConfig, path *unixPath) *Socket {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing {
		return nil
	}
	s := p.newSocket(fd, family, Stream, stateBound|stateListening)
	s.acc = newAcceptSide(cfg)
	if path != nil {
		s.extras().path = path
	}
	return s
}

func (p *Port) openListener(ep Endpoint, cfg ListenConfig) (int, error) {
	family := ep.Family()
	sa, err := unixSockaddr(ep, family)
	if err != nil {
		return -1, err
	}
	fd, err := openSocket(family, Stream, cfg.DualStack)
	if err != nil {
		return -1, err
	}
	if err := p.bindListener(fd, family, sa, cfg); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func (p *Port) bindListener(fd int, family Family, sa unix.Sockaddr, cfg ListenConfig) error {
	if err := setListenOptions(fd, family, cfg); err != nil {
		return err
	}
	if err := p.bind(fd, sa); err != nil {
		return os.NewSyscallError("bind", err)
	}
	if err := unix.Listen(fd, cfg.Backlog); err != nil {
		if path := newUnixPath(endpointOfSockaddr(sa).Path()); path != nil {
			path.remove() // which the bind has made
		}
		return os.NewSyscallError("listen", err)
	}
	return nil
}

func setListenOptions(fd int, family Family, cfg ListenConfig) error {
	options := []option{{unix.SOL_SOCKET, unix.SO_REUSEADDR, 1}}
	if cfg.ReusePort {
		options = append(options, option{unix.SOL_SOCKET, unix.SO_REUSEPORT, 1})
	}
	if family != FamilyUnix {
		options = append(options, option{unix.IPPROTO_TCP, unix.TCP_NODELAY, toInt(!cfg.Nagle)})
	}
	for _, o := range options {
		if err := setOption(fd, o.level, o.name, o.value); err != nil {
			return err
		}
	}
	if cfg.Control != nil {
		return cfg.Control(uintptr(fd))
	}
	return nil
}

package ops

import (
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// option is one socket option that was set through a method, kept so that a fresh descriptor can take the place of
// the socket's: after a disconnect for reuse, and while several addresses are tried.
type option struct{ level, name, value int }

func setOption(fd, level, name, value int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, level, name, value))
}

func toInt(on bool) int {
	if on {
		return 1
	}
	return 0
}

// set sets one option and keeps it.
func (s *Socket) set(what string, o option) error {
	if !s.hold() {
		return fmt.Errorf("ops: set %s: %w", what, closedError(None))
	}
	defer s.unhold()
	if err := setOption(s.fd, o.level, o.name, o.value); err != nil {
		return fmt.Errorf("ops: set %s: %w", what, err)
	}
	s.port.mu.Lock()
	defer s.port.mu.Unlock()
	s.extras().keep(o)
	return nil
}

// keep notes an option for descriptors that take the place of the socket's. Under the lock.
func (x *socketExtra) keep(o option) {
	for i := range x.options {
		if x.options[i].level == o.level && x.options[i].name == o.name {
			x.options[i].value = o.value
			return
		}
	}
	x.options = append(x.options, o)
}

// SetNoDelay turns Nagle's algorithm off (true) or on, as TCP_NODELAY. A fresh socket has it on; accepted sockets
// inherit from the listener.
func (s *Socket) SetNoDelay(on bool) error {
	return s.set("no delay", option{unix.IPPROTO_TCP, unix.TCP_NODELAY, toInt(on)})
}

// SetReuseAddress lets a bind take an address whose earlier connections still linger, as SO_REUSEADDR.
func (s *Socket) SetReuseAddress(on bool) error {
	return s.set("reuse address", option{unix.SOL_SOCKET, unix.SO_REUSEADDR, toInt(on)})
}

// SetReusePort lets several sockets of one user bind the same address, as SO_REUSEPORT: the kernel spreads
// connections or datagrams over them.
func (s *Socket) SetReusePort(on bool) error {
	return s.set("reuse port", option{unix.SOL_SOCKET, unix.SO_REUSEPORT, toInt(on)})
}

// SetBroadcast allows datagrams to broadcast addresses, as SO_BROADCAST.
func (s *Socket) SetBroadcast(on bool) error {
	return s.set("broadcast", option{unix.SOL_SOCKET, unix.SO_BROADCAST, toInt(on)})
}

// SetDualMode lets a FamilyIPv6 socket take IPv4 endpoints, too, as IPV6_V6ONLY turned round. It must be called
// before the bind. Sockets of NewSocket have it on.
func (s *Socket) SetDualMode(on bool) error {
	if err := s.set("dual mode", option{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, toInt(!on)}); err != nil {
		return err
	}
	s.port.mu.Lock()
	defer s.port.mu.Unlock()
	s.extras().single = !on
	return nil
}

// SetReceiveBuffer sets the kernel's receive buffer in bytes, as SO_RCVBUF; the kernel doubles the number for its
// own use and bounds it by net.core.rmem_max. For TCP it must be set before the connection is there to widen the
// window; accepted sockets inherit from the listener.
func (s *Socket) SetReceiveBuffer(bytes int) error {
	return s.set("receive buffer", option{unix.SOL_SOCKET, unix.SO_RCVBUF, clampInt32(bytes)})
}

// SetSendBuffer sets the kernel's send buffer in bytes, as SO_SNDBUF, bounded by net.core.wmem_max.
func (s *Socket) SetSendBuffer(bytes int) error {
	return s.set("send buffer", option{unix.SOL_SOCKET, unix.SO_SNDBUF, clampInt32(bytes)})
}

func clampInt32(n int) int { return min(max(n, 0), math.MaxInt32) }

// SetTTL sets the time to live of IPv4 packets, or the hop limit of IPv6 ones, 1 to 255.
func (s *Socket) SetTTL(hops int) error {
	if s.family == FamilyIPv6 {
		return s.set("hop limit", option{unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, hops})
	}
	return s.set("time to live", option{unix.IPPROTO_IP, unix.IP_TTL, hops})
}

// SetKeepAlive makes the kernel ask an idle peer whether it is there: after idle, then every interval, and the
// connection ends with TimedOut after count questions without an answer. Times are rounded up to seconds; 0 leaves
// the system's value. A negative idle turns it off. See tcp(7), TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT.
func (s *Socket) SetKeepAlive(idle, interval time.Duration, count int) error {
	if idle < 0 {
		return s.set("keep-alive", option{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0})
	}
	wanted := []option{
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, wholeSeconds(idle)},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, wholeSeconds(interval)},
		{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, count},
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
	}
	for _, o := range wanted {
		if o.value == 0 {
			continue
		}
		if err := s.set("keep-alive", o); err != nil {
			return err
		}
	}
	return nil
}

func wholeSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// SetLinger says what Close does about sends that are not done. 0: throw them away and reset the connection. More: go
// on with them for so long, then reset; Close itself does not wait. Negative, as for a fresh socket: what the kernel
// has taken is still delivered, the rest is tried once and aborted. The kernel's own SO_LINGER would make the close
// block the port's goroutine, so this takes its place.
func (s *Socket) SetLinger(d time.Duration) error {
	s.port.mu.Lock()
	defer s.port.mu.Unlock()
	if s.state.has(stateClosing | stateClosed) {
		return fmt.Errorf("ops: set linger: %w", closedError(None))
	}
	x := s.extras()
	x.linger, x.lingers = d, d >= 0
	return nil
}

// setAgain sets the options on a descriptor that has taken the place of the socket's: some may have been set since it was
// made. One that a connection refuses had been refused then as well.
func (s *Socket) setAgain() {
	s.port.mu.Lock()
	options := slices.Clone(s.extras().options)
	s.port.mu.Unlock()
	for _, o := range options {
		_ = setOption(s.fd, o.level, o.name, o.value)
	}
}

// freshDescriptor makes a descriptor that can take the place of the socket's, with the options set so far.
func (s *Socket) freshDescriptor() (int, error) {
	s.port.mu.Lock()
	x := s.extras()
	options, dual := slices.Clone(x.options), !x.single
	s.port.mu.Unlock()
	fd, err := openSocket(s.family, s.typ, dual)
	if err != nil {
		return -1, err
	}
	for _, o := range options {
		if err := setOption(fd, o.level, o.name, o.value); err != nil {
			_ = unix.Close(fd)
			return -1, err
		}
	}
	return fd, nil
}

package ops

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// attemptDelay is how long one address has before the next one is tried beside it (RFC 8305, section 5).
const attemptDelay = 250 * time.Millisecond

// maxAddresses is how many addresses of a name are tried.
const maxAddresses = 64

// connector connects to whichever address of a name answers first. But for its start and its cancel it runs on the
// port's goroutine.
type connector struct {
	port      *Port
	op        *Op
	target    *Socket // the socket to connect, or nil to make one
	addresses []Endpoint
	attempts  []*Op // in flight, each on a socket of its own
	delay     *Timer
	forget    context.CancelFunc // ends the look-up
	err       error              // why the last attempt failed
	named     bool               // there was a name to resolve
	inPlace   bool               // the target is bound: it is tried itself, with one address after the other
	done      bool
}

// ConnectAsync makes a stream socket of this port that is connected to op.RemoteEndpoint; op.ConnectSocket is it. A
// name's addresses are tried in the order of RFC 8305: IPv6 and IPv4 in turn, each with 250 ms before the next one
// starts beside it; the first to answer wins, and when none does the error is the last one's. A buffer of the op's is
// sent as soon as the connection is there; if that fails, the socket is closed and op.Socket is nil, as after every
// failure. It is .NET's static Socket.ConnectAsync.
//
// pending is false when the op is refused.
func (p *Port) ConnectAsync(op *Op) (pending bool) {
	if !op.start(nil, Connect) {
		return false
	}
	x := op.extras()
	x.connectSocket, x.connectByName = nil, nil
	ep, err := resolveLiteral(op.RemoteEndpoint)
	if err == nil && ep.kind != dnsEndpoint {
		x.name, err = appendSockaddr(x.name[:0], ep, FamilyUnspecified)
	}
	p.mu.Lock()
	if refusal := p.admitConnect(op); refusal != nil {
		err = refusal
	}
	if err != nil {
		return p.refuse(op, withOperation(Connect, err))
	}
	op.takeInitialData()
	return p.connectByName(nil, op, ep)
}

func (p *Port) admitConnect(op *Op) error {
	switch {
	case p.closing:
		return closedError(Connect)
	case op.list != nil:
		return errConnectList
	case op.RemoteEndpoint.IsZero():
		return errConnectNowhere
	}
	return nil
}

// connectByName starts a connector. Under the lock, which it releases.
func (p *Port) connectByName(target *Socket, op *Op, ep Endpoint) (pending bool) {
	ctx, cancel := context.WithCancel(context.Background())
	c := &connector{port: p, op: op, target: target, forget: cancel, named: ep.kind == dnsEndpoint}
	op.resolving = true
	p.connectors = append(p.connectors, c)
	p.stats.InFlight++
	if ep.kind != dnsEndpoint {
		p.posts = append(p.posts, func() { c.begin([]Endpoint{ep}, nil) })
	}
	wake := p.kick()
	p.mu.Unlock()
	p.wake(wake)
	if ep.kind == dnsEndpoint {
		go c.lookUp(ctx, ep)
	}
	return true
}

// lookUp resolves the name off the port's goroutine.
func (c *connector) lookUp(ctx context.Context, ep Endpoint) {
	addrs, err := c.port.cfg.lookUp(ctx, ep.name)
	endpoints := make([]Endpoint, 0, len(addrs))
	for _, a := range addrs {
		endpoints = append(endpoints, IPEndpoint(netip.AddrPortFrom(a.Unmap(), ep.Port())))
	}
	p := c.port
	p.mu.Lock()
	wake := false
	if !p.closing { // otherwise nobody waits for it: the op is aborted with its port
		p.posts = append(p.posts, func() { c.begin(endpoints, err) })
		wake = p.kick()
	}
	p.mu.Unlock()
	p.wake(wake)
}

// lookUpHost asks the system's resolver.
func lookUpHost(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// begin tries the first address.
func (c *connector) begin(addresses []Endpoint, err error) {
	if c.done {
		return
	}
	c.addresses = c.usable(alternate(addresses))
	if err == nil && len(c.addresses) == 0 {
		err = errorOf(Connect, syscall.EAFNOSUPPORT)
	}
	if err != nil {
		c.fail(nameError(err))
		c.end(nil, c.err)
		return
	}
	c.delay = c.port.newTimer(c.next)
	c.next()
}

// fail keeps why the connect has failed so far.
func (c *connector) fail(err error) {
	c.err = withOperation(Connect, err)
	if c.named {
		c.op.extras().connectByName = c.err
	}
}

// nameError is the result of a name without addresses.
func nameError(err error) error {
	if e, ok := err.(*Error); ok {
		return e
	}
	socketError := HostNotFound
	if dns := (*net.DNSError)(nil); errors.As(err, &dns) && !dns.IsNotFound && (dns.IsTemporary || dns.IsTimeout) {
		socketError = TryAgain
	}
	return &Error{Op: Connect, SocketError: socketError, cause: err, detail: err.Error()}
}

// usable leaves the addresses that the target's family can reach.
func (c *connector) usable(addresses []Endpoint) []Endpoint {
	if t := c.target; t != nil {
		single := t.extra != nil && t.extra.single
		addresses = slices.DeleteFunc(addresses, func(ep Endpoint) bool {
			return ep.Family() != t.family && (t.family != FamilyIPv6 || single)
		})
	}
	return addresses[:min(len(addresses), maxAddresses)]
}

// alternate orders addresses so that the families take turns, each in its order, the first one's family first.
func alternate(addresses []Endpoint) []Endpoint {
	if len(addresses) == 0 {
		return nil
	}
	first := addresses[0].Family()
	var same, other, mixed []Endpoint
	for _, a := range addresses {
		if a.Family() == first {
			same = append(same, a)
		} else {
			other = append(other, a)
		}
	}
	for i := range max(len(same), len(other)) {
		if i < len(same) {
			mixed = append(mixed, same[i])
		}
		if i < len(other) {
			mixed = append(mixed, other[i])
		}
	}
	return mixed
}

// next starts the attempt at the next address, and the clock for the one after it.
func (c *connector) next() {
	for !c.done && len(c.addresses) > 0 {
		ep := c.addresses[0]
		c.addresses = c.addresses[1:]
		s, err := c.socket(ep)
		if err != nil {
			c.fail(err)
			continue
		}
		attempt := NewOp(c.attempted)
		attempt.RemoteEndpoint = ep
		c.attempts = append(c.attempts, attempt)
		if len(c.addresses) > 0 && !c.inPlace {
			c.delay.Reset(attemptDelay)
		}
		if !s.ConnectAsync(attempt) {
			c.attempted(attempt)
		}
		return
	}
	if !c.done && len(c.attempts) == 0 {
		c.end(nil, c.err)
	}
}

// socket makes the socket of one attempt: like the target, where there is one.
func (c *connector) socket(ep Endpoint) (*Socket, error) {
	if c.target == nil {
		family := ep.Family()
		if family == FamilyUnspecified {
			return nil, errConnectNowhere
		}
		return c.port.NewSocket(family, Stream)
	}
	fd, err := c.descriptor()
	if err != nil {
		return nil, err
	}
	return c.port.adopt(fd, c.target.family, c.target.typ, 0)
}

// descriptor makes one like the target's; or, of a target that is bound, another number for the same file, since no
// second socket could have its address.
func (c *connector) descriptor() (int, error) {
	if !c.target.hold() {
		return -1, closedError(Connect)
	}
	defer c.target.unhold()
	c.port.mu.Lock()
	c.inPlace = c.target.state.has(stateBound)
	c.port.mu.Unlock()
	if c.inPlace {
		return unix.FcntlInt(uintptr(c.target.fd), unix.F_DUPFD_CLOEXEC, 0)
	}
	return c.target.freshDescriptor()
}

// attempted takes the end of one attempt.
func (c *connector) attempted(attempt *Op) {
	c.attempts = slices.DeleteFunc(c.attempts, func(o *Op) bool { return o == attempt })
	s := attempt.Socket()
	switch err := attempt.Err(); {
	case c.done:
		_ = s.Close()
	case err == nil:
		c.end(s, nil)
	default:
		_ = s.Close()
		c.fail(err)
		c.next()
	}
}

// end completes the op, with the winner or with an error, and gives the other attempts up.
func (c *connector) end(winner *Socket, err error) {
	c.done = true
	c.forget()
	if c.delay != nil {
		c.delay.Stop()
	}
	for _, attempt := range c.attempts {
		_ = attempt.Socket().Close()
	}
	if err == nil && c.target != nil {
		err = c.place(winner)
	}
	p := c.port
	p.mu.Lock()
	defer p.mu.Unlock()
	p.connectors = slices.DeleteFunc(p.connectors, func(o *connector) bool { return o == c })
	op := c.op
	op.resolving = false
	if err == nil || op.cancelled {
		err = c.refusal()
	}
	if winner != nil && (err != nil || c.target != nil) {
		winner.state |= stateClosing // its connection is the target's now, or nobody's
		p.work.push(winner)
	}
	if c.target != nil {
		c.target.extra.connect = connectSide{}
		if op.cancelled {
			c.target.state |= stateClosing // as with an address: see ConnectAsync
		}
		p.work.push(c.target)
		winner = c.target
	}
	if err != nil {
		p.endLater(op, withOperation(Connect, err))
		return
	}
	op.extra.connectByName = nil
	c.handOver(winner)
}

// refusal tells why nobody wants the connection any more. Under the lock.
func (c *connector) refusal() error {
	switch {
	case c.op.cancelled:
		return abortedError(Connect)
	case c.target != nil && c.target.state.has(stateClosing):
		return closedError(Connect)
	}
	return nil
}

// place puts the winner's connection under the number of the target.
func (c *connector) place(winner *Socket) error {
	if !c.target.hold() {
		return closedError(Connect)
	}
	defer c.target.unhold()
	if err := c.target.replace(winner.fd); err != nil || c.inPlace {
		return err
	}
	c.target.setAgain()
	return nil
}

// handOver gives the connection to the op. Under the lock.
func (c *connector) handOver(s *Socket) {
	p, op := c.port, c.op
	s.state |= stateConnected | stateBound
	op.socket = s
	if op.total > 0 {
		op.brings = c.target == nil
		s.tx.queue.push(op)
		p.work.push(s)
		return
	}
	op.extra.connectSocket = s
	p.endLater(op, nil)
}

// endLater completes an op that was pending in the next turn, for an owner that is inside a callback: Completed
// never runs inside another Completed. Under the lock.
func (p *Port) endLater(op *Op, err error) {
	op.setResult(err, 0)
	p.stats.InFlight--
	p.deferred.push(op)
}

// cancel asks the connector to end. Under the lock.
func (c *connector) cancel() (wake bool) {
	c.op.cancelled = true
	c.port.posts = append(c.port.posts, c.abort)
	return c.port.kick()
}

// abort ends a connector whose op's cancel was asked for.
func (c *connector) abort() {
	if !c.done {
		c.end(nil, abortedError(Connect))
	}
}

// targetClosed ends a connector whose socket was closed.
func (c *connector) targetClosed() {
	if !c.done {
		c.end(nil, closedError(Connect))
	}
}

// connectorOf finds the connector of an op. Under the lock.
func (p *Port) connectorOf(op *Op) *connector {
	for _, c := range p.connectors {
		if c.op == op {
			return c
		}
	}
	return nil
}

// closeConnectors ends the connectors of a closing port.
func (p *Port) closeConnectors() {
	p.mu.Lock()
	connectors := slices.Clone(p.connectors)
	p.mu.Unlock()
	for _, c := range connectors {
		c.end(nil, closedError(Connect))
	}
}

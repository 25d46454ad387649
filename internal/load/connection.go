package load

import (
	"errors"
	"fmt"
	"net"

	"github.com/ringport/ringport/ops"
)

// connection is a client on a stream socket. Which of the patterns it follows is in the functions that it calls.
type connection struct {
	trail
	node   lineNode
	g      *generator
	id     int
	socket *ops.Socket
	op     ops.Op // connects, then receives
	out    outbox
	posted uint64 // messages handed to sends; those up to sent are still to be

	opened func(now moment) // the connection is there
	echoed func(now moment) // messages have come back
	listen func()           // starts the next receive
	sentFn func(*ops.Op)

	own        []byte     // what is received into; nil: buffers of the port
	pause      *ops.Timer // until the next receive of a slow reader
	pausing    bool
	closing    bool   // this side has ended
	gone       bool   // the other one has, too
	connecting moment // when the connect began
}

func newConnection(g *generator, id int) *connection {
	c := &connection{g: g, id: id, trail: trail{mark: markOf(g.cfg.Seed, id)}, out: newOutbox(g.cfg)}
	c.node.client = c
	c.op.Completed = c.completed
	c.sentFn = c.sendDone
	c.listen = c.listenAlways
	c.opened = func(moment) { g.connected() }
	c.echoed = c.pump
	if g.cfg.Open() {
		c.echoed = func(moment) { g.offer(c) }
	}
	return c
}

// newIdle makes a connection that echoes one message, and is silent then.
func newIdle(g *generator, id int) *connection {
	c := newConnection(g, id)
	c.out = outbox{limit: 1, room: 1, list: g.cfg.Size >= listFrom}
	c.opened = func(now moment) {
		c.begin(now)
		c.post()
	}
	c.echoed = func(moment) {
		c.out, c.trail.began = outbox{}, nil // nothing of it is needed any more
		g.connected()
	}
	return c
}

// open connects it.
func (c *connection) open() {
	socket, err := c.g.target.stream(c.g.port)
	if err != nil {
		c.fail(err)
		return
	}
	c.socket = socket
	c.connecting = c.g.now()
	c.since = c.connecting
	c.op.RemoteEndpoint = c.g.target.endpoint
	c.op.SetBuffer(nil)
	c.op.Multishot = false
	if !socket.ConnectAsync(&c.op) {
		c.completed(&c.op)
	}
}

// completed takes the end of a connect or of a receive.
func (c *connection) completed(op *ops.Op) {
	if c.g.over {
		c.g.late(op, c.id)
		return
	}
	if op.LastOperation() == ops.Receive {
		c.received(op)
		return
	}
	if err := op.Err(); err != nil {
		c.fail(err)
		return
	}
	now := c.g.now()
	c.since = now
	c.g.connectDone(c.connecting, now)
	c.listen()
	c.opened(now)
}

// listenAlways has everything that comes delivered in the port's buffers.
func (c *connection) listenAlways() {
	if c.op.Multishot && c.op.More() {
		return
	}
	c.op.Multishot = true
	if !c.socket.ReceiveAsync(&c.op) {
		c.completed(&c.op)
	}
}

// listenOwn receives once, into the connection's own memory.
func (c *connection) listenOwn() {
	c.op.SetBuffer(c.own)
	if !c.socket.ReceiveAsync(&c.op) {
		c.completed(&c.op)
	}
}

// received takes what came back.
func (c *connection) received(op *ops.Op) {
	err, n := op.Err(), op.BytesTransferred()
	switch {
	case err != nil:
		c.broken(err)
	case n == 0:
		c.ended()
	default:
		c.take(op.Bytes())
	}
}

// take verifies what came back and goes on.
func (c *connection) take(data []byte) {
	g := c.g
	now := g.now()
	c.since = now
	g.touch(now)
	whole, wrong := c.verify(g.payload, data)
	for range whole {
		g.echo(c.end(), now)
	}
	g.total.BytesReceived += uint64(len(data))
	if wrong != nil {
		g.fail(&Failure{Kind: WrongEcho, Conn: c.id, Err: wrong})
		return
	}
	socket := c.socket
	if whole > 0 {
		c.echoed(now)
		g.settle()
	}
	if c.socket == socket && !g.over {
		c.listen()
	}
}

// begin puts a message on its way that begins now.
func (c *connection) begin(now moment) { c.beginAt(now, now) }

func (c *connection) beginAt(began, now moment) {
	c.trail.begin(began, now)
	c.g.total.Sent++
}

// pump sends what may be on its way in a closed loop, and is not.
func (c *connection) pump(now moment) {
	if !c.g.sends() {
		return
	}
	for range c.g.cfg.Depth - c.outstanding() {
		c.begin(now)
	}
	c.post()
}

// post hands messages to sends, as far as there are any.
func (c *connection) post() {
	for c.posted < c.sent && c.out.ready() {
		b := c.out.take(c.g.payload.size, c.sentFn)
		n := min(int(c.sent-c.posted), c.out.room)
		c.out.fill(b, c.g.payload, c.mark, c.posted, n)
		c.posted += uint64(n)
		if !c.socket.SendAsync(&b.op) {
			c.sendDone(&b.op)
		}
	}
}

// sendDone takes the end of a send.
func (c *connection) sendDone(op *ops.Op) {
	g := c.g
	c.out.give(op.UserToken.(*batch))
	if g.over {
		g.late(op, c.id)
		return
	}
	g.total.BytesSent += uint64(op.BytesTransferred())
	switch err := op.Err(); {
	case op.Socket() != c.socket: // a connection of before may end as it likes
	case err != nil:
		c.broken(err)
	default:
		c.post()
		if g.cfg.Open() {
			g.offer(c)
		}
	}
}

func (c *connection) inLine() *lineNode { return &c.node }

func (c *connection) ready() bool {
	return c.outstanding() < c.g.cfg.Depth && c.out.ready() && !c.closing
}

func (c *connection) send(intended, now moment) {
	c.beginAt(intended, now)
	c.post()
}

func (c *connection) beginWindow(now moment) (ages moment) {
	c.counted = c.back
	return c.ages(now)
}

func (c *connection) endWindow(now moment) (ages moment, echoes uint64) {
	return c.ages(now), c.back - c.counted
}

// drain has nothing to change: what is on its way comes back at its own pace.
func (c *connection) drain() {}

// errNoAnswer says that time ran out.
var errNoAnswer = errors.New("no answer")

func (c *connection) expire(now moment) {
	if c.socket == nil || c.pausing || c.gone || now-c.since <= c.g.cfg.Timeout {
		return
	}
	cfg := c.g.cfg
	switch {
	case c.op.LastOperation() == ops.Connect:
		c.g.fail(&Failure{Kind: TimedOut, Conn: c.id,
			Err: fmt.Errorf("%s: the connect takes longer than %v: %w", cfg.Address, cfg.Timeout, errNoAnswer)})
	case c.outstanding() > 0:
		c.g.fail(&Failure{Kind: TimedOut, Conn: c.id, Err: c.lateness()})
	}
}

// lateness says how much came back and how much did not.
func (c *connection) lateness() error {
	cfg := c.g.cfg
	if c.at > 0 {
		return fmt.Errorf("%w for %v: %d of the %d bytes of message %d came back",
			errNoAnswer, cfg.Timeout, c.at, cfg.Size, c.back)
	}
	err := fmt.Errorf("%w for %v: %d messages came back, %d did not", errNoAnswer, cfg.Timeout, c.back, c.outstanding())
	if c.back == 0 { // the kernel connects, also while the server accepts no more
		return fmt.Errorf("%w; is the server at its limit of connections?", err)
	}
	return err
}

// finish ends this side and waits for the other one to do so: what it still sends was not asked for.
func (c *connection) finish() {
	if c.socket == nil || c.gone {
		c.g.closed()
		return
	}
	c.closing = true
	if err := c.socket.Shutdown(ops.ShutdownSend); err != nil {
		c.leave()
	}
}

// ended takes the end of what the server sends.
func (c *connection) ended() {
	if c.closing {
		c.leave()
		return
	}
	c.g.fail(&Failure{Kind: Closed, Conn: c.id, Err: fmt.Errorf("%s: the server closed the connection; "+
		"%d messages came back, %d did not", c.g.cfg.Address, c.back, c.outstanding())})
}

// broken takes an error of a receive or a send.
func (c *connection) broken(err error) {
	switch {
	case errors.Is(err, net.ErrClosed): // by this side
	case c.closing: // everything has come back: how the server ends it is its own affair
		c.leave()
	default:
		c.fail(err)
	}
}

// leave closes it for good.
func (c *connection) leave() {
	if !c.gone {
		c.gone = true
		_ = c.socket.Close()
		c.g.closed()
	}
}

func (c *connection) fail(err error) { c.g.fail(failure(c.id, c.g.cfg.Address, err)) }

package load

import (
	"encoding/binary"
	"errors"
	"net"

	"github.com/ringport/ringport/ops"
)

// slot is where a datagram is kept while it is on its way.
type slot struct {
	number uint64
	began  moment // intended, in an open loop
	sent   moment
	live   bool
}

// datagrams is a client on a UDP socket. Its messages may be lost and come in any order.
type datagrams struct {
	node    lineNode
	g       *generator
	id      int
	mark    uint64
	socket  *ops.Socket
	receive ops.Op
	out     outbox
	sentFn  func(*ops.Op)

	slots   []slot // of datagram n at n modulo their number, a power of two
	next    uint64 // number of the next datagram
	low     uint64 // no datagram below it is on its way
	onWay   int
	back    uint64
	counted uint64 // back, when the window began
}

func newDatagrams(g *generator, id int) *datagrams {
	d := &datagrams{g: g, id: id, mark: markOf(g.cfg.Seed, id)}
	d.node.client = d
	d.slots = make([]slot, slotsFor(g.cfg.Depth))
	// One more than are on their way: the send of one that is back already may still have to complete.
	d.out = outbox{limit: g.cfg.Depth + 1, room: 1, list: g.cfg.Size >= listFrom}
	d.receive.Completed = d.received
	d.sentFn = d.sendDone
	return d
}

// slotsFor is a power of two that leaves half of the slots free, so that one datagram that takes long does not stand in
// the way of many.
func slotsFor(depth int) int {
	n := 2
	for n < 2*depth {
		n *= 2
	}
	return n
}

// skbSize is about what the kernel needs for a datagram beside its bytes.
const skbSize = 1 << 10

func (d *datagrams) open() {
	start := d.g.now()
	socket, err := d.g.target.datagrams(d.g.port, d.g.cfg.Depth*(d.g.cfg.Size+skbSize))
	if err != nil {
		d.fail(err)
		return
	}
	d.socket = socket
	d.g.connectDone(start, d.g.now())
	d.receive.Multishot = true
	if !socket.ReceiveAsync(&d.receive) {
		d.received(&d.receive)
	}
	d.g.connected()
}

// received takes a datagram, or an error that the network reports.
func (d *datagrams) received(op *ops.Op) {
	g := d.g
	if g.over {
		g.late(op, d.id)
		return
	}
	if err := op.Err(); err != nil {
		d.broken(err)
		return
	}
	now := g.now()
	g.touch(now)
	g.total.BytesReceived += uint64(op.BytesTransferred())
	s, wrong := d.find(op.Bytes())
	switch {
	case wrong != nil:
		g.fail(&Failure{Kind: WrongEcho, Conn: d.id, Err: wrong})
		return
	case s == nil:
		g.total.Strays++
	default:
		s.live = false
		d.onWay--
		d.back++
		g.echo(s.began, now)
		d.goOn(now)
		g.settle()
	}
	if !op.More() && !g.over && !d.socket.ReceiveAsync(op) {
		d.received(op)
	}
}

// find verifies a datagram and finds its slot; none, when it came twice or too late.
func (d *datagrams) find(data []byte) (*slot, *EchoError) {
	p := d.g.payload
	number := d.low // where it cannot be told which one it was meant to be
	if len(data) >= headerSize {
		if n := binary.LittleEndian.Uint64(data); n < d.next {
			number = n
		}
	}
	n := min(len(data), p.size)
	switch i, want := 0, byte(0); {
	case !p.isPart(data[:n], 0, number, d.mark):
		i, want = p.firstDifference(data, 0, number, d.mark)
		return nil, &EchoError{Offset: uint64(i), Message: number, At: i, Got: data[i], Want: want}
	case len(data) > p.size:
		return nil, &EchoError{Offset: uint64(n), Message: number, At: n, Got: data[n], Extra: len(data) - n}
	case len(data) < p.size:
		return nil, &EchoError{Offset: uint64(n), Message: number, At: n, Missing: p.size - n}
	}
	s := &d.slots[number&uint64(len(d.slots)-1)]
	if !s.live || s.number != number {
		return nil, nil
	}
	return s, nil
}

// goOn sends the next one, or has the schedule know that there is room for it.
func (d *datagrams) goOn(now moment) {
	if d.g.cfg.Open() {
		d.g.offer(d)
		return
	}
	d.pump(now)
}

func (d *datagrams) pump(now moment) {
	for d.g.sends() && d.ready() {
		d.send(now, now)
	}
}

func (d *datagrams) inLine() *lineNode { return &d.node }

func (d *datagrams) ready() bool { return d.onWay < d.g.cfg.Depth && d.out.ready() }

func (d *datagrams) send(intended, now moment) {
	s := d.freeSlot()
	*s = slot{number: d.next, began: intended, sent: now, live: true}
	d.onWay++
	d.g.total.Sent++
	b := d.out.take(d.g.payload.size, d.sentFn)
	d.out.fill(b, d.g.payload, d.mark, d.next, 1)
	d.next++
	if !d.socket.SendAsync(&b.op) {
		d.sendDone(&b.op)
	}
}

// freeSlot is the slot of the next number. Numbers whose slot is taken are passed over.
func (d *datagrams) freeSlot() *slot {
	if d.onWay == 0 {
		d.low = d.next
	}
	for {
		s := &d.slots[d.next&uint64(len(d.slots)-1)]
		if !s.live {
			return s
		}
		d.next++
	}
}

func (d *datagrams) sendDone(op *ops.Op) {
	g := d.g
	waited := !d.out.ready()
	d.out.give(op.UserToken.(*batch))
	if g.over {
		g.late(op, d.id)
		return
	}
	g.total.BytesSent += uint64(op.BytesTransferred())
	if err := op.Err(); err != nil {
		d.broken(err)
		return
	}
	if waited {
		d.goOn(g.now())
	}
}

// expire gives up datagrams that have taken too long. They were sent in the order of their numbers, so that the first
// one that still has time ends the search.
func (d *datagrams) expire(now moment) {
	lost := 0
	for ; d.onWay > 0 && d.low < d.next; d.low++ {
		s := &d.slots[d.low&uint64(len(d.slots)-1)]
		if !s.live || s.number != d.low {
			continue
		}
		if now-s.sent <= d.g.cfg.Timeout {
			break
		}
		s.live = false
		d.onWay--
		lost++
		d.g.lose(s.began, now)
	}
	if lost > 0 {
		d.goOn(now)
		d.g.settle()
	}
}

func (d *datagrams) beginWindow(now moment) (ages moment) {
	d.counted = d.back
	return d.ages(now)
}

func (d *datagrams) endWindow(now moment) (ages moment, echoes uint64) {
	return d.ages(now), d.back - d.counted
}

func (d *datagrams) ages(now moment) (sum moment) {
	for i := range d.slots {
		if s := &d.slots[i]; s.live {
			sum += now - s.began
		}
	}
	return sum
}

// drain has nothing to change: what is on its way comes back, or is lost in time.
func (d *datagrams) drain() {}

func (d *datagrams) finish() {
	_ = d.socket.Close()
	d.g.closed()
}

func (d *datagrams) broken(err error) {
	if !errors.Is(err, net.ErrClosed) {
		d.fail(err)
	}
}

func (d *datagrams) fail(err error) { d.g.fail(failure(d.id, d.g.cfg.Address, err)) }

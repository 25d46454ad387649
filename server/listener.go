package server

import (
	"errors"
	"net"

	"github.com/ringport/ringport/ops"
)

// listener accepts the connections of one address for one shard. Its methods run on the shard's goroutine.
type listener struct {
	shard  *shard
	bound  *bound
	socket *ops.Socket
	bulk   *ops.Op   // the multishot accept, in flight or not
	inBulk bool      // it is in flight
	idle   []*ops.Op // one-shot accepts that are not in flight
	single []*ops.Op // those that are
	broken bool      // it accepts no more
	armed  bool      // it has accepted, or waited for it
}

func newListener(sh *shard, b *bound, socket *ops.Socket) *listener {
	l := &listener{shard: sh, bound: b, socket: socket}
	l.bulk = ops.NewOp(l.bulkAccepted)
	l.bulk.Multishot = true
	return l
}

// arm has the listener accept at the pace that the limit allows now.
func (l *listener) arm() {
	for !l.broken && l.shard.accepting {
		l.armed = true
		p, singles := l.shard.server.gate.plan()
		l.curb(p, singles)
		switch {
		case p == paceBulk && !l.inBulk:
			l.inBulk = true
			if l.socket.AcceptAsync(l.bulk) {
				return
			}
			l.take(l.bulk)
			l.inBulk = false
		case p == paceSingle && len(l.single) < singles:
			op := l.takeIdle()
			if l.socket.AcceptAsync(op) {
				continue
			}
			l.take(op)
			l.putIdle(op)
		default:
			return
		}
	}
}

// curb takes back what the pace does not allow. What arrives meanwhile stays in the listener's socket until the next
// accept.
func (l *listener) curb(p pace, singles int) {
	if p != paceBulk && l.inBulk {
		l.socket.Cancel(l.bulk)
	}
	if p == paceStop {
		singles = 0
	}
	for i := singles; i < len(l.single); i++ {
		l.socket.Cancel(l.single[i])
	}
}

func (l *listener) takeIdle() *ops.Op {
	op := ops.NewOp(l.accepted)
	if last := len(l.idle) - 1; last >= 0 {
		op, l.idle = l.idle[last], l.idle[:last]
	}
	l.single = append(l.single, op)
	return op
}

func (l *listener) putIdle(op *ops.Op) {
	for i, o := range l.single {
		if o == op {
			l.single = append(l.single[:i], l.single[i+1:]...)
			break
		}
	}
	l.idle = append(l.idle, op)
}

// accepted takes the completion of a one-shot accept.
func (l *listener) accepted(op *ops.Op) {
	l.putIdle(op)
	l.take(op)
	l.arm()
}

// bulkAccepted takes a completion of the multishot accept.
func (l *listener) bulkAccepted(op *ops.Op) {
	l.inBulk = op.More()
	l.take(op)
	l.arm()
}

// take brings an accepted connection to the shard. An accept that was cancelled brings none.
func (l *listener) take(op *ops.Op) {
	socket, err := op.AcceptSocket, op.Err()
	op.AcceptSocket = nil
	switch {
	case err == nil:
		l.shard.arrived(socket)
	case op.SocketError() == ops.OperationAborted && !errors.Is(err, net.ErrClosed):
		// The limit was reached.
	default:
		l.broken = true
		if l.shard.accepting {
			l.shard.server.log.Error("a listener accepts no more", "address", l.bound.String(), "error", err)
		}
	}
}

package load

import "github.com/ringport/ringport/ops"

// Of sends.
const (
	listFrom    = 4 << 10 // bytes of a message from which on its body is sent from where it is, without a copy
	batchBytes  = 64 << 10
	maxBatches  = 64 // sends of one connection that are with its port
	copyBatches = 2  // the next one is made while one is on its way
)

// batch is one send: several small messages that were copied together, or the two pieces of a large one.
type batch struct {
	op     ops.Op
	next   *batch
	memory []byte
	list   [2][]byte
}

// outbox has the batches of a connection. They are made when they are first needed, and used again.
type outbox struct {
	spare *batch
	used  int // batches that are being sent
	limit int // of used
	room  int // messages of a batch
	list  bool
}

func newOutbox(cfg Config) outbox {
	switch {
	case cfg.Size >= listFrom:
		return outbox{limit: min(cfg.Depth, maxBatches), room: 1, list: true}
	case cfg.Open():
		return outbox{limit: min(cfg.Depth, maxBatches), room: 1} // each is sent when its time has come
	}
	return outbox{limit: copyBatches, room: min(cfg.Depth, batchBytes/cfg.Size)}
}

// ready says whether there is a batch to send.
func (o *outbox) ready() bool { return o.used < o.limit }

// take gives a batch; only when ready.
func (o *outbox) take(size int, completed func(*ops.Op)) *batch {
	o.used++
	if b := o.spare; b != nil {
		o.spare = b.next
		return b
	}
	b := &batch{}
	b.op.Completed, b.op.UserToken = completed, b
	if o.list {
		b.memory = make([]byte, headerSize)
	} else {
		b.memory = make([]byte, o.room*size)
	}
	return b
}

// give takes a batch back that was sent.
func (o *outbox) give(b *batch) {
	o.used--
	b.next = o.spare
	o.spare = b
}

// fill puts count messages into a batch, from a number on.
func (o *outbox) fill(b *batch, p *payload, mark, number uint64, count int) {
	if o.list {
		putHeader(b.memory, number, mark)
		b.list = [2][]byte{b.memory, p.body(number, mark)}
		b.op.SetBufferList(b.list[:])
		return
	}
	for i := range count {
		p.put(b.memory[i*p.size:], number+uint64(i), mark)
	}
	b.op.SetBuffer(b.memory[:count*p.size])
}

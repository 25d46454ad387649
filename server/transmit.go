package server

import "github.com/ringport/ringport/ops"

// keepOutbox is the room, in parcels, that an outbox keeps after a burst.
const keepOutbox = 64

// transmitAll starts to send what is in the outbox, and tells whether Close was called.
func (s *Session) transmitAll() (closing bool) {
	sh := s.shard
	outbox, closing := s.takeOutbox()
	for i := range outbox {
		s.transmit(&outbox[i])
		outbox[i] = parcel{}
	}
	if outbox != nil && cap(outbox) <= keepOutbox {
		sh.scratch = outbox[:0]
	}
	return closing
}

// takeOutbox takes what is in the outbox, unless sends have to come back first, which will leave something that goes
// before it. It tells whether Close was called, too, so that the lock is taken once.
func (s *Session) takeOutbox() (outbox []parcel, closing bool) {
	later := s.queue != nil && s.sending > 0
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.outbox) == 0 || later {
		return nil, s.closing
	}
	outbox = s.outbox
	s.outbox = s.shard.scratch[:0]
	s.shard.scratch = nil // a callback on the way finds none, and makes its own
	return outbox, s.closing
}

// transmit sends a parcel: at once while the socket takes everything, otherwise through the queue.
func (s *Session) transmit(p *parcel) {
	switch {
	case s.phase == phaseClosed:
		p.buffer.Release()
	case s.queue != nil:
		s.enqueue(p.bytes())
		p.buffer.Release()
	default:
		s.sending++
		c := s.shard.takeSend(s)
		c.buffer = p.buffer
		c.op.DontWait = true
		s.start(c, p.bytes())
	}
}

func (s *Session) start(c *send, bytes []byte) {
	c.op.SetBuffer(bytes)
	if !s.socket.SendAsync(&c.op) {
		sent(&c.op)
	}
}

// sent takes the completion of a send.
func sent(op *ops.Op) {
	c := op.UserToken.(*send)
	s, n := c.session, op.BytesTransferred()
	s.taken(n)
	if s.phase == phaseClosed {
		s.shard.release(c)
		return
	}
	if c.chunk {
		s.chunkSent(c, n)
		return
	}
	s.sending--
	if op.SocketError() == ops.WouldBlock {
		s.block()
		s.enqueue(op.Buffer()[n:])
	}
	err := op.Err()
	s.shard.release(c)
	switch {
	case err != nil && op.SocketError() != ops.WouldBlock:
		s.fail(err)
	case s.sending == 0:
		s.sendOn()
	}
}

// taken counts bytes that the kernel has taken.
func (s *Session) taken(n int) {
	if n == 0 {
		return
	}
	s.unsent.Add(int64(-n))
	s.shard.counts.bytesOut.Add(uint64(n))
	s.active = s.shard.now()
	if s.queue != nil {
		s.queue.progress = s.active
	}
	s.throttle()
}

// release makes the context of a send spare, and its buffer too.
func (sh *shard) release(c *send) {
	c.buffer.Release()
	sh.putSend(c)
}

// block begins a queue: the socket is full.
func (s *Session) block() {
	if s.queue != nil {
		return
	}
	s.queue = &queue{filling: s.shard.takeMemory(), progress: s.shard.now()}
	s.shard.addBlocked(s)
	s.setBlocked(true)
	s.schedule()
}

// setBlocked tells the goroutines that write whether the session has a queue.
func (s *Session) setBlocked(blocked bool) {
	s.mu.Lock()
	s.blocked = blocked
	s.mu.Unlock()
}

func (s *Session) enqueue(bytes []byte) {
	s.queue.push(bytes)
	s.shard.server.budget.add(len(bytes))
	s.holdBack()
}

// sendOn goes on with what is queued, once the sends that came before are back.
func (s *Session) sendOn() {
	if s.queue != nil {
		if s.queue.size() > 0 {
			s.startChunk()
		} else {
			s.unblock()
		}
		s.transmitAll() // what came while the sends before it were under way
	}
	s.endIfDone()
}

// startChunk sends the next piece of the queue: all of it, however long that takes.
func (s *Session) startChunk() {
	q := s.queue
	if q.inFlight {
		return
	}
	q.inFlight = true
	c := s.shard.takeSend(s)
	c.chunk, c.op.DontWait = true, false
	s.start(c, q.chunk())
}

// chunkSent takes the completion of a piece of the queue.
func (s *Session) chunkSent(c *send, n int) {
	err := c.op.Err()
	s.shard.release(c)
	s.queue.inFlight = false
	s.queue.advance(n)
	s.shard.server.budget.add(-n)
	if err != nil {
		s.fail(err)
		return
	}
	s.sendOn()
}

// unblock ends a queue that is empty: what follows is sent at once again.
func (s *Session) unblock() {
	s.shard.putMemory(s.queue.draining)
	s.shard.putMemory(s.queue.filling)
	s.shard.removeBlocked(s)
	s.queue = nil
	s.setBlocked(false)
	s.goOn()
}

// dropQueue forgets what is queued. Memory that the kernel may still read is not used again.
func (s *Session) dropQueue() {
	q := s.queue
	if q == nil {
		return
	}
	s.shard.removeBlocked(s)
	s.shard.server.budget.add(-q.size())
	if !q.inFlight {
		s.shard.putMemory(q.draining)
	}
	s.shard.putMemory(q.filling)
	s.queue = nil
}

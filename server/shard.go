package server

import (
	"sync"
	"time"

	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/ops"
)

// shard is one port with its listeners and sessions. Its methods run on the port's goroutine, unless they say
// otherwise.
type shard struct {
	server    *Server
	gone      chan struct{} // closed when the shard is drained and has no sessions any more
	port      *ops.Port
	listeners []*listener

	responders []*responder // of UDP
	guard      *guard       // nil without responders
	datagrams  datagramCounts

	accepting  bool
	retiring   bool // the listeners are others' from now on
	leaving    bool // and connections may still come from them
	draining   bool
	leaveUntil time.Duration // when sessions that are not silent are asked to end, of a shard that retires
	limits     *limits
	pinned     bool // the thread is kept on a CPU

	sessions *Session   // the first, linked both ways
	blocked  []*Session // those that have a queue
	parked   []parked
	sends    *send    // spare contexts of sends, last in first out
	memory   [][]byte // spare memory of queues
	scratch  []parcel // spare room for an outbox
	counts   counts

	// Bound once, since binding a method allocates.
	receivedFn, sentFn func(*ops.Op)
	settleFn           func()

	mu      sync.Mutex // guards what follows
	noticed []*Session // sessions that other goroutines gave something to do
	spare   []*Session // the other half of noticed
	probing *turnProbe // that the shard has not come round to yet
}

// parked is a connection that has no session yet: it waits for a permit of the gate.
type parked struct {
	socket  *ops.Socket
	remote  ops.Endpoint
	counted bool // in the sources
}

func newShard(s *Server, port *ops.Port) *shard {
	sh := &shard{server: s, port: port, gone: make(chan struct{}), limits: s.limits.Load(), counts: newCounts()}
	sh.receivedFn, sh.sentFn, sh.settleFn = received, sent, sh.settleNoticed
	return sh
}

// post runs fn on the shard's goroutine. Any goroutine may call it. A port that is closed has no sessions any more,
// so that what was posted has nobody to concern.
func (sh *shard) post(fn func()) { _ = sh.port.Post(fn) }

// start begins to accept.
func (sh *shard) start() {
	sh.accepting = !sh.draining && !sh.retiring
	sh.rearm()
	sh.startResponders()
}

// rearm lets the listeners look at how they may accept.
func (sh *shard) rearm() {
	for _, l := range sh.listeners {
		l.arm()
	}
}

// arrived takes an accepted connection: it is let in, waits for a permit, or is refused.
func (sh *shard) arrived(socket *ops.Socket) {
	p := parked{socket: socket, remote: socket.RemoteEndpoint()}
	switch {
	case sh.draining && !sh.leaving:
		sh.reject(p, RejectedDraining)
	case sh.server.gate.enter(sh):
		sh.letIn(p)
	default:
		sh.parked = append(sh.parked, p)
	}
}

// letIn makes a session of a connection that has its permit, unless its source has enough of them.
func (sh *shard) letIn(p parked) {
	if !sh.enterSource(&p) {
		sh.reject(p, RejectedPerIP)
		sh.server.gate.leave()
		return
	}
	sh.counts.accepted.Add(1)
	sh.open(p)
}

// reject closes a connection as soon as it was accepted.
func (sh *shard) reject(p parked, why RejectReason) {
	sh.counts.accepted.Add(1)
	sh.counts.rejected[why].Add(1)
	_ = p.socket.Close()
}

// admit lets in the connection that has waited longest, with a permit that it has got meanwhile.
func (sh *shard) admit() {
	if len(sh.parked) == 0 {
		sh.server.gate.leave() // it was closed meanwhile
		return
	}
	p := sh.parked[0]
	sh.parked = append(sh.parked[:0], sh.parked[1:]...)
	sh.letIn(p)
	sh.checkDrained()
}

// closeParked refuses the connections that wait.
func (sh *shard) closeParked() {
	for _, p := range sh.parked {
		sh.reject(p, RejectedDraining)
		sh.server.gate.forget(sh)
	}
	sh.parked = nil
}

// notice makes the shard look at a session that another goroutine gave something to do. Any goroutine may call it.
func (sh *shard) notice(s *Session) {
	sh.mu.Lock()
	sh.noticed = append(sh.noticed, s)
	first := len(sh.noticed) == 1
	sh.mu.Unlock()
	if first {
		sh.post(sh.settleFn)
	}
}

// settleNoticed serves the sessions that others gave something to do.
func (sh *shard) settleNoticed() {
	sh.mu.Lock()
	noticed := sh.noticed
	sh.noticed = sh.spare[:0]
	sh.mu.Unlock()
	for i, s := range noticed {
		noticed[i] = nil
		s.settle()
	}
	sh.spare = noticed
}

// each calls fn with every session, which may end meanwhile.
func (sh *shard) each(fn func(*Session)) {
	for s := sh.sessions; s != nil; {
		next := s.next // a session that ends does not touch another
		fn(s)
		s = next
	}
}

func (sh *shard) add(s *Session) {
	s.next = sh.sessions
	if s.next != nil {
		s.next.prev = s
	}
	sh.sessions = s
}

func (sh *shard) remove(s *Session) {
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		sh.sessions = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	}
	s.next, s.prev = nil, nil
}

// drain stops accepting and lets every session come to its end.
func (sh *shard) drain() {
	if sh.draining {
		return
	}
	sh.draining, sh.accepting, sh.leaving = true, false, false
	for _, l := range sh.listeners {
		_ = l.socket.Close()
	}
	sh.closeParked()
	sh.each((*Session).drain)
	sh.drainResponders()
	sh.checkDrained()
}

// cut closes every session at once.
func (sh *shard) cut() {
	sh.drain()
	sh.leaving = false
	sh.closeParked() // which a server that retires has kept
	sh.each((*Session).cut)
	sh.cutResponders()
	sh.checkDrained()
}

// checkDrained tells Shutdown when the last session of a draining shard is gone.
func (sh *shard) checkDrained() {
	if !sh.draining || sh.leaving || sh.sessions != nil || len(sh.parked) > 0 || sh.responding() {
		return
	}
	select {
	case <-sh.gone:
	default:
		close(sh.gone)
	}
}

// epoch is what the clock of sessions counts from; only differences matter.
var epoch = time.Now()

func clock() time.Duration { return time.Since(epoch) }

// now is clock as of the port's turn, which costs nothing.
func (sh *shard) now() time.Duration { return sh.port.Now().Sub(epoch) }

// maxSpareMemory is how many pieces of queue memory a shard keeps for the next slow peers.
const maxSpareMemory = 16

// takeMemory gives empty memory for a queue.
func (sh *shard) takeMemory() []byte {
	last := len(sh.memory) - 1
	if last < 0 {
		return nil
	}
	m := sh.memory[last]
	sh.memory[last] = nil
	sh.memory = sh.memory[:last]
	return m
}

func (sh *shard) putMemory(m []byte) {
	if m != nil && len(sh.memory) < maxSpareMemory && cap(m) <= 2*sh.limits.highWater {
		sh.memory = append(sh.memory, m[:0])
	}
}

// send is the context of one send: of a buffer or bytes that a session was given, or of a piece of its queue.
type send struct {
	op      ops.Op
	session *Session
	buffer  bufring.Buffer // to be released
	chunk   bool           // a piece of the queue
	next    *send          // among the spare ones
}

func (sh *shard) takeSend(s *Session) *send {
	c := sh.sends
	if c == nil {
		c = &send{}
		c.op.Completed, c.op.UserToken = sh.sentFn, c
	} else {
		sh.sends = c.next
	}
	c.session, c.next = s, nil
	return c
}

func (sh *shard) putSend(c *send) {
	c.op.SetBuffer(nil)
	c.session, c.buffer, c.chunk = nil, bufring.Buffer{}, false
	c.next, sh.sends = sh.sends, c
}

// pin keeps the port's thread on one CPU. Called before the server is served, by any goroutine.
func (sh *shard) pin(cpu int) error {
	pinned := make(chan error, 1)
	if err := sh.port.Post(func() { pinned <- pin(cpu) }); err != nil {
		return err
	}
	sh.pinned = true
	return <-pinned
}

// close frees the port, which has no sessions any more. Any goroutine may call it.
func (sh *shard) close() error {
	if sh.pinned {
		sh.post(func() { _ = pin(usableCPUs()...) }) // the thread goes back to the others
	}
	return sh.port.Close()
}

package ops

import (
	"errors"
	"net"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/internal/sys"
	"github.com/ringport/ringport/uring"
)

// story is a port on a fake ring, turned by hand, with sockets and ops that have names. It records what the port asks
// of the kernel and which ops complete, and checks on its own that bytes arrive and leave whole and in order, that each
// op completes exactly once, and that no handler runs inside another.
type story struct {
	t       testing.TB
	where   string // the step that runs, for messages
	port    *Port
	ring    *fakeRing
	now     time.Duration
	parties map[string]*party
	byFD    map[int32]*party
	actors  map[string]*actor
	told    int       // requests that were expected already
	done    []outcome // completions that were not expected yet
	leases  []bufring.Buffer
	ends    []int // the other ends of the sockets
	inside  bool  // a handler runs
	over    bool  // the port has stopped
}

// party is a socket of the port with the test at its other end.
type party struct {
	name    string
	socket  *Socket // nil until an accept hands it out
	peer    int     // the other end, -1 where nobody reads it
	arrived int     // bytes of its stream that the kernel gave to the port
	taken   int     // bytes of its stream that ops took
	wire    []byte  // what the port sent and no op accounted for yet
}

// actor is an op.
type actor struct {
	name    string
	op      *Op
	party   *party
	data    []byte // what it sends
	peeks   bool
	keeps   bool // takes the leased buffer over
	pending bool
	next    []func() // what its handler does, one for each time that it runs
}

// outcome is one run of an op's handler.
type outcome struct {
	actor *actor
	text  string
}

// newStory makes a port with the configuration on a fake ring. It ends with the test: the kernel answers what is in
// flight, the port stops, and nothing may be left.
func newStory(t testing.TB, cfg PortConfig, prepare func(*fakeRing)) *story {
	t.Helper()
	runtime.LockOSThread() // the test is the port's goroutine
	t.Cleanup(runtime.UnlockOSThread)
	s := &story{t: t, parties: map[string]*party{}, byFD: map[int32]*party{}, actors: map[string]*actor{}, now: time.Hour}
	cfg = cfg.withDefaults()
	s.ring = newFakeRing(t, cfg.Entries)
	prepare(s.ring)
	cfg.newRing = func(uring.Config) (ring, error) { return s.ring, nil }
	cfg.clock = func() time.Duration { return s.now }
	var err error
	if s.port, err = newPort(cfg); err != nil {
		t.Fatal(err)
	}
	s.ring.wakeFD = int32(s.port.wakeFD)
	s.ring.onSleep = s.checkSleep
	s.ring.looking = func() { s.now += time.Microsecond }
	if err := s.port.enable(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.finish)
	return s
}

func (s *story) failf(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf(s.where+": "+format, args...)
}

// connect makes a connected stream socket. The kernel is a fake: to the port it is one of TCP.
func (s *story) connect(name string) *party {
	fd, pt := s.descriptor(name)
	s.port.mu.Lock()
	pt.socket = s.port.newSocket(fd, FamilyIPv4, Stream, stateBound|stateConnected)
	s.port.mu.Unlock()
	return pt
}

// descriptor makes one end of a socket pair the port's.
func (s *story) descriptor(name string) (int, *party) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		s.failf("%v", err)
	}
	pt := s.introduce(name, fds[0])
	pt.peer = fds[1]
	s.ends = append(s.ends, fds[1])
	return fds[0], pt
}

func (s *story) introduce(name string, fd int) *party {
	if s.parties[name] != nil {
		s.failf("there is a %s already", name)
	}
	pt := &party{name: name, peer: -1}
	s.parties[name], s.byFD[int32(fd)], s.ring.names[int32(fd)] = pt, pt, name
	return pt
}

// listen makes a listener. Its descriptor listens to nobody: the fake kernel accepts.
func (s *story) listen(name string, backlog, ahead int) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		s.failf("%v", err)
	}
	pt := s.introduce(name, fd)
	s.port.mu.Lock()
	pt.socket = s.port.newSocket(fd, FamilyUnix, Stream, stateBound|stateListening)
	pt.socket.acc = newAcceptSide(ListenConfig{Backlog: backlog, AcceptAhead: ahead})
	s.port.mu.Unlock()
}

// actor gives an op by its name; it is made when it is first named.
func (s *story) actor(name string) *actor {
	a := s.actors[name]
	if a == nil {
		a = &actor{name: name, op: NewOp(nil)}
		a.op.Completed = func(op *Op) { s.completed(a) }
		s.actors[name] = a
	}
	return a
}

// start starts an op with a call that it is ready for, and tells what the call answered.
func (s *story) start(a *actor, pt *party, call func(*Op) bool) string {
	a.party = pt
	a.peeks = a.op.SocketFlags&Peek != 0
	a.pending = true // a handler may not run before the call returns, but another goroutine's may
	if call(a.op) {
		return "pending"
	}
	a.pending = false
	return s.result(a)
}

// completed is the handler of every op.
func (s *story) completed(a *actor) {
	switch {
	case s.inside:
		s.failf("the handler of %s runs inside another", a.name)
	case !a.pending:
		s.failf("%s completes, but is not pending", a.name)
	case !a.op.More() && a.op.state.Load() == opInFlight:
		s.failf("%s is still in flight in its handler", a.name)
	}
	a.pending = a.op.More()
	s.inside = true
	s.done = append(s.done, outcome{a, s.result(a)})
	if len(a.next) > 0 {
		next := a.next[0]
		a.next = a.next[1:]
		next()
	}
	s.inside = false
}

// result reads what became of an op, checks its data, and puts it into a trace's words: the bytes, or the accepted
// socket; the error; "closed" when it matches net.ErrClosed; "more" when it stays armed.
func (s *story) result(a *actor) string {
	var words []string
	op := a.op
	switch {
	case op.LastOperation() == Accept && op.Err() == nil:
		words = append(words, s.accepted(a))
	case op.Err() == nil || op.BytesTransferred() > 0:
		words = append(words, strconv.Itoa(op.BytesTransferred()))
	}
	if op.Err() != nil {
		words = append(words, op.SocketError().String())
	}
	if errors.Is(op.Err(), net.ErrClosed) {
		words = append(words, "closed")
	}
	if op.More() {
		words = append(words, "more")
	}
	switch op.LastOperation() {
	case Receive:
		s.checkReceived(a)
	case Send:
		s.checkSent(a)
	case Connect:
		s.checkSent(a)
		if (op.ConnectSocket() == nil) == (op.Err() == nil) {
			s.failf("%s ends with %v and the socket %p", a.name, op.Err(), op.ConnectSocket())
		}
	}
	return strings.Join(words, " ")
}

// accepted learns which socket an accept gave, and gives its name.
func (s *story) accepted(a *actor) string {
	if a.op.AcceptSocket == nil {
		s.failf("%s accepted, but has no socket", a.name)
	}
	pt := s.byFD[int32(a.op.AcceptSocket.fd)]
	pt.socket, a.op.AcceptSocket = a.op.AcceptSocket, nil
	return pt.name
}

// checkReceived compares what an op received with the stream.
func (s *story) checkReceived(a *actor) {
	n := a.op.BytesTransferred()
	want := stream(a.party.taken, n)
	got := a.op.Bytes()
	if list := a.op.BufferList(); list != nil {
		got = nil
		for _, b := range list {
			got = append(got, b[:min(len(b), n-len(got))]...)
		}
	}
	if n > 0 && string(got) != string(want) {
		s.failf("%s received %d bytes that are not those from %d on", a.name, n, a.party.taken)
	}
	if !a.peeks {
		a.party.taken += n
	}
	if a.keeps {
		s.leases = append(s.leases, a.op.TakeBuffer())
	}
}

// checkSent compares what an op says it sent with what the kernel took.
func (s *story) checkSent(a *actor) {
	n, pt := a.op.BytesTransferred(), a.party
	pt.drain()
	if n > len(pt.wire) || string(pt.wire[:n]) != string(a.data[:n]) {
		s.failf("%s says it sent %d bytes; the kernel took others, or fewer", a.name, n)
	}
	pt.wire = pt.wire[n:]
}

// drain reads what was sent past the ring.
func (pt *party) drain() {
	var b [4096]byte
	for pt.peer >= 0 {
		n, err := unix.Read(pt.peer, b[:])
		if n <= 0 || err != nil {
			return
		}
		pt.wire = append(pt.wire, b[:n]...)
	}
}

// stream is n bytes of what every peer sends, from a position on.
func stream(from, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		at := from + i
		b[i] = byte(at*7 + at>>8)
	}
	return b
}

// message is what an op sends: no two are alike.
func (s *story) message(a *actor, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(len(a.name)*31 + int(a.name[len(a.name)-1])*11 + i*5 + i>>8)
	}
	return b
}

// data completes a receive with n bytes of the stream.
func (s *story) data(q *request, n int, more bool) {
	pt := s.byFD[q.sqe.Fd]
	data := stream(pt.arrived, n)
	if q.sqe.OpFlags&unix.MSG_PEEK == 0 {
		pt.arrived += n
	}
	var flags uint32
	if q.sqe.Flags&sys.IOSQE_BUFFER_SELECT != 0 {
		flags = s.ring.take(data)
	} else {
		s.ring.memory.scatter(q.pieces, data)
	}
	s.ring.complete(q, int32(n), flags|moreFlag(more))
}

// sent completes a send of which the kernel took n bytes.
func (s *story) sent(q *request, n int) {
	pt := s.byFD[q.sqe.Fd]
	pt.drain() // what went past the ring was before
	pt.wire = append(pt.wire, s.ring.memory.gather(q.pieces, n)...)
	s.ring.complete(q, int32(n), 0)
}

// accept completes an accept with a new connection.
func (s *story) accept(q *request, name string, more bool) {
	fd, _ := s.descriptor(name)
	s.ring.complete(q, int32(fd), moreFlag(more))
}

func moreFlag(more bool) uint32 {
	if more {
		return sys.IORING_CQE_F_MORE
	}
	return 0
}

// turn turns the port once.
func (s *story) turn() bool {
	if !s.port.turn() {
		s.stop()
		return false
	}
	if len(s.ring.asleep) > 0 {
		s.failf("the port did not sleep")
	}
	s.checkBuffers()
	return true
}

// stop is what the port's goroutine does behind its last turn.
func (s *story) stop() {
	s.port.finish()
	close(s.port.done)
	s.over = true
}

// checkBuffers compares the group's books with the kernel's.
func (s *story) checkBuffers() {
	b := s.port.group.Stats()
	if b.Posted+b.Leased+b.Spare != b.Buffers || b.Posted != s.ring.buffers.posted() {
		s.failf("the group counts %+v, the kernel has %d buffers", b, s.ring.buffers.posted())
	}
}

// patienceTurns is how many turns a closing port may take.
const patienceTurns = 1000

// finish ends a story: the kernel answers what it was asked for, the port stops, nothing is left.
func (s *story) finish() {
	if s.t.Failed() {
		s.tidy()
		return
	}
	s.where += ", at the end"
	s.ring.takes, s.ring.asleep = nil, nil
	if !s.over {
		if err := s.port.Close(); err != nil {
			s.failf("close: %v", err)
		}
	}
	for turns := 0; !s.over; turns++ {
		if turns == patienceTurns {
			s.failf("the port does not come to its end: %+v", s.port.Stats())
		}
		s.answer()
		s.turn()
	}
	for _, a := range s.actors {
		_ = a.op.Close()
	}
	for _, b := range s.leases {
		b.Release()
	}
	s.checkEnd()
}

// tidy gives the descriptors of a failed story back, so that its message is the only one.
func (s *story) tidy() {
	for fd := range s.byFD {
		if _, closed := s.ring.resets[fd]; !closed {
			_ = unix.Close(int(fd))
		}
	}
	_ = unix.Close(s.port.wakeFD)
	for _, fd := range s.ends {
		_ = unix.Close(fd)
	}
}

// answer completes what a closing port waits for.
func (s *story) answer() {
	for _, q := range s.ring.live() {
		switch {
		case !q.live: // was the target of a cancel before it
		case q.target != nil && q.target.live:
			s.ring.complete(q.target, -int32(unix.ECANCELED), 0)
			s.ring.complete(q, 0, 0)
		case q.target != nil:
			s.ring.complete(q, -int32(unix.ENOENT), 0)
		case q.sqe.Opcode == sys.IORING_OP_CLOSE:
			s.ring.complete(q, 0, 0)
		case q.asked: // its cancel said that it goes on for a while
			s.ring.complete(q, -int32(unix.ECANCELED), 0)
		case q.sqe.OpFlags&unix.MSG_DONTWAIT != 0:
			s.ring.complete(q, -int32(unix.EAGAIN), 0)
		}
	}
}

// checkEnd holds what is true of a port that has stopped.
func (s *story) checkEnd() {
	for _, a := range s.actors {
		if a.pending {
			s.failf("%s never completed", a.name)
		}
	}
	for _, pt := range s.parties {
		pt.drain()
		if len(pt.wire) > 0 {
			s.failf("%s sent %d bytes that no op knows of", pt.name, len(pt.wire))
		}
	}
	for _, fd := range s.ends {
		_ = unix.Close(fd)
	}
	p := s.port
	stats := p.Stats()
	if left := stats.InFlight + stats.Sockets + stats.Slots + stats.Starved + stats.Blocked + stats.Timers; left > 0 {
		s.failf("something is left: %+v", stats)
	}
	if b := stats.Buffers; b.Leased > 0 || b.Posted > 0 || b.Spare != b.Buffers {
		s.failf("buffers are missing: %+v", b)
	}
	if p.work.head != nil || p.ready.head != nil || p.deferred.head != nil || len(p.outside) > 0 || len(p.orphans) > 0 {
		s.failf("work is left")
	}
}

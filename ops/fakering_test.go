package ops

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/sys"
	"github.com/ringport/ringport/uring"
)

// fakeRing plays the kernel to a port that a test turns by hand. It keeps the requests that the port submits, and
// completes them when the test says so, with the data and the buffers that the kernel would have used. It checks by
// itself what holds for every story: at most one receive and one send of a stream socket are in the kernel, and a
// descriptor is closed after the last completion of everything that uses it.
//
// The wake-up poll and its cancel are the fake's own affair: it completes them as the kernel does, unless asked.
type fakeRing struct {
	t        testing.TB
	entries  int // requests that may be prepared at a time
	features uring.Features
	memory   memory
	buffers  fakeBuffers
	names    map[int32]string // of descriptors
	wakeFD   int32

	prepared []*uring.SQE
	cqes     []uring.CQE
	requests []*request // all that were ever submitted, the wake-up poll's left out
	wakePoll *request
	failing  error          // what Enter answers
	takes    []int          // how many requests the next enters take; then: all
	looking  func()         // runs with each look at the ring that costs nothing
	asleep   []func()       // what other goroutines do while the next blocking Enter blocks
	slept    time.Duration  // the timeout of the last blocking Enter
	onSleep  func()         // looks at the port when it would block
	resets   map[int32]bool // descriptors closed, and whether the close sent a reset
	calls    []string
	stats    uring.Stats
}

// request is one SQE as the kernel sees it.
type request struct {
	sqe    uring.SQE
	label  string // such as s1.recv
	number int    // of the requests with this label, from 1
	text   string // the request in a trace's words
	pieces []piece
	target *request // of a cancel
	live   bool
	asked  bool // a cancel was submitted for it
}

func newFakeRing(t testing.TB, entries int) *fakeRing {
	return &fakeRing{
		t: t, entries: entries, memory: openMemory(t), names: map[int32]string{}, wakeFD: -1,
		resets: map[int32]bool{},
		features: uring.Features{Capabilities: uring.Capabilities{
			BufferRing: true, MultishotAccept: true, MultishotReceive: true, ReceiveLimit: true,
		}, CQEntries: max(uring.DefaultCQEntries, 2*uint32(entries))},
	}
}

func (r *fakeRing) Enable() error            { return nil }
func (r *fakeRing) Features() uring.Features { return r.features }
func (r *fakeRing) Unsubmitted() int         { return len(r.prepared) }
func (r *fakeRing) Ready() int               { return len(r.cqes) }
func (r *fakeRing) Stats() uring.Stats       { return r.stats }

func (r *fakeRing) Close() error {
	r.calls = append(r.calls, "close")
	return nil
}

func (r *fakeRing) NextSQE() *uring.SQE {
	if len(r.prepared) >= r.entries {
		return nil
	}
	sqe := new(uring.SQE)
	r.prepared = append(r.prepared, sqe)
	return sqe
}

// Idle is true as long as the fake kernel has completed nothing. Whoever asks lets time pass.
func (r *fakeRing) Idle() bool {
	r.looking()
	r.poll()
	return len(r.cqes) == 0
}

func (r *fakeRing) Reap(out []uring.CQE) int {
	n := copy(out, r.cqes)
	r.cqes = r.cqes[n:]
	r.stats.CQEs += uint64(n)
	return n
}

// Enter never blocks: where the kernel would, it runs what the test has put into asleep and returns.
func (r *fakeRing) Enter(wait uint32, timeout time.Duration) error {
	r.stats.Enters++
	if r.failing != nil {
		return r.failing
	}
	taken := r.submit()
	for wait > 0 && taken > 0 && len(r.prepared) > 0 { // a blocking Enter makes a partial submit whole
		taken = r.submit()
	}
	r.poll()
	if wait == 0 || len(r.cqes) > 0 || len(r.prepared) > 0 {
		return nil
	}
	r.slept = timeout
	r.onSleep()
	others := r.asleep
	r.asleep = nil
	for _, other := range others {
		other()
	}
	r.poll()
	return nil
}

// submit takes prepared requests over and tells how many.
func (r *fakeRing) submit() int {
	n := len(r.prepared)
	if len(r.takes) > 0 {
		n = min(n, r.takes[0])
		r.takes = r.takes[1:]
	}
	for _, sqe := range r.prepared[:n] {
		r.accept(sqe)
	}
	r.prepared = slices.Delete(r.prepared, 0, n)
	r.stats.SQEs += uint64(n)
	return n
}

// poll completes the wake-up poll when the port's descriptor was written to.
func (r *fakeRing) poll() {
	var counter [8]byte
	if r.wakePoll == nil || !r.wakePoll.live {
		return
	}
	if n, _ := unix.Read(int(r.wakeFD), counter[:]); n == len(counter) {
		r.complete(r.wakePoll, unix.POLLIN, sys.IORING_CQE_F_MORE)
	}
}

// accept takes one request over: from now on the kernel has it.
func (r *fakeRing) accept(sqe *uring.SQE) {
	q := &request{sqe: *sqe, live: true, pieces: r.memory.pieces(sqe)}
	switch {
	case sqe.Opcode == sys.IORING_OP_POLL_ADD && sqe.Fd == r.wakeFD:
		r.wakePoll = q
		return
	case sqe.Opcode == sys.IORING_OP_ASYNC_CANCEL:
		q.target = r.byToken(sqe.Addr)
		if q.target == nil {
			r.t.Fatalf("a cancel of %#x, which no request has", sqe.Addr)
		}
		q.target.asked = true
		if q.target == r.wakePoll {
			r.complete(r.wakePoll, -int32(unix.ECANCELED), 0)
			r.complete(q, 0, 0)
			return
		}
	}
	q.label, q.text = r.name(q)
	q.number = 1
	for _, other := range r.requests {
		if other.label == q.label {
			q.number++
		}
	}
	r.check(q)
	r.requests = append(r.requests, q)
}

// check holds what is true of every request, whatever the story.
func (r *fakeRing) check(q *request) {
	for _, other := range r.requests {
		if !other.live || other.target != nil || q.target != nil || other.sqe.Fd != q.sqe.Fd {
			continue
		}
		if q.sqe.Opcode == sys.IORING_OP_CLOSE || other.label == q.label && q.sqe.Opcode != sys.IORING_OP_ACCEPT {
			r.t.Fatalf("%q is submitted while the kernel has %q", q.text, other.text)
		}
	}
}

// name gives a request its label, and its description in a trace's words.
func (r *fakeRing) name(q *request) (label, text string) {
	sqe := &q.sqe
	name := r.names[sqe.Fd]
	if name == "" && q.target == nil {
		r.t.Fatalf("a request for descriptor %d, which nobody has: %+v", sqe.Fd, *sqe)
	}
	switch sqe.Opcode {
	case sys.IORING_OP_ASYNC_CANCEL:
		target := q.target.label
		if q.target.sqe.Opcode == sys.IORING_OP_ACCEPT {
			target += "#" + strconv.Itoa(q.target.number)
		}
		return target + ".cancel", "cancel " + target
	case sys.IORING_OP_ACCEPT:
		return name + ".accept", multi("accept", sqe.Ioprio) + name
	case sys.IORING_OP_CONNECT:
		return name + ".connect", "connect " + name
	case sys.IORING_OP_RECV:
		return name + ".recv", r.receive(sqe, name)
	case sys.IORING_OP_RECVMSG:
		return name + ".recv", "recvmsg " + name + " " + lengths(q.pieces) + msgFlagNames(sqe.OpFlags)
	case sys.IORING_OP_POLL_ADD:
		if sqe.OpFlags == unix.POLLRDHUP {
			return name + ".hangup", "poll-hangup " + name
		}
		return name + ".recv", "poll " + name
	case sys.IORING_OP_SEND:
		return name + ".send", "send " + name + " " + lengths(q.pieces) + msgFlagNames(sqe.OpFlags)
	case sys.IORING_OP_SENDMSG:
		return name + ".send", "sendmsg " + name + " " + lengths(q.pieces) + msgFlagNames(sqe.OpFlags)
	case sys.IORING_OP_CLOSE:
		return name + ".close", "close " + name
	}
	r.t.Fatalf("the port submits operation %d, of which no trace tells", sqe.Opcode)
	return "", ""
}

// receive describes a RECV, which comes in three kinds.
func (r *fakeRing) receive(sqe *uring.SQE, name string) string {
	switch {
	case sqe.Ioprio&sys.IORING_RECV_MULTISHOT != 0:
		text := "recv-multishot " + name
		if sqe.FileIndex > 0 { // sqe.optlen
			text += fmt.Sprintf(" limit=%d", sqe.FileIndex)
		}
		return text
	case sqe.Flags&sys.IOSQE_BUFFER_SELECT != 0:
		text := "recv-select " + name + msgFlagNames(sqe.OpFlags)
		if sqe.Ioprio&sys.IORING_RECVSEND_POLL_FIRST != 0 {
			text += " poll-first"
		}
		return text
	}
	return fmt.Sprintf("recv %s %d%s", name, sqe.Len, msgFlagNames(sqe.OpFlags))
}

func multi(verb string, ioprio uint16) string {
	if ioprio != 0 {
		return verb + "-multishot "
	}
	return verb + " "
}

func lengths(pieces []piece) string {
	var all []string
	for _, p := range pieces {
		all = append(all, strconv.Itoa(p.length))
	}
	return strings.Join(all, ",")
}

// msgFlagNames tells the flags that differ from one request to the next.
func msgFlagNames(flags uint32) (text string) {
	for _, f := range []struct {
		flag uint32
		name string
	}{{unix.MSG_PEEK, " peek"}, {unix.MSG_DONTWAIT, " dontwait"}, {unix.MSG_OOB, " oob"}} {
		if flags&f.flag != 0 {
			text += f.name
		}
	}
	return text
}

// byToken gives the request that a user_data names.
func (r *fakeRing) byToken(token uint64) *request {
	if r.wakePoll != nil && r.wakePoll.sqe.UserData == token {
		return r.wakePoll
	}
	for _, q := range r.requests {
		if q.sqe.UserData == token {
			return q
		}
	}
	return nil
}

// complete posts a completion. Without MORE it is the request's last one.
func (r *fakeRing) complete(q *request, res int32, flags uint32) {
	if !q.live {
		r.t.Fatalf("%q has ended; it cannot complete again", q.text)
	}
	q.live = flags&sys.IORING_CQE_F_MORE != 0
	if q.sqe.Opcode == sys.IORING_OP_CLOSE {
		r.closeDescriptor(q.sqe.Fd)
	}
	r.post(q, res, flags)
}

// post puts a completion into the queue, also for a request that has none to come.
func (r *fakeRing) post(q *request, res int32, flags uint32) {
	r.cqes = append(r.cqes, uring.CQE{UserData: q.sqe.UserData, Res: res, Flags: flags})
}

func (r *fakeRing) closeDescriptor(fd int32) {
	linger, err := unix.GetsockoptLinger(int(fd), unix.SOL_SOCKET, unix.SO_LINGER)
	r.resets[fd] = err == nil && linger.Onoff == 1 && linger.Linger == 0
	if err := unix.Close(int(fd)); err != nil {
		r.t.Fatalf("close %s: %v", r.names[fd], err)
	}
}

// live gives the requests that the kernel has.
func (r *fakeRing) live() (all []*request) {
	for _, q := range r.requests {
		if q.live {
			all = append(all, q)
		}
	}
	return all
}

// find gives a request by its label: the oldest one in the kernel, or with #n the nth that there ever was.
func (r *fakeRing) find(label string) *request {
	number := 0
	if name, n, ok := strings.Cut(label, "#"); ok {
		// The label of an accept's cancel has the number in its middle.
		if digits, rest, ok := strings.Cut(n, "."); ok {
			label = name + "#" + digits + "." + rest
		} else {
			label = name
			number, _ = strconv.Atoi(n)
		}
	}
	for _, q := range r.requests {
		if q.label == label && (q.number == number || number == 0 && q.live) {
			return q
		}
	}
	return nil
}

// errnoName gives the negative result that stands for an errno's name.
func errnoResult(name string) (int32, bool) {
	for e := syscall.Errno(1); e < errnoCount; e++ {
		if unix.ErrnoName(e) == name {
			return -int32(e), true
		}
	}
	return 0, false
}

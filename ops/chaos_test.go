package ops

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/sys"
)

// chaos plays a story without an author: bytes choose what users do, and which of the answers that a kernel may give
// comes next. Whatever they are, what story and fakeRing check by themselves holds.
type chaos struct {
	*story
	script  []byte
	sockets []*party
	ended   map[int32]bool // streams whose end, or reset, the kernel has told
	names   int
}

// limits of a chaos, so that one input is quickly played.
const (
	chaosSockets = 4
	chaosOps     = 12
)

// playChaos plays one input to its end.
func playChaos(t testing.TB, script []byte) {
	c := &chaos{script: script, ended: map[int32]bool{}}
	sizes, entries := []int{-1, 100, 0, 300}, []int{0, 1, 2, 8}
	cfg := PortConfig{
		ReadAhead: sizes[c.pick(4)], Entries: entries[c.pick(4)], Buffers: 1 + c.pick(6), BufferSize: 64,
		SyncBudget: 1 + c.pick(8), TrySend: c.chance(2),
	}
	multishot, limit := !c.chance(4), !c.chance(3)
	c.story = newStory(t, cfg, func(r *fakeRing) {
		r.features.MultishotReceive, r.features.ReceiveLimit = multishot, limit
	})
	c.listen("l", 1+c.pick(4), c.pick(6))
	c.sockets = append(c.sockets, c.parties["l"])
	for step := 0; len(c.script) > 0; step++ {
		c.where = "step " + strconv.Itoa(step)
		c.act()
	}
}

// pick takes a number below n from the script, 0 behind its end.
func (c *chaos) pick(n int) int {
	if len(c.script) == 0 {
		return 0
	}
	b := int(c.script[0])
	c.script = c.script[1:]
	return b % n
}

// chance is true once in n times.
func (c *chaos) chance(n int) bool { return c.pick(n) == n-1 }

// act does one step of the users', the kernel's or the port's.
func (c *chaos) act() {
	switch n := c.pick(16); {
	case n < 4:
		c.kernel()
	case n < 7:
		c.turn()
	case n == 7 && c.chance(4):
		c.now += time.Duration(c.pick(50)) * time.Millisecond
	case n == 8 && len(c.sockets) < chaosSockets:
		c.sockets = append(c.sockets, c.connect(c.name("s")))
	case n == 9 && c.chance(2):
		c.ring.asleep = append(c.ring.asleep, c.user)
		c.turnAsleep()
	case n == 10 && c.chance(8):
		c.ring.takes = append(c.ring.takes, c.pick(3))
	case n == 11:
		if a := c.idle(); a != nil {
			again := c.pick(3)
			a.next = append(a.next[:0], func() { c.begin(a, again) })
		}
	default:
		c.user()
	}
}

// turnAsleep turns until the port has slept, so that what other goroutines do has happened.
func (c *chaos) turnAsleep() {
	for turns := 0; len(c.ring.asleep) > 0; turns++ {
		if turns == patienceTurns {
			c.failf("the port does not sleep")
		}
		if !c.port.turn() {
			c.failf("the port has ended")
		}
		c.checkBuffers()
	}
}

func (c *chaos) name(kind string) string {
	c.names++
	return kind + strconv.Itoa(c.names)
}

// idle gives an op that is not in flight, or nil.
func (c *chaos) idle() *actor {
	a := c.actor(fmt.Sprintf("op%c", 'a'+c.pick(chaosOps)))
	if a.pending || a.op.state.Load() != opIdle {
		return nil
	}
	return a
}

// user does something that a user may do at any time.
func (c *chaos) user() {
	switch n := c.pick(16); {
	case n < 10:
		if a := c.idle(); a != nil {
			c.begin(a, c.pick(3))
		}
	case n < 13:
		if a := c.actors[fmt.Sprintf("op%c", 'a'+c.pick(chaosOps))]; a != nil && a.op.Socket() != nil {
			a.op.Socket().Cancel(a.op)
		}
	case n == 13 && len(c.leases) > 0:
		b := c.leases[0]
		c.leases = c.leases[1:]
		b.Release()
	case n == 14 && c.chance(4):
		if pt := c.anyone(); pt != nil {
			_ = pt.socket.Close()
		}
	case n == 15 && c.chance(4):
		if pt := c.anyone(); pt != nil && pt.socket.acc == nil {
			_ = pt.socket.Shutdown(ShutdownSend)
		}
	}
}

// anyone gives a socket that the user knows, or nil. Accepted ones are known once an op has handed them out.
func (c *chaos) anyone() *party {
	pt := c.sockets[c.pick(len(c.sockets))]
	if pt.socket == nil {
		return nil
	}
	return pt
}

// begin starts an op on some socket.
func (c *chaos) begin(a *actor, what int) {
	pt := c.anyone()
	if pt == nil || a.pending {
		return
	}
	a.op.SetBuffer(nil)
	a.op.SetBufferList(nil)
	a.op.SocketFlags, a.op.Multishot, a.op.DontWait, a.keeps = 0, c.chance(4), false, c.chance(6)
	switch {
	case pt.socket.acc != nil:
		c.start(a, pt, pt.socket.AcceptAsync)
	case what == 0:
		c.memory(a)
		a.data = c.message(a, a.op.size())
		a.op.DontWait = c.chance(3)
		c.fill(a)
		c.start(a, pt, pt.socket.SendAsync)
	default:
		if !a.op.Multishot && c.chance(2) {
			c.memory(a)
		}
		if a.op.ownsMemory() && c.chance(4) {
			a.op.SocketFlags = Peek
		}
		c.start(a, pt, pt.socket.ReceiveAsync)
	}
}

// memory gives an op memory of its own, in one piece or several.
func (c *chaos) memory(a *actor) {
	if c.chance(3) {
		a.op.SetBufferList(cut(make([]byte, c.pick(150)), 1+c.pick(4)))
		return
	}
	a.op.SetBuffer(make([]byte, c.pick(150)))
}

// fill writes what an op sends into its memory.
func (c *chaos) fill(a *actor) {
	var one [1][]byte
	data := a.data
	for _, piece := range a.op.pieces(&one) {
		data = data[copy(piece, data):]
	}
}

// kernel gives an answer to one of the requests that the kernel has.
func (c *chaos) kernel() {
	live := c.ring.live()
	if len(live) == 0 {
		return
	}
	q := live[c.pick(len(live))]
	switch q.sqe.Opcode {
	case sys.IORING_OP_ASYNC_CANCEL:
		c.cancels(q)
	case sys.IORING_OP_CLOSE:
		c.ring.complete(q, 0, 0)
	case sys.IORING_OP_ACCEPT:
		c.accepts(q)
	case sys.IORING_OP_POLL_ADD:
		c.ring.complete(q, unix.POLLIN, 0)
	case sys.IORING_OP_SEND, sys.IORING_OP_SENDMSG:
		c.sends(q)
	default:
		c.receives(q)
	}
}

// cancels answers a cancel: its target ends before it or behind it, had ended, or goes on for a while.
func (c *chaos) cancels(q *request) {
	ended := []int32{-int32(unix.ECANCELED), -int32(unix.EINTR)}
	switch {
	case !q.target.live:
		c.ring.complete(q, -int32(unix.ENOENT), 0)
	case c.chance(4):
		c.ring.complete(q, -int32(unix.EALREADY), 0)
	case c.chance(2):
		c.ring.complete(q, 0, 0)
		c.ring.complete(q.target, ended[c.pick(2)], 0)
	default:
		c.ring.complete(q.target, ended[c.pick(2)], 0)
		c.ring.complete(q, 0, 0)
	}
}

func (c *chaos) accepts(q *request) {
	errnos := []unix.Errno{unix.EMFILE, unix.ECONNABORTED, unix.ENFILE, unix.EINTR}
	more := q.sqe.Ioprio != 0 && !c.chance(4)
	if c.chance(5) {
		c.ring.complete(q, -int32(errnos[c.pick(4)]), 0)
		return
	}
	c.accept(q, c.name("c"), more)
	if len(c.sockets) < 2*chaosSockets {
		c.sockets = append(c.sockets, c.parties["c"+strconv.Itoa(c.names)])
	}
}

func (c *chaos) sends(q *request) {
	total := 0
	for _, p := range q.pieces {
		total += p.length
	}
	errnos := []unix.Errno{unix.EPIPE, unix.ECONNRESET, unix.EINTR}
	switch {
	case c.chance(8):
		c.ring.complete(q, -int32(errnos[c.pick(3)]), 0)
	case q.sqe.OpFlags&unix.MSG_DONTWAIT != 0 && c.chance(3):
		c.ring.complete(q, -int32(unix.EAGAIN), 0)
	case c.chance(3):
		c.sent(q, 1+c.pick(total))
	default:
		c.sent(q, total)
	}
}

func (c *chaos) receives(q *request) {
	selects := q.sqe.Flags&sys.IOSQE_BUFFER_SELECT != 0
	room := 0
	for _, p := range q.pieces {
		room += p.length
	}
	if selects {
		room = 64
	}
	switch {
	case c.ended[q.sqe.Fd]:
		c.ring.complete(q, 0, 0)
	case c.chance(16):
		c.ended[q.sqe.Fd] = true
		c.ring.complete(q, 0, 0)
	case c.chance(16):
		c.ended[q.sqe.Fd] = true
		c.ring.complete(q, -int32(unix.ECONNRESET), 0)
	case c.chance(16):
		c.ring.complete(q, -int32(unix.EINTR), 0)
	case selects && c.ring.buffers.posted() == 0:
		c.ring.complete(q, -int32(unix.ENOBUFS), 0)
	default:
		more := q.sqe.Ioprio&sys.IORING_RECV_MULTISHOT != 0 && !c.chance(4)
		c.data(q, 1+c.pick(room), more)
	}
}

package ops

import (
	"fmt"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/sys"
	"github.com/ringport/ringport/uring"
)

// script runs the steps of a trace file on a story. A file has one step to a line; # begins a comment.
//
//	port KEY=N... [no-multishot] [no-limit] [try-send]    the first step, where the defaults do not do
//	socket NAME [full] [unix]          a connected stream socket; full: it takes nothing but through the ring
//	listener NAME backlog=N ahead=N    a listening socket
//
//	receive OP SOCKET [own=N] [list=N,N] [empty] [peek] [multishot] [keep] -> RESULT
//	send OP SOCKET N [pieces=N] [dontwait] -> RESULT
//	accept OP LISTENER [multishot] -> RESULT
//	limit SOCKET N                     its Multishot receives end after so many bytes
//	connect OP NAME N -> RESULT        of a new stream socket, with N bytes of initial data
//	cancel OP | close SOCKET | close port | close OP | shutdown SOCKET | release
//	asleep STEP                        the step is another goroutine's, while the next turn sleeps
//	on OP STEP                         the step is done by the op's handler when it runs next
//
//	turn                               one turn of the port
//	last turn                          the one with which the port ends
//	pass DURATION                      time passes
//	sq takes N...                      how many requests the next enters take; then all again
//	enter fails ERRNO
//
//	submits REQUEST [*N]               the next request that the kernel got
//	submits nothing                    explicit, but it holds after every turn
//	kernel LABEL N [more]              a receive or send completes with N bytes
//	kernel LABEL SOCKET [more]         an accept completes with a new connection
//	kernel LABEL ERRNO [more] [buffer] [stale]
//	kernel LABEL ready | kernel LABEL done    the latter of a connect, too
//	completes OP RESULT                the next handler that ran; nothing else may have run after a turn
//
//	stat NAME N                        a figure of Port.Stats
//	slept DURATION | slept forever     what the last sleep was limited to
//	peer SOCKET open | peer SOCKET end | gone SOCKET [reset]
//
// A RESULT is pending, or what story.result says. A LABEL is SOCKET.recv, .send, .accept, .connect or .close, with
// .cancel for its cancel, and #N for the Nth such request instead of the one that the kernel has.
type script struct {
	*story
	begin func(cfg PortConfig, prepare func(*fakeRing)) *story
}

// run does the steps of a file, and then ends its story.
func (sc *script) run(path, text string) {
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, " #")
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if sc.story == nil {
			sc.open(words)
		}
		sc.where = fmt.Sprintf("%s:%d: %s", path, i+1, strings.TrimSpace(line))
		if words[0] != "port" {
			sc.step(words)
		}
	}
	sc.nothingUntold()
}

// open makes the port, by the first step if that tells how.
func (sc *script) open(words []string) {
	opts := newOptions(words)
	cfg := PortConfig{
		ReadAhead: opts.number("ahead", 0), SyncBudget: opts.number("budget", 0), Entries: opts.number("entries", 0),
		Buffers: opts.number("buffers", 16), BufferSize: opts.number("size", 256), TrySend: opts.has("try-send"),
	}
	if words[0] != "port" {
		cfg = PortConfig{Buffers: 16, BufferSize: 256}
	}
	sc.story = sc.begin(cfg, func(r *fakeRing) {
		r.features.MultishotReceive = !opts.has("no-multishot")
		r.features.ReceiveLimit = !opts.has("no-limit")
	})
}

// step does one step.
func (sc *script) step(words []string) {
	steps := map[string]func(options){
		"socket": sc.doSocket, "listener": sc.doListener,
		"receive": sc.doReceive, "send": sc.doSend, "accept": sc.doAccept, "connect": sc.doConnect,
		"cancel": sc.doCancel, "close": sc.doClose, "shutdown": sc.doShutdown, "release": sc.doRelease,
		"limit":  sc.doLimit,
		"asleep": sc.doAsleep, "on": sc.doOn,
		"turn": sc.doTurn, "last": sc.doLastTurn, "pass": sc.doPass, "sq": sc.doTakes, "enter": sc.doEnterFails,
		"submits": sc.doSubmits, "kernel": sc.doKernel, "completes": sc.doCompletes,
		"stat": sc.doStat, "slept": sc.doSlept, "peer": sc.doPeer, "gone": sc.doGone,
	}
	do, ok := steps[words[0]]
	if !ok {
		sc.failf("there is no such step")
	}
	do(newOptions(words))
}

// options are the words of a step behind its name, what stands behind the arrow apart.
type options struct {
	words  []string
	result string
}

func newOptions(words []string) options {
	o := options{words: words[1:]}
	for i, w := range o.words {
		if w == "->" {
			o.result = strings.Join(o.words[i+1:], " ")
			o.words = o.words[:i]
			break
		}
	}
	return o
}

// at gives a word, or "" behind the last.
func (o options) at(i int) string {
	if i >= len(o.words) {
		return ""
	}
	return o.words[i]
}

func (o options) has(word string) bool {
	for _, w := range o.words {
		if w == word {
			return true
		}
	}
	return false
}

// value gives what stands behind key=.
func (o options) value(key string) (string, bool) {
	for _, w := range o.words {
		if value, ok := strings.CutPrefix(w, key+"="); ok {
			return value, true
		}
	}
	return "", false
}

func (o options) number(key string, otherwise int) int {
	value, ok := o.value(key)
	if !ok {
		return otherwise
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return otherwise
	}
	return n
}

func (sc *script) party(name string) *party {
	pt := sc.parties[name]
	if pt == nil || pt.socket == nil {
		sc.failf("there is no socket %s", name)
	}
	return pt
}

func (sc *script) number(word string) int {
	n, err := strconv.Atoi(word)
	if err != nil {
		sc.failf("%q is no number", word)
	}
	return n
}

// expect compares what a call answered with what stands behind the arrow.
func (sc *script) expect(o options, got string) {
	if got != o.result {
		sc.failf("it answered %q", got)
	}
}

func (sc *script) doLimit(o options) {
	n, err := strconv.Atoi(o.at(1))
	if err == nil {
		err = sc.parties[o.at(0)].socket.SetMultishotLimit(n)
	}
	if err != nil {
		sc.failf("%v", err)
	}
}

func (sc *script) doSocket(o options) {
	pt := sc.connect(o.at(0))
	if o.has("unix") {
		pt.socket.family = FamilyUnix
	}
	if !o.has("full") {
		return
	}
	for junk := make([]byte, 4096); ; { // past the ring, and past the accounts
		if _, err := unix.Write(pt.socket.fd, junk); err != nil {
			break
		}
	}
	pt.peer = -1
}

func (sc *script) doListener(o options) {
	sc.listen(o.at(0), o.number("backlog", 0), o.number("ahead", 0))
}

func (sc *script) doReceive(o options) {
	a, pt := sc.actor(o.at(0)), sc.party(o.at(1))
	a.op.SetBuffer(nil)
	a.op.SetBufferList(nil)
	if n := o.number("own", 0); n > 0 || o.has("empty") {
		a.op.SetBuffer(make([]byte, n))
	}
	if list, ok := o.value("list"); ok {
		var buffers [][]byte
		for _, n := range strings.Split(list, ",") {
			buffers = append(buffers, make([]byte, sc.number(n)))
		}
		a.op.SetBufferList(buffers)
	}
	a.op.SocketFlags = 0
	if o.has("peek") {
		a.op.SocketFlags = Peek
	}
	a.op.Multishot, a.keeps = o.has("multishot"), o.has("keep")
	sc.expect(o, sc.start(a, pt, pt.socket.ReceiveAsync))
}

func (sc *script) doSend(o options) {
	a, pt := sc.actor(o.at(0)), sc.party(o.at(1))
	a.data = sc.message(a, sc.number(o.at(2)))
	a.op.SetBuffer(nil)
	a.op.SetBufferList(nil)
	if n := o.number("pieces", 0); n > 0 {
		a.op.SetBufferList(cut(a.data, n))
	} else {
		a.op.SetBuffer(a.data)
	}
	a.op.DontWait = o.has("dontwait")
	sc.expect(o, sc.start(a, pt, pt.socket.SendAsync))
}

// cut divides data into so many pieces of nearly one length.
func cut(data []byte, pieces int) (list [][]byte) {
	for ; pieces > 0; pieces-- {
		n := len(data) / pieces
		list = append(list, data[:n])
		data = data[n:]
	}
	return list
}

func (sc *script) doAccept(o options) {
	a, pt := sc.actor(o.at(0)), sc.party(o.at(1))
	a.op.Multishot = o.has("multishot")
	sc.expect(o, sc.start(a, pt, pt.socket.AcceptAsync))
}

func (sc *script) doConnect(o options) {
	a, pt := sc.actor(o.at(0)), sc.connect(o.at(1))
	pt.socket.state = 0
	a.data = sc.message(a, sc.number(o.at(2)))
	a.op.SetBuffer(a.data)
	a.op.RemoteEndpoint = IPEndpoint(netip.MustParseAddrPort("127.0.0.1:7007"))
	sc.expect(o, sc.start(a, pt, pt.socket.ConnectAsync))
}

func (sc *script) doCancel(o options) {
	a := sc.actor(o.at(0))
	a.op.Socket().Cancel(a.op)
}

func (sc *script) doClose(o options) {
	var err error
	switch name := o.at(0); {
	case name == "port":
		err = sc.port.Close()
	case sc.actors[name] != nil:
		err = sc.actors[name].op.Close()
	default:
		err = sc.party(name).socket.Close()
	}
	if err != nil {
		sc.failf("%v", err)
	}
}

func (sc *script) doShutdown(o options) {
	if err := sc.party(o.at(0)).socket.Shutdown(ShutdownSend); err != nil {
		sc.failf("%v", err)
	}
}

func (sc *script) doRelease(options) {
	if len(sc.leases) == 0 {
		sc.failf("nobody keeps a buffer")
	}
	b := sc.leases[0]
	sc.leases = sc.leases[1:]
	b.Release()
}

func (sc *script) doAsleep(o options) {
	sc.ring.asleep = append(sc.ring.asleep, sc.later(o))
}

func (sc *script) doOn(o options) {
	a := sc.actor(o.at(0))
	o.words = o.words[1:]
	a.next = append(a.next, sc.later(o))
}

// later keeps a step for when it is its time.
func (sc *script) later(o options) func() {
	words, where := o.words, sc.where
	if o.result != "" {
		words = append(words, "->", o.result)
	}
	return func() {
		now := sc.where
		sc.where = where
		sc.step(words)
		sc.where = now
	}
}

func (sc *script) doTurn(options) {
	sc.nothingUntold()
	if !sc.turn() {
		sc.failf("the port has ended")
	}
}

func (sc *script) doLastTurn(options) {
	sc.nothingUntold()
	if sc.turn() {
		sc.failf("the port goes on")
	}
}

func (sc *script) doPass(o options) { sc.now += sc.duration(o.at(0)) }

func (sc *script) duration(word string) time.Duration {
	d, err := time.ParseDuration(word)
	if err != nil {
		sc.failf("%v", err)
	}
	return d
}

func (sc *script) doTakes(o options) {
	for _, n := range o.words[1:] {
		sc.ring.takes = append(sc.ring.takes, sc.number(n))
	}
}

func (sc *script) doEnterFails(o options) {
	res, ok := errnoResult(o.at(1))
	if !ok {
		sc.failf("%s is no errno", o.at(1))
	}
	c := uring.CQE{Res: res}
	sc.ring.failing = c.Errno()
}

// nothingUntold fails when something has happened that the trace does not tell.
func (sc *script) nothingUntold() {
	var untold []string
	for _, q := range sc.ring.requests[sc.told:] {
		untold = append(untold, "submits "+q.text)
	}
	for _, o := range sc.done {
		untold = append(untold, "completes "+o.actor.name+" "+o.text)
	}
	if len(untold) > 0 {
		sc.failf("before it, the trace does not tell:\n%s", strings.Join(untold, "\n"))
	}
}

func (sc *script) doSubmits(o options) {
	times := 1
	if n, ok := strings.CutPrefix(o.words[len(o.words)-1], "*"); ok {
		times = sc.number(n)
		o.words = o.words[:len(o.words)-1]
	}
	want := strings.Join(o.words, " ")
	if want == "nothing" {
		sc.nothingSubmitted()
		return
	}
	for range times {
		if sc.told == len(sc.ring.requests) {
			sc.failf("nothing more was submitted")
		}
		if got := sc.ring.requests[sc.told].text; got != want {
			sc.failf("it submits %q", got)
		}
		sc.told++
	}
}

func (sc *script) nothingSubmitted() {
	if sc.told < len(sc.ring.requests) {
		sc.failf("it submits %q", sc.ring.requests[sc.told].text)
	}
}

func (sc *script) doCompletes(o options) {
	if len(sc.done) == 0 {
		sc.failf("nothing more has completed")
	}
	first := sc.done[0]
	sc.done = sc.done[1:]
	got := first.actor.name + " " + first.text
	if got != strings.Join(o.words, " ") {
		sc.failf("%s completes", got)
	}
}

func (sc *script) doKernel(o options) {
	q := sc.ring.find(o.at(0))
	if q == nil {
		sc.failf("the kernel has no %s", o.at(0))
	}
	what, more := o.at(1), o.has("more")
	if errno, ok := errnoResult(what); ok {
		sc.kernelFails(q, errno, o)
		return
	}
	switch n, err := strconv.Atoi(what); {
	case o.has("stale"):
		sc.ring.post(q, int32(n), sc.ring.take(nil)|moreFlag(more))
	case what == "ready":
		sc.ring.complete(q, unix.POLLIN, 0)
	case what == "done":
		sc.ring.complete(q, 0, 0)
	case q.sqe.Opcode == sys.IORING_OP_ACCEPT:
		sc.accept(q, what, more)
	case err != nil:
		sc.failf("%q is nothing that a completion can say", what)
	case q.sqe.Opcode == sys.IORING_OP_SEND || q.sqe.Opcode == sys.IORING_OP_SENDMSG:
		sc.sent(q, n)
	case n == 0:
		sc.ring.complete(q, 0, 0)
	default:
		sc.data(q, n, more)
	}
}

func (sc *script) kernelFails(q *request, errno int32, o options) {
	flags := moreFlag(o.has("more"))
	if o.has("buffer") {
		flags |= sc.ring.take(nil)
	}
	if o.has("stale") {
		sc.ring.post(q, errno, flags)
		return
	}
	sc.ring.complete(q, errno, flags)
}

func (sc *script) doStat(o options) {
	field := reflect.ValueOf(sc.port.Stats()).FieldByName(o.at(0))
	if !field.IsValid() {
		sc.failf("there is no figure %s", o.at(0))
	}
	if got := fmt.Sprint(field.Interface()); got != o.at(1) {
		sc.failf("it is %s", got)
	}
}

func (sc *script) doSlept(o options) {
	want := noLimit
	if o.at(0) != "forever" {
		want = sc.duration(o.at(0))
	}
	if sc.ring.slept != want {
		sc.failf("it slept %v", sc.ring.slept)
	}
}

func (sc *script) doPeer(o options) {
	pt := sc.party(o.at(0))
	pt.drain()
	n, err := unix.Read(pt.peer, make([]byte, 1))
	if end := n == 0 && err == nil; end != (o.at(1) == "end") {
		sc.failf("it read %d, %v", n, err)
	}
}

func (sc *script) doGone(o options) {
	for fd, pt := range sc.byFD {
		if pt.name != o.at(0) {
			continue
		}
		reset, closed := sc.ring.resets[fd]
		if !closed || reset != o.has("reset") {
			sc.failf("closed: %t, with a reset: %t", closed, reset)
		}
	}
}

package ops

import (
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/uring"
)

// SendPacketsElement is one piece of what SendPacketsAsync sends: memory, or a range of a file. Make one with
// ElementMemory, ElementFile or ElementOSFile; the zero value is passed over.
type SendPacketsElement struct {
	// EndOfPacket marks the end of a packet. A stream has none: it is kept for code that was written for .NET.
	EndOfPacket bool

	memory        []byte
	path          string
	file          *os.File
	offset, count int64
	kind          elementKind
}

type elementKind uint8

const (
	noElement elementKind = iota
	memoryElement
	pathElement
	fileElement
)

// ElementMemory sends b, which must stay unchanged until the completion. An empty one is passed over.
func ElementMemory(b []byte) SendPacketsElement {
	return SendPacketsElement{kind: memoryElement, memory: b}
}

// ElementFile sends count bytes of the file from offset on, both in bytes; count 0 means to its end. The file is opened
// by the start, which fails if it cannot be, and closed by the completion.
func ElementFile(path string, offset, count int64) SendPacketsElement {
	return SendPacketsElement{kind: pathElement, path: path, offset: offset, count: count}
}

// ElementOSFile sends count bytes of f from offset on; count 0 means to its end. f's position is neither used nor
// moved, and f may be closed once the start has returned.
func ElementOSFile(f *os.File, offset, count int64) SendPacketsElement {
	return SendPacketsElement{kind: fileElement, file: f, offset: offset, count: count}
}

// SetSendPacketsElements sets what SendPacketsAsync sends. The list is copied by the start. It panics while the op is
// in flight; on a closed op it does nothing.
func (o *Op) SetSendPacketsElements(e []SendPacketsElement) {
	if o.configure("set the packets") {
		o.extras().packets.elements = e
	}
}

// SendPacketsElements gives what SetSendPacketsElements was given.
func (o *Op) SendPacketsElements() []SendPacketsElement {
	if o.extra == nil {
		return nil
	}
	return o.extra.packets.elements
}

// parcel is one element as it is sent: memory, or an open descriptor with a range.
type parcel struct {
	memory []byte
	fd     int // -1: memory
	offset int64
	left   int64
}

// packetQueue is the progress of a SendPackets.
type packetQueue struct {
	elements []SendPacketsElement
	parcels  []parcel
	next     int
	pipe     [2]int // between a file and the socket; 0, 0: none
	inPipe   int    // bytes that have left the file, but not the pipe
	step     packetStep
}

// packetStep is what the request in the kernel does.
type packetStep uint8

const (
	stepMemory packetStep = iota // memory to the socket
	stepFill                     // file to the pipe
	stepDrain                    // pipe to the socket
	stepRoom                     // waits for room in the socket
)

// spliceSize is how much of a file moves with one request: what a pipe holds by default.
const spliceSize = 64 << 10

var (
	errPacketsMissing = argumentError(SendPackets, "the elements are not set; call SetSendPacketsElements")
	errPacketsRange   = argumentError(SendPackets, "an element's offset or count is negative")
	errPacketsNoConn  = unsupportedError(SendPackets, "the socket is not a connected stream socket")
	errPacketsFile    = argumentError(SendPackets, "only regular files can be sent")
	errPacketsNoFile  = argumentError(SendPackets, "an element has an empty path, or a nil file")
)

// SendPacketsAsync sends the op's elements, in order, behind the sends that were started. File data moves from the file
// to the socket inside the kernel. SendPacketsFlags ends the connection after it. BytesTransferred is exact, also when
// it fails on the way; a range beyond the end of its file is InvalidArgument, and nothing is sent. The first file makes
// the socket's descriptor non-blocking, as .NET makes each from the start: a peer that does not read must not hold a
// thread of the kernel.
//
// pending is false when there is nothing to send, or the op is refused: no elements, a file that cannot be opened, no
// connection. See splice(2), Socket.SendPacketsAsync of .NET.
func (s *Socket) SendPacketsAsync(op *Op) (pending bool) {
	if !op.start(s, SendPackets) {
		return false
	}
	p := s.port
	err := s.admitPackets(op)
	if err == nil {
		err = s.openPackets(op)
	}
	p.mu.Lock()
	if err == nil {
		err = s.admitPacketsLocked(op)
	}
	if err == nil {
		op.takeFlags()
	}
	q := &op.extras().packets
	op.total, op.phase, op.reuse = q.size(), disconnectShutdown, op.SendPacketsFlags&SendPacketsReuseSocket != 0
	op.disconnects = op.SendPacketsFlags&(SendPacketsDisconnect|SendPacketsReuseSocket) != 0
	if err != nil || op.total == 0 && !op.disconnects && s.tx.queue.head == nil {
		p.mu.Unlock()
		op.closePackets()
		p.mu.Lock()
		return p.refuse(op, err)
	}
	s.tx.queue.push(op)
	return s.accepted()
}

func (s *Socket) admitPackets(op *Op) error {
	s.port.mu.Lock()
	defer s.port.mu.Unlock()
	if err := s.admitPacketsLocked(op); err != nil {
		return err
	}
	for _, e := range op.extra.packets.elements {
		if e.offset < 0 || e.count < 0 {
			return errPacketsRange
		}
	}
	return nil
}

func (s *Socket) admitPacketsLocked(op *Op) error {
	if err := s.admit(op); err != nil {
		return err
	}
	switch {
	case op.SendPacketsElements() == nil:
		return errPacketsMissing
	case s.typ != Stream || !s.state.has(stateConnected):
		return errPacketsNoConn
	case s.state.has(stateShutSend):
		return errorOf(SendPackets, syscall.EPIPE)
	}
	return nil
}

// openPackets opens the op's files, and makes the socket ready to be spliced to.
func (s *Socket) openPackets(op *Op) error {
	q := &op.extra.packets
	if err := q.open(); err != nil || q.pipe == [2]int{} {
		return err
	}
	if !s.hold() {
		return closedError(SendPackets)
	}
	defer s.unhold()
	if err := unix.SetNonblock(s.fd, true); err != nil {
		return errorOf(SendPackets, errno(err))
	}
	return nil
}

// open makes parcels of the elements: it opens files, and a pipe if there are any.
func (q *packetQueue) open() error {
	q.parcels, q.next, q.inPipe = q.parcels[:0], 0, 0
	q.step = stepMemory
	for _, e := range q.elements {
		switch e.kind {
		case memoryElement:
			if len(e.memory) > 0 {
				q.parcels = append(q.parcels, parcel{memory: e.memory, fd: -1, left: int64(len(e.memory))})
			}
		case pathElement, fileElement:
			if err := q.openFile(e); err != nil {
				return err
			}
		}
	}
	hasFile := func(p parcel) bool { return p.fd >= 0 }
	if !slices.ContainsFunc(q.parcels, hasFile) {
		return nil
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return errorOf(SendPackets, errno(err))
	}
	q.pipe = pipe
	return nil
}

func (q *packetQueue) openFile(e SendPacketsElement) error {
	if e.path == "" && e.file == nil {
		return errPacketsNoFile
	}
	fd, err := e.descriptor()
	if err != nil {
		return &Error{Op: SendPackets, SocketError: InvalidArgument, cause: err, detail: err.Error()}
	}
	q.parcels = append(q.parcels, parcel{fd: fd})
	p := &q.parcels[len(q.parcels)-1]
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return errorOf(SendPackets, errno(err))
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return errPacketsFile
	}
	p.offset, p.left = e.offset, e.count
	if p.left == 0 {
		p.left = max(st.Size-e.offset, 0)
	}
	if e.offset > st.Size || e.count > st.Size-e.offset {
		return errorOf(SendPackets, syscall.EINVAL)
	}
	return nil
}

// descriptor opens the element's file, or duplicates the descriptor of the one that it was given.
func (e SendPacketsElement) descriptor() (int, error) {
	if e.kind == pathElement {
		// O_NONBLOCK, or a pipe without a writer would hold the caller here instead of being refused.
		fd, err := unix.Open(e.path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		if err != nil {
			return -1, &os.PathError{Op: "open", Path: e.path, Err: err}
		}
		return fd, nil
	}
	raw, err := e.file.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd := -1
	var dupErr error
	err = raw.Control(func(given uintptr) {
		fd, dupErr = unix.FcntlInt(given, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err != nil {
		return -1, os.ErrClosed // the one reason why a file does not show its descriptor
	}
	return fd, dupErr
}

func (q *packetQueue) size() int {
	n := int64(0)
	for i := range q.parcels {
		n += q.parcels[i].left
	}
	return int(n)
}

// servePackets submits the next step of the SendPackets at the front of the queue.
func (s *Socket) servePackets(op *Op) bool {
	q, p, t := &op.extra.packets, s.port, &s.tx
	for q.next < len(q.parcels) && q.parcels[q.next].left == 0 && q.inPipe == 0 {
		q.next++
	}
	if q.next == len(q.parcels) {
		return s.endPackets(op)
	}
	sqe := p.ring.NextSQE()
	if sqe == nil {
		return false
	}
	t.inKernel = 1
	t.token = p.slots.takeFor(s, op, kindPackets)
	parcel := &q.parcels[q.next]
	switch q.nextStep() {
	case stepMemory:
		sqe.PrepSend(s.fd, parcel.piece(), unix.MSG_NOSIGNAL|unix.MSG_WAITALL, uint64(t.token))
	case stepFill:
		n := uint32(min(parcel.left, spliceSize))
		sqe.PrepSplice(parcel.fd, parcel.offset, q.pipe[1], -1, n, uint64(t.token))
	case stepDrain:
		sqe.PrepSplice(q.pipe[0], -1, s.fd, -1, uint32(q.inPipe), uint64(t.token))
	case stepRoom:
		sqe.PrepPoll(s.fd, unix.POLLOUT, uint64(t.token))
	}
	return true
}

// nextStep chooses the step, unless the last one has left word that the socket is full.
func (q *packetQueue) nextStep() packetStep {
	switch {
	case q.step == stepRoom:
	case q.inPipe > 0:
		q.step = stepDrain
	case q.parcels[q.next].fd >= 0:
		q.step = stepFill
	default:
		q.step = stepMemory
	}
	return q.step
}

// piece is what one request sends of the memory.
func (p *parcel) piece() []byte {
	rest := p.memory[p.offset:]
	return rest[:min(len(rest), maxPiece)]
}

// maxPiece keeps one piece within what a request can count.
const maxPiece = 1 << 30

// onPackets takes the completion of one step.
func (s *Socket) onPackets(c *uring.CQE, tok token, op *Op) {
	p, t, q := s.port, &s.tx, &op.extra.packets
	p.slots.release(tok)
	t.inKernel, t.token, t.stopped = 0, 0, false
	p.work.push(s)
	errno := c.Errno()
	if errno == 0 && c.Res == 0 {
		errno = syscall.EINVAL // the file has become shorter
	}
	if errno == 0 {
		q.moved(op, int(c.Res))
	}
	switch {
	case op.cancelled || s.ending():
		if s.ending() && op.bytes < op.total {
			s.cancelledByClose()
		}
		s.failPackets(op, s.cancelError(op))
	case errno == syscall.EAGAIN:
		q.step = stepRoom
	case errno == syscall.EINTR || errno == 0:
		// The next flush goes on.
	default:
		if broken(errno) {
			s.state |= stateBroken
		}
		s.failPackets(op, errorOf(SendPackets, errno))
	}
}

// moved counts what one step has moved: into the pipe, or into the socket.
func (q *packetQueue) moved(op *Op, n int) {
	parcel := &q.parcels[q.next]
	switch q.step {
	case stepMemory:
		parcel.offset += int64(n)
		parcel.left -= int64(n)
		op.bytes += n
	case stepFill:
		parcel.offset += int64(n)
		parcel.left -= int64(n)
		q.inPipe = n
	case stepDrain:
		q.inPipe -= n
		op.bytes += n
	case stepRoom:
		q.step = stepMemory // any but this one
	}
}

// endPackets completes a SendPackets whose elements are sent, after the disconnect that was asked for.
func (s *Socket) endPackets(op *Op) bool {
	if op.disconnects {
		s.leavePackets(op)
		op.disconnects = false
		op.phase = disconnectShutdown
		op.asDisconnect = true
		return s.serveDisconnect(op)
	}
	s.tx.queue.pop()
	s.leavePackets(op)
	s.port.finishWith(op, nil, op.bytes)
	s.port.work.push(s) // for what stands behind it
	return true
}

func (s *Socket) failPackets(op *Op, err error) {
	s.tx.queue.pop()
	s.leavePackets(op)
	s.port.finishWith(op, err, op.bytes)
}

// leavePackets lets go of the files and the pipe; the owner closes them when it has released the lock.
func (s *Socket) leavePackets(op *Op) {
	if op.last == SendPackets {
		s.port.spent = append(s.port.spent, op.takeDescriptors()...)
	}
}

// takeDescriptors takes the descriptors of a SendPackets out of its op.
func (o *Op) takeDescriptors() (fds []int) {
	if o.extra == nil {
		return nil
	}
	q := &o.extra.packets
	for i := range q.parcels {
		if q.parcels[i].fd >= 0 {
			fds = append(fds, q.parcels[i].fd)
		}
	}
	if q.pipe != [2]int{} {
		fds = append(fds, q.pipe[0], q.pipe[1])
	}
	clear(q.parcels)
	q.parcels, q.pipe, q.next, q.inPipe = q.parcels[:0], [2]int{}, 0, 0
	return fds
}

// closePackets closes what a start has opened that was refused.
func (o *Op) closePackets() {
	for _, fd := range o.takeDescriptors() {
		_ = unix.Close(fd)
	}
}

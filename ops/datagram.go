package ops

import (
	"net/netip"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/uring"
)

// PacketInfo is where a datagram was sent to, and how. .NET tells the first two.
type PacketInfo struct {
	Address      netip.Addr // the destination
	Interface    int        // the index of the interface that it came in on
	Broadcast    bool       // the destination is an IPv4 broadcast address, of all hosts or of a network
	TrafficClass uint8      // six bits of DSCP and two of ECN: type of service in ip(7), traffic class in ipv6(7)
}

// Room for what the kernel tells beside a datagram.
const (
	nameRoom    = 112     // of any sockaddr, Unix paths included
	controlRoom = 96      // IPV6_PKTINFO 40, IP_PKTINFO 32, and 24 of IPV6_TCLASS or IP_TOS
	maxDatagram = 1 << 20 // for a list of more pieces than a message can carry; an IP datagram has 64 KiB at most
)

// datagramSide is what receives of a datagram socket need beyond the receiveSide: the kernel writes to it until the
// last completion.
type datagramSide struct {
	arena      *uring.Arena
	message    *uring.Message
	name       [nameRoom]byte
	control    [controlRoom]byte
	peekByte   [1]byte
	whole      []byte // stands for a list that is longer than one message can carry
	controlLen int    // the room for control data of the message in the kernel
	packetInfo bool   // the kernel was asked for packet information
	roomFD     int    // a descriptor that tells of room at a receiver, plus one; see submitRoom
}

// ReceiveFromAsync receives a datagram, with op.RemoteEndpoint as where it came from, into the op's buffer or list, or
// into a buffer that the kernel picks. A datagram that is longer is cut, and SocketFlags has Truncated. A buffer of
// length zero waits for a datagram and leaves it. With Multishot every datagram completes the op, also an empty one;
// an error that the network reports, such as ConnectionRefused, is a completion, too, and does not end it.
//
// On a connected stream socket it is ReceiveAsync, and the endpoint is the peer. See recvmsg(2),
// Socket.ReceiveFromAsync of .NET.
func (s *Socket) ReceiveFromAsync(op *Op) (pending bool) {
	return op.start(s, ReceiveFrom) && s.receiveDatagram(op)
}

// ReceiveMessageFromAsync is ReceiveFromAsync that also tells, by ReceiveMessageFromPacketInfo, where the datagram was
// sent to and its traffic class. The kernel tells so for what arrives after the first such call on the socket, or
// after RequestPacketInfo.
func (s *Socket) ReceiveMessageFromAsync(op *Op) (pending bool) {
	return op.start(s, ReceiveMessageFrom) && s.receiveDatagram(op)
}

// ReceiveMessageFromPacketInfo is where the datagram was sent to, and its traffic class. The start of any receive on a
// datagram socket makes it the zero PacketInfo, and only ReceiveMessageFrom fills it in; other operations leave it as
// it was.
func (o *Op) ReceiveMessageFromPacketInfo() PacketInfo {
	if o.extra == nil {
		return PacketInfo{}
	}
	return o.extra.packet
}

// receiveDatagram is every receive that may have to tell more than its data.
func (s *Socket) receiveDatagram(op *Op) (pending bool) {
	operation := op.last
	if op.extra != nil {
		op.extra.packet = PacketInfo{}
	}
	if operation == ReceiveMessageFrom {
		op.extras()
		if err := s.RequestPacketInfo(); err != nil {
			s.port.mu.Lock()
			return s.port.refuse(op, err)
		}
	}
	peer := Endpoint{}
	if s.typ == Stream && operation != Receive {
		peer = s.RemoteEndpoint()
	}
	p := s.port
	p.mu.Lock()
	if err := s.admitReceive(op); err != nil {
		return p.refuse(op, err)
	}
	if s.typ == Stream {
		op.RemoteEndpoint = peer
		return s.startReceive(op)
	}
	op.takeFlags()
	s.rx.waiting.push(op)
	return s.accepted()
}

// DatagramOverhead is how many bytes of a buffer that the kernel picks a Multishot receive of datagrams needs for what
// it tells beside the data: a longer datagram than PortConfig.BufferSize without them is truncated, and with a smaller
// BufferSize nothing is received.
const DatagramOverhead = uring.RecvMsgHeaderSize + nameRoom + controlRoom

// RequestPacketInfo asks the kernel to tell, with every IP datagram that arrives from now on, what
// ReceiveMessageFromPacketInfo gives. ReceiveMessageFromAsync does so itself; called before the bind, it covers what
// arrives before the first receive, too. Other sockets have nothing to tell. Returns an error that matches
// net.ErrClosed when the socket is closed, or wraps the errno.
func (s *Socket) RequestPacketInfo() error {
	if s.family == FamilyUnix || s.typ == Stream {
		return nil
	}
	if !s.hold() {
		return closedError(ReceiveMessageFrom)
	}
	defer s.unhold()
	s.port.mu.Lock()
	asked := s.extras().datagrams.packetInfo
	s.port.mu.Unlock()
	if asked {
		return nil
	}
	options := s.packetOptions()
	for _, o := range options {
		if err := unix.SetsockoptInt(s.fd, o.level, o.name, 1); err != nil {
			return errorOf(ReceiveMessageFrom, errno(err))
		}
	}
	s.port.mu.Lock()
	for _, o := range options {
		s.extra.keep(o)
	}
	s.extra.datagrams.packetInfo = true
	s.port.mu.Unlock()
	return nil
}

// The options that ask for packet information. A dual-mode socket tells of IPv4 datagrams only what it was asked for
// with the options of IPv4.
var (
	packetOptions4 = []option{{unix.IPPROTO_IP, unix.IP_PKTINFO, 1}, {unix.IPPROTO_IP, unix.IP_RECVTOS, 1}}
	packetOptions6 = []option{
		{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1}, {unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, 1},
	}
	packetOptionsDual = slices.Concat(packetOptions6, packetOptions4)
)

func (s *Socket) packetOptions() []option {
	switch {
	case s.family == FamilyIPv4:
		return packetOptions4
	case s.isSingle():
		return packetOptions6
	}
	return packetOptionsDual
}

// serveDatagrams has the kernel receive for the op at the front.
func (s *Socket) serveDatagrams() bool {
	r := &s.rx
	if r.cancels && !s.cancelReceives() {
		return false
	}
	if r.armed != unarmed || r.starved {
		return true
	}
	if r.multi == nil && r.waiting.head != nil && r.waiting.head.multi {
		r.multi = r.waiting.pop()
	}
	switch {
	case r.multi != nil:
		return s.armDatagrams()
	case r.waiting.head != nil:
		return s.armDatagram(r.waiting.head)
	}
	return true
}

// armDatagrams arms the receive of a Multishot op: each datagram comes in a buffer of the port's, behind its sender.
func (s *Socket) armDatagrams() bool {
	p, r := s.port, &s.rx
	sqe := p.ring.NextSQE()
	if sqe == nil {
		return false
	}
	d := s.datagramMessage(nil)
	r.token = p.slots.take(s, kindDatagram)
	if !p.features.MultishotReceive {
		r.armed = armedSelect
		sqe.PrepRecvMsgSelect(s.fd, d.message, p.group.ID(), 0, uint64(r.token))
		return true
	}
	r.armed = armedMulti
	sqe.PrepRecvMsgMultishot(s.fd, d.message, p.group.ID(), uint64(r.token))
	return true
}

// armDatagram submits the receive of one op.
func (s *Socket) armDatagram(op *Op) bool {
	p, r := s.port, &s.rx
	sqe := p.ring.NextSQE()
	if sqe == nil {
		return false
	}
	d := s.datagramMessage(op)
	r.token = p.slots.take(s, kindDatagram)
	r.holdsHead = true
	flags := uint32(op.flags.msgFlags())
	switch {
	case op.wantsNothing():
		r.armed = armedPoll
		sqe.PrepRecvMsg(s.fd, d.message, unix.MSG_PEEK, uint64(r.token))
	case op.ownsMemory():
		r.armed = armedOwn
		sqe.PrepRecvMsg(s.fd, d.message, flags, uint64(r.token))
	default:
		r.armed = armedSelect
		sqe.PrepRecvMsgSelect(s.fd, d.message, p.group.ID(), flags, uint64(r.token))
	}
	return true
}

// datagramMessage prepares the socket's message header for a receive into op's memory, or into the kernel's choice.
func (s *Socket) datagramMessage(op *Op) *datagramSide {
	d := &s.extras().datagrams
	var one [1][]byte
	pieces := d.room(op, &one)
	if d.arena == nil || d.arena.Pieces() < len(pieces) {
		d.arena = uring.NewArena(1, max(len(pieces), 1))
	}
	d.arena.Reset()
	d.message = d.arena.Message(len(pieces))
	d.message.SetName(d.name[:])
	d.controlLen = 0
	if d.packetInfo {
		d.controlLen = controlRoom
		d.message.SetControl(d.control[:])
	}
	for _, piece := range pieces {
		d.message.Append(piece)
	}
	return d
}

// room is the memory that a datagram is received into: none, where the kernel picks it.
func (d *datagramSide) room(op *Op, one *[1][]byte) [][]byte {
	d.whole = nil
	switch {
	case op == nil || !op.ownsMemory():
		return nil
	case op.wantsNothing():
		one[0] = d.peekByte[:] // no room at all would take the datagram away
	case op.list != nil && len(op.list.snapshot) > uring.MaxVector:
		d.whole = make([]byte, min(op.size(), maxDatagram))
		one[0] = d.whole
	default:
		return op.pieces(one)
	}
	return one[:]
}

// onDatagram takes a completion of a datagram socket's receive.
func (s *Socket) onDatagram(c *uring.CQE, tok token) {
	r, p := &s.rx, s.port
	armed, more := r.armed, c.More()
	if !more {
		p.slots.release(tok)
		r.armed, r.token = unarmed, 0
		p.work.push(s)
	}
	var lease bufring.Buffer
	if id, leased := c.Buffer(); leased {
		lease = p.group.Lease(id, int(max(c.Res, 0)))
	}
	errno := c.Errno()
	switch {
	case errno == syscall.ENOBUFS:
		p.stats.NoBuffers++
		if !s.state.has(stateClosing) {
			r.starved = true
			p.starved.push(s)
			p.group.SetStarved(true)
		}
		s.settleDatagram()
	case errno == syscall.ECANCELED || errno == syscall.EINTR || errno == syscall.EAGAIN:
		s.settleDatagram()
	case r.multi != nil:
		s.multiDatagram(errno, lease, armed == armedMulti, more)
		return
	case r.holdsHead:
		s.oneDatagram(errno, int(max(c.Res, 0)), lease, armed)
		return
	}
	p.giveBack(lease)
}

// settleDatagram looks after ops whose cancel was asked for, once the kernel does not hold them any more.
func (s *Socket) settleDatagram() {
	r := &s.rx
	r.stopped = false
	if r.multi != nil && r.multi.cancelled && r.armed == unarmed {
		multi := r.multi
		r.multi = nil
		s.leaveStarved()
		s.abort(multi, 0)
	}
	if r.holdsHead {
		r.holdsHead = false
		if r.waiting.head.cancelled {
			s.abort(r.waiting.pop(), 0)
		}
	}
	s.yieldBuffers()
}

// oneDatagram completes the op that waits at the front.
func (s *Socket) oneDatagram(errno syscall.Errno, n int, lease bufring.Buffer, armed arming) {
	r, d := &s.rx, &s.extra.datagrams
	r.holdsHead, r.stopped = false, false
	op := r.waiting.pop()
	err := errorOf(op.last, errno)
	if op.cancelled || s.state.has(stateClosing) {
		err = s.cancelError(op)
	}
	if errno != 0 {
		s.port.finishWith(op, err, 0)
		s.port.giveBack(lease)
		return
	}
	op.takeSender(d.name[:min(d.message.NameLen(), nameRoom)])
	op.takePacketInfo(d.control[:min(d.message.ControlLen(), d.controlLen)])
	op.SocketFlags = socketFlagsOf(d.message.Flags()) & resultFlags
	switch {
	case armed == armedPoll:
		n, op.SocketFlags = 0, 0
		op.showOwn(0)
	case armed == armedOwn:
		if d.whole != nil {
			op.copyIn(0, d.whole[:min(n, len(d.whole))])
			d.whole = nil
		}
		op.showOwn(min(n, op.size()))
	case n > 0:
		op.setData(lease)
	default:
		s.port.giveBack(lease)
	}
	s.port.finishWith(op, err, n)
}

// multiDatagram completes the Multishot op once. framed says that the kernel put the sender in front of the data.
func (s *Socket) multiDatagram(errno syscall.Errno, lease bufring.Buffer, framed, more bool) {
	r, p, d := &s.rx, s.port, &s.extra.datagrams
	op := r.multi
	r.stopped = r.stopped && more
	op.setResult(errorOf(op.last, errno), 0)
	op.SocketFlags = 0
	switch {
	case errno != 0, framed && lease.IsZero():
		// An error of the network, or an empty datagram without a buffer: the op stays, whatever the kernel did.
		op.takeSender(nil)
		op.takePacketInfo(nil)
	case framed:
		m, err := uring.ParseRecvMsg(lease.Bytes(), nameRoom, d.controlLen)
		if err != nil { // the kernel refuses buffers without room for a header before it comes to this
			p.giveBack(lease)
			op.setResult(errorOf(op.last, syscall.EFAULT), 0)
			break
		}
		op.takeSender(m.Name)
		op.takePacketInfo(m.Control)
		op.SocketFlags = socketFlagsOf(m.Flags) & resultFlags
		op.setData(lease.Skip(m.Offset))
		op.bytes = m.Payload
	default:
		op.takeSender(d.name[:min(d.message.NameLen(), nameRoom)])
		op.takePacketInfo(d.control[:min(d.message.ControlLen(), d.controlLen)])
		op.SocketFlags = socketFlagsOf(d.message.Flags()) & resultFlags
		op.bytes = lease.Len()
		op.setData(lease)
	}
	if !more && op.cancelled || s.state.has(stateClosing) && !more {
		r.multi = nil
		op.fail, _ = s.cancelError(op).(*Error)
		p.finished(op)
		return
	}
	op.more = true
	p.ready.push(op)
}

// takeSender fills RemoteEndpoint in, for the operations that tell it.
func (o *Op) takeSender(name []byte) {
	if o.last == Receive {
		return
	}
	// A datagram of an unnamed Unix socket has no sender; nothing else fails to parse that the kernel wrote.
	o.RemoteEndpoint, _ = parseSockaddr(name)
}

func (o *Op) takePacketInfo(control []byte) {
	if o.last == ReceiveMessageFrom {
		o.extra.packet = parsePacketInfo(control)
	}
}

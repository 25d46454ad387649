package ops

import "time"

// socketExtra is what few sockets have. It is made when it is first needed, so that an accepted connection stays
// small. Under the port's lock.
type socketExtra struct {
	options   []option
	path      *unixPath     // made by bind; removed when a listener closes
	unlinking bool          // Close is about to remove it
	linger    time.Duration // see SetLinger
	lingers   bool
	lingering *Timer // runs while a close waits for the sends
	lingered  bool   // and has run out
	single    bool   // a FamilyIPv6 socket that takes no IPv4 endpoints

	connect     connectSide
	refused     bool // a connect has failed
	datagrams   datagramSide
	urgent      int     // receives of out-of-band data in the kernel
	urgentQueue opQueue // and those that are to be submitted
}

// has tells whether an op is in flight here.
func (x *socketExtra) has(op *Op) bool { return x.connect.op == op || x.urgentQueue.has(op) }

// serveExtra does what few sockets have to do at the end of a turn.
func (s *Socket) serveExtra() bool {
	if s.extra.connect.op != nil && !s.serveConnect() {
		return false
	}
	return s.extra.urgentQueue.head == nil || s.serveUrgent()
}

// extras gives the socketExtra. Under the lock.
func (s *Socket) extras() *socketExtra {
	if s.extra == nil {
		s.extra = new(socketExtra)
	}
	return s.extra
}

// opExtra is what few ops need. It is made when it is first needed and kept for the next start.
type opExtra struct {
	name          []byte // the endpoint as a sockaddr
	connectSocket *Socket
	connectByName error
	target        *Socket // AcceptSocket, as it was at the start of an accept
	accepted      *Socket // what is to take its place
	packet        PacketInfo
	source        source
	packets       packetQueue
}

// fills tells whether the op is an accept into a socket that was made beforehand.
func (o *Op) fills() bool { return o.extra != nil && o.extra.target != nil }

// extras gives the opExtra, to whoever owns the op.
func (o *Op) extras() *opExtra {
	if o.extra == nil {
		o.extra = new(opExtra)
	}
	return o.extra
}

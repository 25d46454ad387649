package ops

import (
	"sync/atomic"

	"github.com/ringport/ringport/bufring"
)

// The states of an op. closing is in flight with Close asked for: it becomes closed with the completion. handled is idle
// while the handler runs, and left is closed meanwhile: what Bytes shows is the handler's until it returns.
const (
	opIdle uint32 = iota
	opInFlight
	opClosing
	opClosed
	opHandled
	opLeft
)

// Op is the reusable context of one asynchronous operation: what it is to do, on its way out; what became of it,
// on its way back. It mirrors .NET's SocketAsyncEventArgs; the table in the package comment names each member.
//
// An op is idle, in flight or closed. It is in flight from a start that returned pending == true until
// immediately before Completed runs, and belongs to the port in between: starting it again or setting its
// buffers then panics. The other fields may be written at any time, but take effect with the next start.
//
// The zero value is an idle op. An op must not be copied. Unless noted, its methods are for whoever owns it at
// the moment: the starter while it is idle, the handler while Completed runs.
type Op struct {
	// Completed runs on the port's goroutine when an operation ends that was pending. The op is idle again by
	// then. It must not block: the port serves nobody meanwhile. A panic in it is not recovered. It may be nil.
	Completed func(*Op)
	// UserToken is the user's own; the library never touches it.
	UserToken any
	// AcceptSocket is the accepted socket, once an accept has succeeded. It must be nil, or a fresh socket to
	// accept into, when an accept starts. With Multishot each completion brings one, but for the last.
	AcceptSocket *Socket
	// RemoteEndpoint is where a connect or a send goes to; where a datagram came from, after a receive.
	RemoteEndpoint Endpoint
	// SocketFlags asks, before the start (Peek), and answers, after the completion.
	SocketFlags SocketFlags
	// SendPacketsFlags says what follows the last packet.
	SendPacketsFlags SendPacketsFlags
	// SendPacketsSendSize is kept and not used, as by .NET on Unix.
	SendPacketsSendSize int
	// DisconnectReuseSocket asks a disconnect to leave a socket that can connect again.
	DisconnectReuseSocket bool
	// Multishot keeps an accept or a receive armed: Completed runs once for each connection or piece of data
	// until More reports false. It has no counterpart in .NET.
	Multishot bool
	// DontWait makes a send on a stream socket take only what the socket takes at once: it then completes with
	// WouldBlock and the exact BytesTransferred, and so do the sends with DontWait behind it, so that no byte
	// overtakes another. It has no counterpart in .NET.
	DontWait bool

	_      noCopy
	state  atomic.Uint32
	pooled atomic.Bool // it is in a Pool
	last   Operation
	more   bool
	due    bool        // counted in receiveSide.due
	told   bool        // a piece for the Multishot op is in it, and its handler is still to run
	multi  bool        // Multishot, as it was at the start
	quick  bool        // DontWait, as it was at the start
	flags  SocketFlags // SocketFlags, as they were at the start

	// Under the port's lock while in flight:
	cancelled bool  // Cancel was asked for
	phase     uint8 // of an operation in several steps

	resolving    bool // a connector has it
	brings       bool // the connect made its socket, which goes with a failure
	reuse        bool // DisconnectReuseSocket, as it was at the start
	disconnects  bool // a disconnect follows the packets
	asDisconnect bool // the packets are sent, the disconnect is going on
	boundBy      bool // the start has bound the socket

	socket *Socket
	next   *Op

	buffer []byte
	list   *bufferList

	bytes int // transferred
	total int // to be transferred, of a send
	fail  *Error
	extra *opExtra

	lease bufring.Buffer // what Bytes shows, where the kernel picked the buffer
	data  []byte
}

// noCopy makes go vet report copies of an op.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}

// NewOp gives an idle op that calls completed when a pending operation ends. completed may be nil.
func NewOp(completed func(*Op)) *Op { return &Op{Completed: completed} }

// LastOperation tells what the op was last started for, from the start on; None before the first.
func (o *Op) LastOperation() Operation { return o.last }

// BytesTransferred is the number of bytes received or sent, also by an operation that failed later.
func (o *Op) BytesTransferred() int { return o.bytes }

// SocketError is the result under .NET's name: Success, or what went wrong. It does not allocate.
func (o *Op) SocketError() SocketError {
	if o.fail == nil {
		return Success
	}
	return o.fail.SocketError
}

// Err is the result as an error: nil, or an *Error. See Error for what errors.Is finds in it.
func (o *Op) Err() error {
	if o.fail == nil {
		return nil
	}
	return o.fail
}

// Bytes is what a receive delivered, in the caller's buffer or in one that the kernel picked; nil where there
// is none (see SetBufferList). It is valid until the op is started or closed; with Multishot, until Completed
// returns. What it shows may be sent with the same op: SetBuffer(op.Bytes()) and a send keep the memory until the
// op's next receive, accept or disconnect.
func (o *Op) Bytes() []byte { return o.data }

// TakeBuffer hands over the buffer that the kernel picked: its bytes stay valid until the taker releases it.
// It gives the zero Buffer when there is none, or a second time.
func (o *Op) TakeBuffer() bufring.Buffer {
	b := o.lease
	o.lease = bufring.Buffer{}
	return b
}

// More reports whether Completed will run again without another start. Only a Multishot op says so.
func (o *Op) More() bool { return o.more }

// Socket is the socket that the op was last started on: the sender of the event, in .NET's terms.
func (o *Op) Socket() *Socket { return o.socket }

// Close ends the use of the op: what is in flight still completes, once, and every later start fails with
// net.ErrClosed. It is idempotent and may be called from any goroutine, with one exception: after a start that was not
// pending the result is the starter's, and nobody else knows when that has been read.
func (o *Op) Close() error {
	for {
		switch o.state.Load() {
		case opIdle:
			if o.state.CompareAndSwap(opIdle, opClosed) {
				o.dropLease()
				return nil
			}
		case opInFlight:
			if o.state.CompareAndSwap(opInFlight, opClosing) {
				return nil
			}
		case opHandled:
			if o.state.CompareAndSwap(opHandled, opLeft) {
				return nil // the port ends the lease
			}
		default:
			return nil
		}
	}
}

// start takes an idle op for an operation. It is false when the op is closed: the result says so.
func (o *Op) start(s *Socket, operation Operation) bool {
	if o == nil {
		panic("ops: " + operation.phrase() + ": the op is nil")
	}
	for {
		switch state := o.state.Load(); state {
		case opIdle, opHandled: // the one may become the other meanwhile
			if o.state.CompareAndSwap(state, opInFlight) {
				o.leave(operation)
				o.reset(s, operation)
				return true
			}
		case opClosed, opLeft:
			o.reset(s, operation)
			o.setResult(closedError(operation), 0)
			return false
		default:
			panic("ops: " + operation.phrase() + ": the op is in flight; wait for its completion, or use another")
		}
	}
}

// leave ends what Bytes shows. A closed op has it only while its last handler runs: then it is the port's to end.
func (o *Op) leave(operation Operation) {
	o.data = nil
	if !operation.sends() {
		o.dropLease() // a send may be of the very bytes that the op has received
	}
}

func (o *Op) reset(s *Socket, operation Operation) {
	o.socket, o.last = s, operation
	o.more, o.multi, o.cancelled = false, false, false
	o.resolving, o.brings, o.asDisconnect, o.boundBy = false, false, false, false
	o.fail, o.bytes, o.total, o.phase = nil, 0, 0, 0
	if o.extra != nil {
		o.extra.connectByName = nil
		o.extra.target, o.extra.accepted = nil, nil
	}
}

// takeFlags keeps what the op asks for while its fields are the user's again: SocketFlags is an output from now on.
func (o *Op) takeFlags() {
	o.flags, o.multi, o.quick = o.SocketFlags, o.Multishot, o.DontWait
	o.SocketFlags = 0
}

// end makes an op in flight idle again, or closed if that was asked for meanwhile.
func (o *Op) end() (closed bool) {
	if o.endOpen() {
		return false
	}
	o.state.Store(opClosed)
	return true
}

// endOpen makes an op in flight idle again. It is false when the op is to be closed: then it stays in flight.
func (o *Op) endOpen() bool { return o.state.CompareAndSwap(opInFlight, opIdle) }

// handle is end for an op whose handler is about to run.
func (o *Op) handle() (closed bool) {
	return !o.state.CompareAndSwap(opInFlight, opHandled) && o.end()
}

// handled makes an op idle whose handler has run, unless that has started it again. It tells whether the op was closed
// meanwhile.
func (o *Op) handled() (closed bool) {
	return !o.state.CompareAndSwap(opHandled, opIdle) && o.state.CompareAndSwap(opLeft, opClosed)
}

// setResult writes the outputs of an operation.
func (o *Op) setResult(err error, bytes int) {
	o.fail = asError(o.last, err)
	o.bytes = bytes
}

// dropSocket closes the socket that a static connect had made before it failed.
func (o *Op) dropSocket() {
	s := o.socket
	o.socket, o.brings = nil, false
	_ = s.Close()
}

// setData shows what a receive put into a leased buffer.
func (o *Op) setData(b bufring.Buffer) {
	o.lease = b
	o.data = b.Bytes()
}

func (o *Op) dropLease() {
	o.data = nil
	if !o.lease.IsZero() {
		o.TakeBuffer().Release()
	}
}

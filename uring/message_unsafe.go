package uring

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/sys"
)

// MaxVector is the number of pieces that one message may have (IOV_MAX of the kernel).
const MaxVector = 1024

// Message is a message header with its vector of memory pieces, for PrepSendMsg and Send. It lives in an Arena.
type Message struct {
	hdr sys.Msghdr
	iov []sys.Iovec
}

// Arena lends messages and room for their vectors: everything that is sent between two submits shares it. It
// is made once and used by one goroutine at a time.
type Arena struct {
	messages []Message
	iovecs   []sys.Iovec
	nm, ni   int
}

// NewArena makes room for so many messages and pieces in all.
func NewArena(messages, pieces int) *Arena {
	return &Arena{messages: make([]Message, messages), iovecs: make([]sys.Iovec, pieces)}
}

// Message lends a message with room for so many pieces, at most MaxVector, or nil when the arena is used up:
// submit, then Reset. It is valid until Reset.
func (a *Arena) Message(pieces int) *Message {
	if a.nm == len(a.messages) || a.ni+pieces > len(a.iovecs) || pieces > MaxVector {
		return nil
	}
	m := &a.messages[a.nm]
	*m = Message{iov: a.iovecs[a.ni : a.ni : a.ni+pieces]}
	a.nm++
	a.ni += pieces
	return m
}

// Pieces is the number of pieces that the arena has room for in all.
func (a *Arena) Pieces() int { return len(a.iovecs) }

// Reset takes all messages back and forgets the memory they named.
func (a *Arena) Reset() {
	if a.nm == 0 {
		return
	}
	clear(a.messages[:a.nm])
	clear(a.iovecs[:a.ni])
	a.nm, a.ni = 0, 0
}

// SetName sets where the message goes to, the bytes of a sockaddr, or the memory for where it came from.
func (m *Message) SetName(name []byte) {
	m.hdr.Name = unsafe.SliceData(name)
	m.hdr.Namelen = uint32(len(name))
}

// SetControl sets the memory for control data.
func (m *Message) SetControl(control []byte) {
	m.hdr.Control = unsafe.SliceData(control)
	m.hdr.SetControllen(len(control))
}

// NameLen is the number of bytes of the name that a receive wrote.
func (m *Message) NameLen() int { return int(m.hdr.Namelen) }

// ControlLen is the number of bytes of control data that a receive wrote.
func (m *Message) ControlLen() int { return int(m.hdr.Controllen) }

// Flags is the set of MSG_ bits that a receive wrote.
func (m *Message) Flags() int { return int(m.hdr.Flags) }

// Append adds a piece; an empty one is passed over. The memory must stay until the message's last CQE.
func (m *Message) Append(piece []byte) {
	if len(piece) == 0 {
		return
	}
	iov := sys.Iovec{Base: unsafe.SliceData(piece)}
	iov.SetLen(len(piece))
	m.iov = append(m.iov, iov)
	m.hdr.Iov = unsafe.SliceData(m.iov)
	m.hdr.SetIovlen(len(m.iov))
}

// Send is sendmsg(2) on the spot, outside the ring, with MSG_DONTWAIT and MSG_NOSIGNAL: the count that the
// socket took, or an errno, EAGAIN when it took nothing. Any goroutine may call it.
func (m *Message) Send(fd int) (int, syscall.Errno) {
	for {
		// SAFETY: the header and its vector are heap memory of an Arena; the conversion stands in the call.
		n, _, errno := unix.Syscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.hdr)),
			unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		switch errno {
		case 0:
			return int(n), 0
		case syscall.EINTR:
			continue
		}
		return 0, errno
	}
}

// SendNow is send(2) on the spot, outside the ring, with MSG_DONTWAIT and MSG_NOSIGNAL: the count that the
// socket took, or an errno, EAGAIN when it took nothing. Any goroutine may call it.
func SendNow(fd int, buf []byte) (int, syscall.Errno) {
	for {
		// SAFETY: the conversion stands in the call, which keeps buf where it is.
		n, _, errno := unix.Syscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(buf))),
			uintptr(len(buf)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		switch errno {
		case 0:
			return int(n), 0
		case syscall.EINTR:
			continue
		}
		return 0, errno
	}
}

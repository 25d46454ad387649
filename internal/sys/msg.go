package sys

import (
	"structs"

	"golang.org/x/sys/unix"
)

// Iovec is struct iovec.
type Iovec = unix.Iovec

// Msghdr is struct msghdr.
type Msghdr = unix.Msghdr

// RecvmsgOut is struct io_uring_recvmsg_out: what a multishot RECVMSG writes at the start of its buffer, before
// the name, the control data and the payload. Name and control data take the room that was asked for, whatever
// Namelen and Controllen say. 16 bytes.
type RecvmsgOut struct {
	_ structs.HostLayout

	Namelen    uint32
	Controllen uint32
	Payloadlen uint32 // may exceed the room: then MSG_TRUNC is in Flags
	Flags      uint32 // MSG_*
}

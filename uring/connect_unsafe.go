package uring

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Connect is connect(2) on the spot, outside the ring, to the bytes of a sockaddr: for datagram sockets, where it
// does not wait. Any goroutine may call it.
func Connect(fd int, address []byte) syscall.Errno {
	// SAFETY: the conversion stands in the call, which keeps address where it is.
	_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(address))),
		uintptr(len(address)))
	return errno
}

// Dissolve ends the association of a datagram socket with its peer: connect(2) to AF_UNSPEC.
func Dissolve(fd int) syscall.Errno {
	var nobody [unix.SizeofSockaddrInet4]byte // all zero: sa_family is AF_UNSPEC
	return Connect(fd, nobody[:])
}

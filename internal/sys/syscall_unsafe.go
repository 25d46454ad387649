package sys

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Setup is io_uring_setup(2): it makes a ring of at least entries submissions and fills in p. The descriptor is the
// caller's to close; the kernel sets close-on-exec. On an error fd is -1. Since 5.1.
func Setup(entries uint32, p *Params) (fd int, errno syscall.Errno) {
	if c := injected.Load(); c != nil {
		if fd, errno := c.setup(entries, p); errno != PassThrough {
			return fd, errno
		}
	}
	// SAFETY: the kernel reads and writes *p during the call only, and Params has its size and layout.
	r, _, errno := syscall.Syscall(unix.SYS_IO_URING_SETUP, uintptr(entries), uintptr(unsafe.Pointer(p)), 0)
	if errno != 0 {
		return -1, errno
	}
	return int(r), 0
}

// Enter is io_uring_enter(2) through a call that tells the scheduler: it may block. n is the number of entries
// submitted, 0 on an error. arg is nil, a signal mask, or a [GeteventsArg] with IORING_ENTER_EXT_ARG, argSize its
// size in bytes; memory that a GeteventsArg points to must be kept alive, and in place, by the caller. Nothing is
// retried: EINTR comes back. A submission that succeeded hides the error of the wait. Since 5.1.
func Enter(
	fd int, toSubmit, minComplete, flags uint32, arg unsafe.Pointer, argSize uintptr,
) (n int, errno syscall.Errno) {
	if c := injected.Load(); c != nil {
		if n, errno := c.enter(fd, toSubmit, minComplete, flags); errno != PassThrough {
			return n, errno
		}
	}
	// SAFETY: the kernel reads argSize bytes at arg during the call only, and the caller vouches for them.
	r, _, errno := syscall.Syscall6(unix.SYS_IO_URING_ENTER,
		uintptr(fd), uintptr(toSubmit), uintptr(minComplete), uintptr(flags), uintptr(arg), argSize)
	return count(r, errno)
}

// EnterRaw is io_uring_enter(2) without an argument and without telling the scheduler. It must not block:
// minComplete is 0, or enough completions are known to be there. A blocked EnterRaw stops the garbage collector, and
// with it the process. n is the number of entries submitted, 0 on an error. Since 5.1.
func EnterRaw(fd int, toSubmit, minComplete, flags uint32) (n int, errno syscall.Errno) {
	if c := injected.Load(); c != nil {
		if n, errno := c.enter(fd, toSubmit, minComplete, flags); errno != PassThrough {
			return n, errno
		}
	}
	r, _, errno := syscall.RawSyscall6(unix.SYS_IO_URING_ENTER,
		uintptr(fd), uintptr(toSubmit), uintptr(minComplete), uintptr(flags), 0, 0)
	return count(r, errno)
}

// Register is io_uring_register(2). What arg points to, and what n means, depends on opcode; fd is -1 where the
// opcode needs no ring. n is 0 on an error. Memory that the kernel goes on using after the call, such as a buffer
// ring, is the caller's to keep. Since 5.1.
func Register(fd int, opcode uint32, arg unsafe.Pointer, nrArgs uint32) (n int, errno syscall.Errno) {
	if c := injected.Load(); c != nil {
		if n, errno := c.register(fd, opcode, nrArgs); errno != PassThrough {
			return n, errno
		}
	}
	// SAFETY: the kernel uses the nrArgs elements at arg during the call only, and the caller vouches for them.
	r, _, errno := syscall.Syscall6(unix.SYS_IO_URING_REGISTER,
		uintptr(fd), uintptr(opcode), uintptr(arg), uintptr(nrArgs), 0, 0)
	return count(r, errno)
}

// count is the result of a system call that answers with a number: 0 on an error, so that adding it is harmless.
func count(r uintptr, errno syscall.Errno) (int, syscall.Errno) {
	if errno != 0 {
		return 0, errno
	}
	return int(r), 0
}

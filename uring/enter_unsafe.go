package uring

import (
	"syscall"
	"time"
	"unsafe"

	"github.com/ringport/ringport/internal/sys"
)

// enterWaiting blocks through Syscall6, so that the scheduler takes the processor away and the garbage
// collector need not wait: a wait in RawSyscall6 stops the whole process.
func (r *Ring) enterWaiting(submit, wait, flags uint32, timeout time.Duration) (uint32, syscall.Errno) {
	if timeout < 0 {
		n, errno := sys.Enter(r.enterFD, submit, wait, flags, nil, 0)
		return uint32(n), errno
	}
	r.ts = sys.Timespec{Sec: int64(timeout / time.Second), Nsec: int64(timeout % time.Second)}
	// SAFETY: r is on the heap, so the address of ts holds; the kernel reads it only inside this call.
	r.arg = sys.GeteventsArg{Ts: uint64(uintptr(unsafe.Pointer(&r.ts)))}
	// SAFETY: the same holds for arg; the conversion stands in the call expression.
	n, errno := sys.Enter(r.enterFD, submit, wait, flags|sys.IORING_ENTER_EXT_ARG,
		unsafe.Pointer(&r.arg), unsafe.Sizeof(r.arg))
	return uint32(n), errno
}

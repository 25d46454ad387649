package uring

import (
	"errors"
	"syscall"
	"unsafe"

	"github.com/ringport/ringport/internal/sys"
)

func (r *Ring) register(opcode uint32, arg unsafe.Pointer, n uint32) syscall.Errno {
	_, errno := sys.Register(r.fd, opcode, arg, n)
	return errno
}

// registerFD puts the ring's descriptor into the calling thread's own table and returns its index. Since 5.18.
func (r *Ring) registerFD() (int, syscall.Errno) {
	reg := &sys.RsrcUpdate{Offset: ^uint32(0), Data: uint64(r.fd)}
	// SAFETY: reg is read and written inside the call only.
	if errno := r.register(sys.IORING_REGISTER_RING_FDS, unsafe.Pointer(reg), 1); errno != 0 {
		return 0, errno
	}
	return int(reg.Offset), 0
}

func (r *Ring) unregisterFD() {
	reg := &sys.RsrcUpdate{Offset: uint32(r.enterFD)}
	// SAFETY: reg is read inside the call only. A failure means that this is another thread: the table ends
	// with the owner's thread anyway.
	_ = r.register(sys.IORING_UNREGISTER_RING_FDS, unsafe.Pointer(reg), 1)
}

// limitWorkers bounds the kernel's worker threads of this ring: those for work that ends by itself, and those for work
// that may wait for a peer. A waiter that is one too many stands behind the others. Since 5.15.
func (r *Ring) limitWorkers(workers, waiters uint32) syscall.Errno {
	limits := &[2]uint32{workers, waiters}
	// SAFETY: read and written inside the call only.
	return r.register(sys.IORING_REGISTER_IOWQ_MAX_WORKERS, unsafe.Pointer(limits), 2)
}

// probe asks which operations the kernel knows. Since 5.6.
func (r *Ring) probe() error {
	p := &sys.Probe{}
	// SAFETY: written inside the call only.
	errno := r.register(sys.IORING_REGISTER_PROBE, unsafe.Pointer(p), uint32(len(p.Ops)))
	if errno != 0 {
		return registerError("probe", errno)
	}
	for i := range p.OpsLen {
		if p.Ops[i].Flags&sys.IO_URING_OP_SUPPORTED != 0 {
			r.features.ops[p.Ops[i].Op>>6] |= 1 << (p.Ops[i].Op & 63)
		}
	}
	return nil
}

// RegisterBufferRing makes mem, page-aligned and holding entries buffer-ring entries (a power of two, at most
// 32768), the provided-buffer ring with the number group. mem must stay mapped until it is unregistered or the
// ring is closed. Before Enable any goroutine may call it, then only the owner. Returns *SetupError when the memlock
// limit is too low, and *FeatureError on a kernel without buffer rings. Since 5.19.
func (r *Ring) RegisterBufferRing(mem []byte, entries uint32, group uint16) error {
	if len(mem) == 0 || uintptr(len(mem)) < uintptr(entries)*unsafe.Sizeof(sys.Buf{}) {
		return errors.New("uring: register buffer ring: the memory is smaller than its entries")
	}
	// SAFETY: mem is mapped memory, which does not move; the caller keeps it.
	reg := &sys.BufReg{RingAddr: address(unsafe.Pointer(&mem[0])), RingEntries: entries, Bgid: group}
	// SAFETY: reg is read inside the call only.
	errno := r.register(sys.IORING_REGISTER_PBUF_RING, unsafe.Pointer(reg), 1)
	switch errno {
	case 0:
		return nil
	case syscall.EINVAL:
		if r.features.Kernel != "" && !kernelAtLeast(r.features.Kernel, "5.19") {
			return &FeatureError{Name: "buffer rings", MinKernel: "5.19"}
		}
	case syscall.ENOMEM:
		return &SetupError{Errno: errno, Cause: memlockCause(uint64(len(mem))), Mend: memlockMend,
			call: "register buffer ring"}
	}
	return registerError("buffer ring", errno)
}

// UnregisterBufferRing takes a provided-buffer ring back. Only the owner may call it once the ring is enabled.
func (r *Ring) UnregisterBufferRing(group uint16) error {
	reg := &sys.BufReg{Bgid: group}
	// SAFETY: reg is read inside the call only.
	if errno := r.register(sys.IORING_UNREGISTER_PBUF_RING, unsafe.Pointer(reg), 1); errno != 0 {
		return registerError("removal of a buffer ring", errno)
	}
	return nil
}

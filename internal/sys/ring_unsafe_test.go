package sys_test

import (
	"encoding/binary"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/sys"
)

// rawRing is a ring of the running kernel, used by hand: the proof that layouts and calls fit together.
type rawRing struct {
	fd     int
	params sys.Params
	sq     []byte
	cq     []byte
	sqes   []byte
}

// newRawRing makes a ring of 4 entries, or ends the test where io_uring is not to be had.
func newRawRing(t *testing.T) *rawRing {
	t.Helper()
	r := &rawRing{}
	fd, errno := sys.Setup(4, &r.params)
	if errno == syscall.ENOSYS || errno == syscall.EPERM {
		t.Skipf("io_uring_setup: %v (kernel.io_uring_disabled, seccomp, or a kernel without it)", errno)
	}
	require.Zero(t, errno)
	r.fd = fd
	t.Cleanup(func() { require.NoError(t, unix.Close(fd)) })
	p := &r.params
	r.sq = r.mapped(t, sys.IORING_OFF_SQ_RING, p.SQOff.Array+p.SQEntries*4)
	r.cq = r.mapped(t, sys.IORING_OFF_CQ_RING, p.CQOff.Cqes+p.CQEntries*uint32(unsafe.Sizeof(sys.CQE{})))
	r.sqes = r.mapped(t, sys.IORING_OFF_SQES, p.SQEntries*uint32(unsafe.Sizeof(sys.SQE{})))
	return r
}

// mapped maps a part of the ring until the test ends.
func (r *rawRing) mapped(t *testing.T, offset int64, length uint32) []byte {
	t.Helper()
	b, err := sys.Mmap(r.fd, offset, int(length), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sys.Munmap(b)) })
	return b
}

// push queues one entry. The kernel reads the queue only inside enter, on this thread.
func (r *rawRing) push(t *testing.T, sqe sys.SQE) {
	t.Helper()
	tail := word(r.sq, r.params.SQOff.Tail)
	index := tail & word(r.sq, r.params.SQOff.RingMask)
	_, err := binary.Encode(r.sqes[index*uint32(unsafe.Sizeof(sqe)):], binary.NativeEndian, sqe)
	require.NoError(t, err)
	binary.NativeEndian.PutUint32(r.sq[r.params.SQOff.Array+4*index:], index)
	binary.NativeEndian.PutUint32(r.sq[r.params.SQOff.Tail:], tail+1)
}

// pop takes the one completion that must be there.
func (r *rawRing) pop(t *testing.T) sys.CQE {
	t.Helper()
	head := word(r.cq, r.params.CQOff.Head)
	require.Equal(t, head+1, word(r.cq, r.params.CQOff.Tail))
	index := head & word(r.cq, r.params.CQOff.RingMask)
	var cqe sys.CQE
	_, err := binary.Decode(r.cq[r.params.CQOff.Cqes+index*uint32(unsafe.Sizeof(cqe)):], binary.NativeEndian, &cqe)
	require.NoError(t, err)
	binary.NativeEndian.PutUint32(r.cq[r.params.CQOff.Head:], head+1)
	return cqe
}

// word reads a 32 bit field of a mapping.
func word(b []byte, offset uint32) uint32 { return binary.NativeEndian.Uint32(b[offset:]) }

func TestTheRunningKernelFillsInTheParams(t *testing.T) {
	r := newRawRing(t)
	require.Equal(t, uint32(4), r.params.SQEntries)
	require.Equal(t, uint32(8), r.params.CQEntries)
	require.Equal(t, uint32(4), word(r.sq, r.params.SQOff.RingEntries))
	require.Equal(t, uint32(3), word(r.sq, r.params.SQOff.RingMask))
	require.Equal(t, uint32(8), word(r.cq, r.params.CQOff.RingEntries))
	require.Equal(t, uint32(7), word(r.cq, r.params.CQOff.RingMask))
}

func TestAnEntryGoesThroughTheRunningKernel(t *testing.T) {
	r := newRawRing(t)
	enters := map[string]func() (int, syscall.Errno){
		"Enter": func() (int, syscall.Errno) {
			return sys.Enter(r.fd, 1, 1, sys.IORING_ENTER_GETEVENTS, nil, 0)
		},
		"EnterRaw": func() (int, syscall.Errno) {
			return sys.EnterRaw(r.fd, 1, 0, sys.IORING_ENTER_GETEVENTS)
		},
	}
	userData := uint64(0x0123456789abcdef)
	for name, enter := range enters {
		r.push(t, sys.SQE{Opcode: sys.IORING_OP_NOP, Fd: -1, UserData: userData})
		n, errno := enter()
		require.Zero(t, errno, name)
		require.Equal(t, 1, n, name)
		require.Equal(t, sys.CQE{UserData: userData}, r.pop(t), name)
		userData++
	}
}

func TestAWaitEndsWhenItsTimeIsUp(t *testing.T) {
	r := newRawRing(t)
	if r.params.Features&sys.IORING_FEAT_EXT_ARG == 0 {
		t.Skip("EXT_ARG needs Linux 5.11")
	}
	timeout := &sys.Timespec{Nsec: 1000}
	var pinned runtime.Pinner
	pinned.Pin(timeout)
	defer pinned.Unpin()
	// SAFETY: timeout is pinned until the test ends, so its address may be kept as a number.
	arg := sys.GeteventsArg{Ts: uint64(uintptr(unsafe.Pointer(timeout)))}
	// SAFETY: arg is a GeteventsArg of the size that is passed along, and the kernel only reads it.
	n, errno := sys.Enter(r.fd, 0, 1, sys.IORING_ENTER_GETEVENTS|sys.IORING_ENTER_EXT_ARG,
		unsafe.Pointer(&arg), unsafe.Sizeof(arg))
	require.Equal(t, syscall.ETIME, errno)
	require.Zero(t, n)
}

func TestTheRunningKernelFillsInTheProbe(t *testing.T) {
	r := newRawRing(t)
	probe := &sys.Probe{}
	// SAFETY: the kernel fills in len(probe.Ops) entries at most, during the call.
	_, errno := sys.Register(r.fd, sys.IORING_REGISTER_PROBE, unsafe.Pointer(probe), uint32(len(probe.Ops)))
	if errno == syscall.EINVAL {
		t.Skip("PROBE needs Linux 5.6")
	}
	require.Zero(t, errno)
	require.GreaterOrEqual(t, int(probe.LastOp), sys.IORING_OP_OPENAT2)
	require.Equal(t, int(probe.LastOp)+1, int(probe.OpsLen))
	for opcode := range int(probe.OpsLen) {
		require.Equal(t, opcode, int(probe.Ops[opcode].Op))
	}
	require.NotZero(t, probe.Ops[sys.IORING_OP_NOP].Flags&sys.IO_URING_OP_SUPPORTED)
}

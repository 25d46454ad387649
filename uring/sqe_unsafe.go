package uring

import (
	"time"
	"unsafe"

	"github.com/ringport/ringport/internal/sys"
)

var (
	escapes bool           // never set: it only keeps the compiler from knowing so
	escaped unsafe.Pointer // never read
)

// address gives the address of memory that a request names, as a number that the SQE can hold, and makes sure
// that the memory is on the heap: a goroutine's stack moves when it grows, and a number does not follow it.
// Keeping the memory reachable until the last CQE is the caller's part.
//
// Every Prep method that takes memory goes through here.
func address(p unsafe.Pointer) uint64 {
	if escapes {
		escaped = p
	}
	// SAFETY: p points to heap or mapped memory by the assignment above, which Go does not move.
	return uint64(uintptr(p))
}

// PrepRecv receives into buf, which must stay reachable and untouched until the CQE. flags are those of
// recv(2); with MSG_WAITALL it completes when buf is full. Since 5.6. See io_uring_prep_recv(3).
func (s *SQE) PrepRecv(fd int, buf []byte, flags uint32, token uint64) {
	s.prepBuffer(sys.IORING_OP_RECV, fd, buf, token)
	s.OpFlags = flags
}

// PrepSend sends buf, which must stay reachable and unchanged until the CQE. flags are those of send(2);
// without MSG_WAITALL it may complete short. Since 5.6. See io_uring_prep_send(3).
func (s *SQE) PrepSend(fd int, buf []byte, flags uint32, token uint64) {
	s.prepBuffer(sys.IORING_OP_SEND, fd, buf, token)
	s.OpFlags = flags
}

// PrepSendMsg sends what the message's vector names. The message and its vector may be reused once the SQE
// was submitted (IORING_FEAT_SUBMIT_STABLE); the memory it names must stay until the CQE. Since 5.3.
func (s *SQE) PrepSendMsg(fd int, m *Message, flags uint32, token uint64) {
	s.prep(sys.IORING_OP_SENDMSG, fd, token)
	// SAFETY: a Message belongs to an Arena, which is heap memory that its owner keeps.
	s.Addr = address(unsafe.Pointer(&m.hdr))
	s.Len = 1
	s.OpFlags = flags
}

// PrepRecvMsg receives into what the message's vector names. Unlike for a send, the kernel writes to the message:
// it and its memory must stay until the CQE. Since 5.3. See io_uring_prep_recvmsg(3).
func (s *SQE) PrepRecvMsg(fd int, m *Message, flags uint32, token uint64) {
	s.PrepSendMsg(fd, m, flags, token)
	s.Opcode = sys.IORING_OP_RECVMSG
}

// PrepConnect connects to the address, the bytes of a sockaddr, which is read when the SQE is submitted. Since 5.5.
// See io_uring_prep_connect(3).
func (s *SQE) PrepConnect(fd int, address []byte, token uint64) {
	s.prepBuffer(sys.IORING_OP_CONNECT, fd, address, token)
	s.Len, s.Off = 0, uint64(len(address))
}

// PrepRecvMsgMultishot receives datagrams until an error, a cancel, an empty group or an empty datagram: one CQE each,
// with a buffer of the group that starts with a RecvMsgHeader and has room for the name and the control data that m
// asks for. m must stay until the last CQE. Since 6.0. See io_uring_prep_recvmsg_multishot(3).
func (s *SQE) PrepRecvMsgMultishot(fd int, m *Message, group uint16, token uint64) {
	s.PrepRecvMsgSelect(fd, m, group, 0, token)
	s.Ioprio = sys.IORING_RECV_MULTISHOT
}

// PrepRecvMsgSelect receives one datagram into a buffer that the kernel picks from the group; its name and control
// data go to the message. Since 5.7, from a buffer ring since 5.19.
func (s *SQE) PrepRecvMsgSelect(fd int, m *Message, group uint16, flags uint32, token uint64) {
	s.PrepRecvMsg(fd, m, flags, token)
	s.Flags = sys.IOSQE_BUFFER_SELECT
	s.BufIndex = group
}

// PrepSplice moves bytes between a pipe and another descriptor without copying them through user memory. Offset -1
// means the position of what has none. It runs on a worker thread of the kernel. Since 5.7. See splice(2).
func (s *SQE) PrepSplice(from int, fromOffset int64, to int, toOffset int64, n uint32, token uint64) {
	s.prep(sys.IORING_OP_SPLICE, to, token)
	s.Off = uint64(toOffset)
	s.Addr = uint64(fromOffset)
	s.Len = n
	s.FileIndex = uint32(from)
}

// PrepRead reads into buf at the offset, or at the file's position for offset -1 and for what has none. Since
// 5.6. See io_uring_prep_read(3).
func (s *SQE) PrepRead(fd int, buf []byte, offset int64, token uint64) {
	s.prepBuffer(sys.IORING_OP_READ, fd, buf, token)
	s.Off = uint64(offset)
}

// PrepTimeout completes with ETIME when the time has passed, or with 0 when count completions came first (0:
// only the time counts). t is read when the SQE is submitted and must stay reachable until then: the SQE alone
// does not keep it. Since 5.4. See io_uring_prep_timeout(3).
func (s *SQE) PrepTimeout(t *Timespec, count uint32, token uint64) {
	s.prep(sys.IORING_OP_TIMEOUT, -1, token)
	// SAFETY: address moves the timespec to the heap.
	s.Addr = address(unsafe.Pointer(t))
	s.Len = 1
	s.Off = uint64(count)
}

// Timespec is a relative time in the kernel's form. The zero value is no time at all.
type Timespec sys.Timespec

// TimespecOf converts a duration, which must not be negative.
func TimespecOf(d time.Duration) *Timespec {
	return &Timespec{Sec: int64(d / time.Second), Nsec: int64(d % time.Second)}
}

func (s *SQE) prepBuffer(opcode uint8, fd int, buf []byte, token uint64) {
	s.prep(opcode, fd, token)
	// SAFETY: address moves the bytes to the heap; an empty slice has no bytes to name.
	s.Addr = address(unsafe.Pointer(unsafe.SliceData(buf)))
	s.Len = uint32(min(len(buf), maxLength))
}

// maxLength is how much one request moves at most (MAX_RW_COUNT in linux/fs.h): a longer buffer is used in part, as by
// read(2) and write(2), instead of by its length modulo 4 GiB.
const maxLength = 0x7ffff000

// pollWord puts poll events into the SQE's 32-bit field, whose half-words are swapped on big-endian machines.
func pollWord(events uint32) uint32 {
	one := uint16(1)
	// SAFETY: reads the first byte of a local variable to learn the byte order.
	if *(*byte)(unsafe.Pointer(&one)) == 1 {
		return events
	}
	return events<<16 | events>>16
}

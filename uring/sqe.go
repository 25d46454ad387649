package uring

import "github.com/ringport/ringport/internal/sys"

// SQE is one request in the submission queue, 64 bytes that the kernel reads when it takes the request. It is
// handed out by Ring.NextSQE and filled by exactly one Prep method. The last argument of each is the token
// that comes back in CQE.UserData.
type SQE sys.SQE

// prep writes what all requests share.
func (s *SQE) prep(opcode uint8, fd int, token uint64) {
	s.Opcode = opcode
	s.Fd = int32(fd)
	s.UserData = token
}

// PrepNop does nothing and completes: the price of a round through the ring. Since 5.1.
func (s *SQE) PrepNop(token uint64) { s.prep(sys.IORING_OP_NOP, -1, token) }

// PrepAccept accepts one connection; the descriptor comes back in CQE.Res. flags are those of accept4(2):
// SOCK_CLOEXEC belongs there. Since 5.5. See io_uring_prep_accept(3).
func (s *SQE) PrepAccept(fd int, flags uint32, token uint64) {
	s.prep(sys.IORING_OP_ACCEPT, fd, token)
	s.OpFlags = flags
}

// PrepAcceptMultishot accepts connections until it fails or is cancelled, one CQE each. The peer's address is
// not asked for: one memory for all would be overwritten. Since 5.19. See io_uring_prep_multishot_accept(3).
func (s *SQE) PrepAcceptMultishot(fd int, flags uint32, token uint64) {
	s.PrepAccept(fd, flags, token)
	s.Ioprio = sys.IORING_ACCEPT_MULTISHOT
}

// PrepRecvSelect receives once into a buffer that the kernel picks from the group when data is there. Since
// 5.7, from a buffer ring since 5.19. flags are those of recv(2).
func (s *SQE) PrepRecvSelect(fd int, group uint16, flags uint32, token uint64) {
	s.prep(sys.IORING_OP_RECV, fd, token)
	s.Flags = sys.IOSQE_BUFFER_SELECT
	s.BufIndex = group
	s.OpFlags = flags
}

// PollFirst has a receive wait for data before its first try: cheaper where the socket is known to be empty, and one
// look too many where it is not. It follows the Prep method. Since 5.19. See IORING_RECVSEND_POLL_FIRST in
// io_uring_enter(2).
func (s *SQE) PollFirst() { s.Ioprio |= sys.IORING_RECVSEND_POLL_FIRST }

// PrepRecvMultishot receives until the end of the stream, an error, a cancel or an empty group, one CQE and
// one buffer of the group each time. limit ends it after so many bytes (0: never); it must be 0 unless
// Features.ReceiveLimit. Since 6.0. See io_uring_prep_recv_multishot(3).
func (s *SQE) PrepRecvMultishot(fd int, group uint16, limit uint32, token uint64) {
	s.PrepRecvSelect(fd, group, 0, token)
	s.Ioprio = sys.IORING_RECV_MULTISHOT
	s.FileIndex = limit // sqe.optlen
}

// PrepShutdown is shutdown(2). The kernel hands it to a worker thread, so a plain system call is cheaper.
// Since 5.11.
func (s *SQE) PrepShutdown(fd, how int, token uint64) {
	s.prep(sys.IORING_OP_SHUTDOWN, fd, token)
	s.Len = uint32(how)
}

// PrepClose is close(2). It blocks the enter on a socket with SO_LINGER and unsent data. Since 5.6.
func (s *SQE) PrepClose(fd int, token uint64) { s.prep(sys.IORING_OP_CLOSE, fd, token) }

// PrepCancel asks the request with the token target to end. Both complete: this one with 0, ENOENT (already
// done) or EALREADY (running), the target with whatever became of it. Since 5.5.
func (s *SQE) PrepCancel(target, token uint64) {
	s.prep(sys.IORING_OP_ASYNC_CANCEL, -1, token)
	s.Addr = target
}

// PrepPoll completes once when one of the poll(2) events is there; the events come back in CQE.Res. Since 5.1.
func (s *SQE) PrepPoll(fd int, events uint32, token uint64) {
	s.prep(sys.IORING_OP_POLL_ADD, fd, token)
	s.OpFlags = pollWord(events)
}

// PrepPollMultishot completes whenever the descriptor signals one of the events, until it is cancelled. Since
// 5.13.
func (s *SQE) PrepPollMultishot(fd int, events uint32, token uint64) {
	s.PrepPoll(fd, events, token)
	s.Len = sys.IORING_POLL_ADD_MULTI
}

package sys

import "structs"

// SQE is struct io_uring_sqe: one submission, 64 bytes. The kernel's unions are named after their most used
// member; the comments list the others.
type SQE struct {
	_ structs.HostLayout

	Opcode      uint8  // IORING_OP_*
	Flags       uint8  // IOSQE_*
	Ioprio      uint16 // also the flags of accept, send and receive
	Fd          int32  // descriptor, or table index with IOSQE_FIXED_FILE
	Off         uint64 // also addr2, cmd_op (lower half)
	Addr        uint64 // also splice_off_in, level and optname
	Len         uint32 // bytes or number of iovecs, also poll flags
	OpFlags     uint32 // rw_flags, msg_flags, accept_flags, cancel_flags, timeout_flags, poll32_events and so on
	UserData    uint64 // comes back in CQE.UserData
	BufIndex    uint16 // also buf_group
	Personality uint16 // credentials, 0: the submitter's
	FileIndex   uint32 // slot + 1; also splice_fd_in, optlen, addr_len (lower half)
	Addr3       uint64 // also optval
	Pad         uint64 // must be 0
}

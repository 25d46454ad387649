package sys

import "structs"

// CQE is struct io_uring_cqe: one completion, 16 bytes.
type CQE struct {
	_ structs.HostLayout

	UserData uint64 // SQE.UserData
	Res      int32  // result, or a negative errno
	Flags    uint32 // IORING_CQE_F_*; buffer id above IORING_CQE_BUFFER_SHIFT
}

package sys

import "structs"

// Params is struct io_uring_params: what io_uring_setup(2) is asked for, and what it answers. 120 bytes.
type Params struct {
	_ structs.HostLayout

	SQEntries    uint32 // out
	CQEntries    uint32 // in with IORING_SETUP_CQSIZE; out
	Flags        uint32 // in: IORING_SETUP_*
	SQThreadCPU  uint32 // in with IORING_SETUP_SQ_AFF
	SQThreadIdle uint32 // in, milliseconds
	Features     uint32 // out: IORING_FEAT_*
	WQFd         uint32 // in with IORING_SETUP_ATTACH_WQ
	Resv         [3]uint32
	SQOff        SQRingOffsets // out
	CQOff        CQRingOffsets // out
}

// SQRingOffsets is struct io_sqring_offsets: where the fields of the submission ring lie in its mapping, in bytes.
type SQRingOffsets struct {
	_ structs.HostLayout

	Head        uint32 // moved by the kernel
	Tail        uint32 // moved by the application
	RingMask    uint32
	RingEntries uint32
	Flags       uint32 // IORING_SQ_*
	Dropped     uint32
	Array       uint32 // 0 with IORING_SETUP_NO_SQARRAY
	Resv1       uint32
	UserAddr    uint64 // in with IORING_SETUP_NO_MMAP
}

// CQRingOffsets is struct io_cqring_offsets: where the fields of the completion ring lie in its mapping, in bytes.
type CQRingOffsets struct {
	_ structs.HostLayout

	Head        uint32 // moved by the application
	Tail        uint32 // moved by the kernel
	RingMask    uint32
	RingEntries uint32
	Overflow    uint32
	Cqes        uint32
	Flags       uint32 // IORING_CQ_*; 0 before 5.8
	Resv1       uint32
	UserAddr    uint64 // in with IORING_SETUP_NO_MMAP
}

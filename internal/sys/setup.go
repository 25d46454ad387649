package sys

// Flags of io_uring_setup(2), in [Params].Flags. Combinations are the kernel's to check: an unknown flag or a
// contradiction is EINVAL.
const (
	// IORING_SETUP_IOPOLL busy-polls block devices; socket operations are refused on such a ring. Since 5.1.
	IORING_SETUP_IOPOLL = 1 << 0
	// IORING_SETUP_SQPOLL lets a kernel thread submit. EINVAL with COOP_TASKRUN, TASKRUN_FLAG and DEFER_TASKRUN.
	// Since 5.1.
	IORING_SETUP_SQPOLL = 1 << 1
	// IORING_SETUP_SQ_AFF binds the SQPOLL thread to Params.SQThreadCPU. Since 5.1.
	IORING_SETUP_SQ_AFF = 1 << 2
	// IORING_SETUP_CQSIZE takes the completion queue's size from Params.CQEntries. Since 5.5.
	IORING_SETUP_CQSIZE = 1 << 3
	// IORING_SETUP_CLAMP reduces sizes that are too large instead of failing; read back what was got. Since 5.6.
	IORING_SETUP_CLAMP = 1 << 4
	// IORING_SETUP_ATTACH_WQ shares the workers of the ring Params.WQFd. Since 5.6.
	IORING_SETUP_ATTACH_WQ = 1 << 5
	// IORING_SETUP_R_DISABLED starts the ring disabled, until IORING_REGISTER_ENABLE_RINGS. With SINGLE_ISSUER the
	// thread that enables it becomes the owner. Since 5.10.
	IORING_SETUP_R_DISABLED = 1 << 6
	// IORING_SETUP_SUBMIT_ALL goes on with a batch after an entry that could not be submitted. Since 5.18.
	IORING_SETUP_SUBMIT_ALL = 1 << 7
	// IORING_SETUP_COOP_TASKRUN runs completion work at any kernel exit, without an interrupt. Since 5.19.
	IORING_SETUP_COOP_TASKRUN = 1 << 8
	// IORING_SETUP_TASKRUN_FLAG sets IORING_SQ_TASKRUN when work waits. Needs COOP_TASKRUN or DEFER_TASKRUN.
	// Since 5.19.
	IORING_SETUP_TASKRUN_FLAG = 1 << 9
	// IORING_SETUP_SQE128 doubles every submission entry. Since 5.19.
	IORING_SETUP_SQE128 = 1 << 10
	// IORING_SETUP_CQE32 doubles every completion entry. Since 5.19.
	IORING_SETUP_CQE32 = 1 << 11
	// IORING_SETUP_SINGLE_ISSUER allows one thread to submit; all others get EEXIST. Since 6.0.
	IORING_SETUP_SINGLE_ISSUER = 1 << 12
	// IORING_SETUP_DEFER_TASKRUN runs completion work only in the owner's enter. Needs SINGLE_ISSUER. Since 6.1.
	IORING_SETUP_DEFER_TASKRUN = 1 << 13
	// IORING_SETUP_NO_MMAP puts the rings in memory of the caller. Since 6.5.
	IORING_SETUP_NO_MMAP = 1 << 14
	// IORING_SETUP_REGISTERED_FD_ONLY returns a registered index and no descriptor. Needs NO_MMAP. Since 6.5.
	IORING_SETUP_REGISTERED_FD_ONLY = 1 << 15
	// IORING_SETUP_NO_SQARRAY drops the index array between the queue and its entries. Since 6.6.
	IORING_SETUP_NO_SQARRAY = 1 << 16
	// IORING_SETUP_HYBRID_IOPOLL sleeps a little before it polls; needs IOPOLL. Since 6.13.
	IORING_SETUP_HYBRID_IOPOLL = 1 << 17
	// IORING_SETUP_CQE_MIXED mixes 16 and 32 byte completions. EINVAL with CQE32. Since 6.18.
	IORING_SETUP_CQE_MIXED = 1 << 18
	// IORING_SETUP_SQE_MIXED mixes 64 and 128 byte submissions. Since 6.19.
	IORING_SETUP_SQE_MIXED = 1 << 19
	// IORING_SETUP_SQ_REWIND reads every batch from index 0. Needs NO_SQARRAY, without SQPOLL. Since 7.0.
	IORING_SETUP_SQ_REWIND = 1 << 20
)

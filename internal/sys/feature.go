package sys

// Bits of [Params].Features, filled in by io_uring_setup(2).
const (
	// IORING_FEAT_SINGLE_MMAP means that one mapping holds both rings. Since 5.4.
	IORING_FEAT_SINGLE_MMAP = 1 << 0
	// IORING_FEAT_NODROP means that an overflowing completion is kept, not lost. Since 5.5.
	IORING_FEAT_NODROP = 1 << 1
	// IORING_FEAT_SUBMIT_STABLE means that arguments are copied when an entry is submitted. Since 5.5.
	IORING_FEAT_SUBMIT_STABLE = 1 << 2
	// IORING_FEAT_RW_CUR_POS means that offset -1 is the file's position. Since 5.6.
	IORING_FEAT_RW_CUR_POS = 1 << 3
	// IORING_FEAT_CUR_PERSONALITY means that work runs with the credentials of the submitter. Since 5.6.
	IORING_FEAT_CUR_PERSONALITY = 1 << 4
	// IORING_FEAT_FAST_POLL means that waiting for a socket needs no worker thread. Since 5.7.
	IORING_FEAT_FAST_POLL = 1 << 5
	// IORING_FEAT_POLL_32BITS means that poll masks have 32 bits. Since 5.9.
	IORING_FEAT_POLL_32BITS = 1 << 6
	// IORING_FEAT_SQPOLL_NONFIXED means that SQPOLL works with plain descriptors. Since 5.11.
	IORING_FEAT_SQPOLL_NONFIXED = 1 << 7
	// IORING_FEAT_EXT_ARG means that enter takes a [GeteventsArg]. Since 5.11.
	IORING_FEAT_EXT_ARG = 1 << 8
	// IORING_FEAT_NATIVE_WORKERS means that workers are threads of the process. Since 5.12.
	IORING_FEAT_NATIVE_WORKERS = 1 << 9
	// IORING_FEAT_RSRC_TAGS means that registered resources carry tags. Since 5.13.
	IORING_FEAT_RSRC_TAGS = 1 << 10
	// IORING_FEAT_CQE_SKIP means that IOSQE_CQE_SKIP_SUCCESS is known. Since 5.17.
	IORING_FEAT_CQE_SKIP = 1 << 11
	// IORING_FEAT_LINKED_FILE means that a linked entry looks its file up when its turn comes. Since 5.18.
	IORING_FEAT_LINKED_FILE = 1 << 12
	// IORING_FEAT_REG_REG_RING means that register takes a registered ring. Since 6.3.
	IORING_FEAT_REG_REG_RING = 1 << 13
	// IORING_FEAT_RECVSEND_BUNDLE means that bundles and sends from provided buffers are known. Since 6.10.
	IORING_FEAT_RECVSEND_BUNDLE = 1 << 14
	// IORING_FEAT_MIN_TIMEOUT means that GeteventsArg.MinWaitUsec is honoured. Since 6.12.
	IORING_FEAT_MIN_TIMEOUT = 1 << 15
	// IORING_FEAT_RW_ATTR means that reads and writes carry attributes. Since 6.14.
	IORING_FEAT_RW_ATTR = 1 << 16
	// IORING_FEAT_NO_IOWAIT means that IORING_ENTER_NO_IOWAIT is known. Since 6.15.
	IORING_FEAT_NO_IOWAIT = 1 << 17
)

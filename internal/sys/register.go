package sys

// Opcodes of io_uring_register(2).
const (
	// IORING_REGISTER_BUFFERS pins buffers for the _FIXED operations. Since 5.1.
	IORING_REGISTER_BUFFERS = 0
	// IORING_UNREGISTER_BUFFERS undoes it. Since 5.1.
	IORING_UNREGISTER_BUFFERS = 1
	// IORING_REGISTER_FILES makes a table of direct descriptors. Since 5.1.
	IORING_REGISTER_FILES = 2
	// IORING_UNREGISTER_FILES undoes it. Since 5.1.
	IORING_UNREGISTER_FILES = 3
	// IORING_REGISTER_EVENTFD signals an eventfd for every completion. Since 5.2.
	IORING_REGISTER_EVENTFD = 4
	// IORING_UNREGISTER_EVENTFD undoes it. Since 5.2.
	IORING_UNREGISTER_EVENTFD = 5
	// IORING_REGISTER_FILES_UPDATE replaces entries of the file table. Since 5.5.
	IORING_REGISTER_FILES_UPDATE = 6
	// IORING_REGISTER_EVENTFD_ASYNC signals an eventfd for completions that were not inline. Since 5.6.
	IORING_REGISTER_EVENTFD_ASYNC = 7
	// IORING_REGISTER_PROBE fills in a [Probe]. Since 5.6.
	IORING_REGISTER_PROBE = 8
	// IORING_REGISTER_PERSONALITY keeps the caller's credentials for SQE.Personality. Since 5.6.
	IORING_REGISTER_PERSONALITY = 9
	// IORING_UNREGISTER_PERSONALITY undoes it. Since 5.6.
	IORING_UNREGISTER_PERSONALITY = 10
	// IORING_REGISTER_RESTRICTIONS installs [Restriction] entries on a disabled ring. Since 5.10.
	IORING_REGISTER_RESTRICTIONS = 11
	// IORING_REGISTER_ENABLE_RINGS enables a ring made with IORING_SETUP_R_DISABLED. Since 5.10.
	IORING_REGISTER_ENABLE_RINGS = 12
	// IORING_REGISTER_FILES2 is REGISTER_FILES with tags. Since 5.13.
	IORING_REGISTER_FILES2 = 13
	// IORING_REGISTER_FILES_UPDATE2 is REGISTER_FILES_UPDATE with tags. Since 5.13.
	IORING_REGISTER_FILES_UPDATE2 = 14
	// IORING_REGISTER_BUFFERS2 is REGISTER_BUFFERS with tags. Since 5.13.
	IORING_REGISTER_BUFFERS2 = 15
	// IORING_REGISTER_BUFFERS_UPDATE replaces registered buffers. Since 5.13.
	IORING_REGISTER_BUFFERS_UPDATE = 16
	// IORING_REGISTER_IOWQ_AFF binds the workers to processors. Since 5.14.
	IORING_REGISTER_IOWQ_AFF = 17
	// IORING_UNREGISTER_IOWQ_AFF undoes it. Since 5.14.
	IORING_UNREGISTER_IOWQ_AFF = 18
	// IORING_REGISTER_IOWQ_MAX_WORKERS bounds the workers, [IO_WQ_BOUND] and [IO_WQ_UNBOUND]. Since 5.15.
	IORING_REGISTER_IOWQ_MAX_WORKERS = 19
	// IORING_REGISTER_RING_FDS registers ring descriptors for the calling thread, as [RsrcUpdate]. Since 5.18.
	IORING_REGISTER_RING_FDS = 20
	// IORING_UNREGISTER_RING_FDS undoes it. Since 5.18.
	IORING_UNREGISTER_RING_FDS = 21
	// IORING_REGISTER_PBUF_RING registers a ring of provided buffers, as [BufReg]. Since 5.19.
	IORING_REGISTER_PBUF_RING = 22
	// IORING_UNREGISTER_PBUF_RING undoes it. Since 5.19.
	IORING_UNREGISTER_PBUF_RING = 23
	// IORING_REGISTER_SYNC_CANCEL cancels and waits, as [SyncCancelReg]. Since 6.0.
	IORING_REGISTER_SYNC_CANCEL = 24
	// IORING_REGISTER_FILE_ALLOC_RANGE bounds the slots that the kernel may choose. Since 6.0.
	IORING_REGISTER_FILE_ALLOC_RANGE = 25
	// IORING_REGISTER_PBUF_STATUS asks for the head of a buffer ring, as [BufStatus]. Since 6.8.
	IORING_REGISTER_PBUF_STATUS = 26
	// IORING_REGISTER_NAPI sets busy polling. Since 6.9.
	IORING_REGISTER_NAPI = 27
	// IORING_UNREGISTER_NAPI undoes it. Since 6.9.
	IORING_UNREGISTER_NAPI = 28
	// IORING_REGISTER_CLOCK chooses the clock of waits. Since 6.12.
	IORING_REGISTER_CLOCK = 29
	// IORING_REGISTER_CLONE_BUFFERS copies the buffers of another ring. Since 6.12.
	IORING_REGISTER_CLONE_BUFFERS = 30
	// IORING_REGISTER_SEND_MSG_RING sends a message to a ring without having one: the descriptor is -1. Since 6.13.
	IORING_REGISTER_SEND_MSG_RING = 31
	// IORING_REGISTER_ZCRX_IFQ takes a queue of a network card for zero-copy receives. Since 6.15.
	IORING_REGISTER_ZCRX_IFQ = 32
	// IORING_REGISTER_RESIZE_RINGS changes the sizes of a DEFER_TASKRUN ring. Since 6.13.
	IORING_REGISTER_RESIZE_RINGS = 33
	// IORING_REGISTER_MEM_REGION shares memory, for example for wait arguments. Since 6.13.
	IORING_REGISTER_MEM_REGION = 34
	// IORING_REGISTER_QUERY asks what the kernel can do: the descriptor may be -1. Since 6.18.
	IORING_REGISTER_QUERY = 35
	// IORING_REGISTER_ZCRX_CTRL controls zero-copy receives. Since 6.19.
	IORING_REGISTER_ZCRX_CTRL = 36
	// IORING_REGISTER_BPF_FILTER installs a filter on submissions. Since 7.0.
	IORING_REGISTER_BPF_FILTER = 37

	// IORING_REGISTER_USE_REGISTERED_RING is added to an opcode when the descriptor is an index from
	// IORING_REGISTER_RING_FDS. Since 6.3.
	IORING_REGISTER_USE_REGISTERED_RING = 1 << 31
	// IORING_REGISTER_FILES_SKIP leaves an entry of a file update alone. Since 5.12.
	IORING_REGISTER_FILES_SKIP = -2
	// IORING_RSRC_REGISTER_SPARSE makes an empty table of the given size. Since 5.19.
	IORING_RSRC_REGISTER_SPARSE = 1 << 0
)

// Indices into the pair of counts of IORING_REGISTER_IOWQ_MAX_WORKERS.
const (
	// IO_WQ_BOUND counts workers for work that ends in bounded time, such as regular files. Since 5.15.
	IO_WQ_BOUND = 0
	// IO_WQ_UNBOUND counts workers for work that may take forever, such as sockets. Since 5.15.
	IO_WQ_UNBOUND = 1
)

// Bits of ProbeOp.Flags.
const (
	// IO_URING_OP_SUPPORTED says that the kernel knows the operation. Since 5.6.
	IO_URING_OP_SUPPORTED = 1 << 0
)

// Bits of BufReg.Flags.
const (
	// IOU_PBUF_RING_MMAP lets the kernel allocate the ring; it is mapped at IORING_OFF_PBUF_RING. Since 6.4.
	IOU_PBUF_RING_MMAP = 1 << 0
	// IOU_PBUF_RING_INC consumes buffers piece by piece. Since 6.12.
	IOU_PBUF_RING_INC = 1 << 1
)

// Values of Restriction.Opcode.
const (
	// IORING_RESTRICTION_REGISTER_OP allows the register opcode in Arg. Since 5.10.
	IORING_RESTRICTION_REGISTER_OP = 0
	// IORING_RESTRICTION_SQE_OP allows the operation in Arg. Since 5.10.
	IORING_RESTRICTION_SQE_OP = 1
	// IORING_RESTRICTION_SQE_FLAGS_ALLOWED allows the IOSQE flags in Arg. Since 5.10.
	IORING_RESTRICTION_SQE_FLAGS_ALLOWED = 2
	// IORING_RESTRICTION_SQE_FLAGS_REQUIRED demands the IOSQE flags in Arg on every entry. Since 5.10.
	IORING_RESTRICTION_SQE_FLAGS_REQUIRED = 3
)

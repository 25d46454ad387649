package sys

// Offsets of mmap(2) on a ring descriptor.
const (
	// IORING_OFF_SQ_RING is the submission ring, and the completion ring too with FEAT_SINGLE_MMAP. Since 5.1.
	IORING_OFF_SQ_RING = 0
	// IORING_OFF_CQ_RING is the completion ring. Since 5.1.
	IORING_OFF_CQ_RING = 0x8000000
	// IORING_OFF_SQES is the array of submission entries. Since 5.1.
	IORING_OFF_SQES = 0x10000000
	// IORING_OFF_PBUF_RING is the first buffer ring of the kernel's (IOU_PBUF_RING_MMAP). Since 6.4.
	IORING_OFF_PBUF_RING = 0x80000000
	// IORING_OFF_PBUF_SHIFT is where the group number goes in the offset of a buffer ring. Since 6.4.
	IORING_OFF_PBUF_SHIFT = 16
	// IORING_OFF_MMAP_MASK masks the kind of memory in an offset. Since 6.1.
	IORING_OFF_MMAP_MASK = 0xf8000000
)

// Bits of the flags word of the submission ring, set by the kernel and read with an atomic load.
const (
	// IORING_SQ_NEED_WAKEUP says that the SQPOLL thread sleeps. Since 5.1.
	IORING_SQ_NEED_WAKEUP = 1 << 0
	// IORING_SQ_CQ_OVERFLOW says that completions wait outside the full completion ring. Since 5.8.
	IORING_SQ_CQ_OVERFLOW = 1 << 1
	// IORING_SQ_TASKRUN says that an enter would produce completions. Since 5.19.
	IORING_SQ_TASKRUN = 1 << 2
)

// Bits of the flags word of the completion ring, set by the application.
const (
	// IORING_CQ_EVENTFD_DISABLED stops notifications through a registered eventfd. Since 5.8.
	IORING_CQ_EVENTFD_DISABLED = 1 << 0
)

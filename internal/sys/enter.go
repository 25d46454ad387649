package sys

// Flags of io_uring_enter(2).
const (
	// IORING_ENTER_GETEVENTS collects completions, waiting for min_complete of them. Since 5.1.
	IORING_ENTER_GETEVENTS = 1 << 0
	// IORING_ENTER_SQ_WAKEUP wakes the SQPOLL thread. Since 5.1.
	IORING_ENTER_SQ_WAKEUP = 1 << 1
	// IORING_ENTER_SQ_WAIT waits for room in the submission queue of an SQPOLL ring. Since 5.10.
	IORING_ENTER_SQ_WAIT = 1 << 2
	// IORING_ENTER_EXT_ARG says that the argument is a [GeteventsArg], not a signal mask. Since 5.11.
	IORING_ENTER_EXT_ARG = 1 << 3
	// IORING_ENTER_REGISTERED_RING says that the descriptor is an index from IORING_REGISTER_RING_FDS. Since 5.18.
	IORING_ENTER_REGISTERED_RING = 1 << 4
	// IORING_ENTER_ABS_TIMER says that the timeout is a point in time. Since 6.12.
	IORING_ENTER_ABS_TIMER = 1 << 5
	// IORING_ENTER_EXT_ARG_REG says that the argument is an index into a registered region. Since 6.13.
	IORING_ENTER_EXT_ARG_REG = 1 << 6
	// IORING_ENTER_NO_IOWAIT keeps the wait out of the iowait statistics. Since 6.15.
	IORING_ENTER_NO_IOWAIT = 1 << 7
)

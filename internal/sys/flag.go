package sys

// Flags of any operation, in SQE.Flags.
const (
	// IOSQE_FIXED_FILE says that SQE.Fd is an index into the file table. Since 5.1.
	IOSQE_FIXED_FILE = 1 << 0
	// IOSQE_IO_DRAIN waits for everything submitted before. Since 5.2.
	IOSQE_IO_DRAIN = 1 << 1
	// IOSQE_IO_LINK starts the next entry when this one succeeded. Since 5.3.
	IOSQE_IO_LINK = 1 << 2
	// IOSQE_IO_HARDLINK starts the next entry in any case. Since 5.5.
	IOSQE_IO_HARDLINK = 1 << 3
	// IOSQE_ASYNC goes to a worker thread at once. Since 5.6.
	IOSQE_ASYNC = 1 << 4
	// IOSQE_BUFFER_SELECT takes a buffer of group SQE.BufIndex. Since 5.7.
	IOSQE_BUFFER_SELECT = 1 << 5
	// IOSQE_CQE_SKIP_SUCCESS posts no completion for a success. Since 5.17.
	IOSQE_CQE_SKIP_SUCCESS = 1 << 6
)

// Flags of a completion, in CQE.Flags.
const (
	// IORING_CQE_F_BUFFER says that the upper 16 bits are a buffer id, now the application's. Since 5.7.
	IORING_CQE_F_BUFFER = 1 << 0
	// IORING_CQE_F_MORE says that the request stays armed and will complete again. Since 5.13.
	IORING_CQE_F_MORE = 1 << 1
	// IORING_CQE_F_SOCK_NONEMPTY says that the socket held more after this receive or accept. Since 5.19.
	IORING_CQE_F_SOCK_NONEMPTY = 1 << 2
	// IORING_CQE_F_NOTIF marks the second completion of a zero-copy send: its memory is free now. Since 6.0.
	IORING_CQE_F_NOTIF = 1 << 3
	// IORING_CQE_F_BUF_MORE says that the buffer stays the kernel's (IOU_PBUF_RING_INC). Since 6.12.
	IORING_CQE_F_BUF_MORE = 1 << 4
	// IORING_CQE_F_SKIP marks a filler before the end of a mixed ring. Since 6.18.
	IORING_CQE_F_SKIP = 1 << 5
	// IORING_CQE_F_32 marks a 32 byte completion in a mixed ring. Since 6.18.
	IORING_CQE_F_32 = 1 << 15
	// IORING_CQE_BUFFER_SHIFT is where the buffer id starts. Since 5.7.
	IORING_CQE_BUFFER_SHIFT = 16
)

// IORING_FILE_INDEX_ALLOC in SQE.FileIndex lets the kernel choose the slot of a direct descriptor. Since 5.19.
const IORING_FILE_INDEX_ALLOC = 1<<32 - 1

// Flags of IORING_OP_ACCEPT, in SQE.Ioprio.
const (
	// IORING_ACCEPT_MULTISHOT goes on accepting, one completion per connection. Since 5.19.
	IORING_ACCEPT_MULTISHOT = 1 << 0
	// IORING_ACCEPT_DONTWAIT fails with EAGAIN when no connection waits. Since 6.10.
	IORING_ACCEPT_DONTWAIT = 1 << 1
	// IORING_ACCEPT_POLL_FIRST waits before the first try. Since 6.10.
	IORING_ACCEPT_POLL_FIRST = 1 << 2
)

// Flags of the send and receive operations, in SQE.Ioprio.
const (
	// IORING_RECVSEND_POLL_FIRST waits before the first try. Since 5.19.
	IORING_RECVSEND_POLL_FIRST = 1 << 0
	// IORING_RECV_MULTISHOT goes on receiving into provided buffers. Since 6.0.
	IORING_RECV_MULTISHOT = 1 << 1
	// IORING_RECVSEND_FIXED_BUF uses the registered buffer SQE.BufIndex. Since 6.0.
	IORING_RECVSEND_FIXED_BUF = 1 << 2
	// IORING_SEND_ZC_REPORT_USAGE asks the notification whether the data was copied. Since 6.2.
	IORING_SEND_ZC_REPORT_USAGE = 1 << 3
	// IORING_RECVSEND_BUNDLE moves several provided buffers at once. Since 6.10.
	IORING_RECVSEND_BUNDLE = 1 << 4
	// IORING_SEND_VECTORIZED says that a SEND's memory is an array of [Iovec]. Since 6.17.
	IORING_SEND_VECTORIZED = 1 << 5
	// IORING_NOTIF_USAGE_ZC_COPIED in the CQE.Res of a notification says that data was copied. Since 6.2.
	IORING_NOTIF_USAGE_ZC_COPIED = 1 << 31
)

// Flags of IORING_OP_POLL_ADD and IORING_OP_POLL_REMOVE, in SQE.Len.
const (
	// IORING_POLL_ADD_MULTI goes on polling. Since 5.13.
	IORING_POLL_ADD_MULTI = 1 << 0
	// IORING_POLL_UPDATE_EVENTS changes the mask of a poll. Since 5.13.
	IORING_POLL_UPDATE_EVENTS = 1 << 1
	// IORING_POLL_UPDATE_USER_DATA changes the user data of a poll. Since 5.13.
	IORING_POLL_UPDATE_USER_DATA = 1 << 2
	// IORING_POLL_ADD_LEVEL polls level-triggered. Since 6.0.
	IORING_POLL_ADD_LEVEL = 1 << 3
)

// Flags of IORING_OP_ASYNC_CANCEL, in SQE.OpFlags, and of SyncCancelReg.Flags.
const (
	// IORING_ASYNC_CANCEL_ALL cancels every match, not the first. Since 5.19.
	IORING_ASYNC_CANCEL_ALL = 1 << 0
	// IORING_ASYNC_CANCEL_FD matches the descriptor. Since 5.19.
	IORING_ASYNC_CANCEL_FD = 1 << 1
	// IORING_ASYNC_CANCEL_ANY matches everything. Since 5.19.
	IORING_ASYNC_CANCEL_ANY = 1 << 2
	// IORING_ASYNC_CANCEL_FD_FIXED says that the descriptor is a direct one. Since 6.0.
	IORING_ASYNC_CANCEL_FD_FIXED = 1 << 3
	// IORING_ASYNC_CANCEL_USERDATA matches the user data, as is the default. Since 6.6.
	IORING_ASYNC_CANCEL_USERDATA = 1 << 4
	// IORING_ASYNC_CANCEL_OP matches the operation. Since 6.6.
	IORING_ASYNC_CANCEL_OP = 1 << 5
)

// Flags of the timeout operations, in SQE.OpFlags.
const (
	// IORING_TIMEOUT_ABS says that the time is a point, not a duration. Since 5.5.
	IORING_TIMEOUT_ABS = 1 << 0
	// IORING_TIMEOUT_UPDATE makes TIMEOUT_REMOVE change the time instead. Since 5.11.
	IORING_TIMEOUT_UPDATE = 1 << 1
	// IORING_TIMEOUT_BOOTTIME uses CLOCK_BOOTTIME. Since 5.15.
	IORING_TIMEOUT_BOOTTIME = 1 << 2
	// IORING_TIMEOUT_REALTIME uses CLOCK_REALTIME. Since 5.15.
	IORING_TIMEOUT_REALTIME = 1 << 3
	// IORING_LINK_TIMEOUT_UPDATE makes TIMEOUT_REMOVE change a linked timeout. Since 5.15.
	IORING_LINK_TIMEOUT_UPDATE = 1 << 4
	// IORING_TIMEOUT_ETIME_SUCCESS does not break a link when the time is up. Since 5.16.
	IORING_TIMEOUT_ETIME_SUCCESS = 1 << 5
	// IORING_TIMEOUT_MULTISHOT fires again and again. Since 6.4.
	IORING_TIMEOUT_MULTISHOT = 1 << 6
	// IORING_TIMEOUT_IMMEDIATE_ARG says that SQE.Addr holds nanoseconds, not a pointer. Since 7.1.
	IORING_TIMEOUT_IMMEDIATE_ARG = 1 << 7
)

// Commands of IORING_OP_MSG_RING, in SQE.Addr.
const (
	// IORING_MSG_DATA posts SQE.Len and SQE.Off as result and user data. Since 6.0.
	IORING_MSG_DATA = 0
	// IORING_MSG_SEND_FD sends a direct descriptor. Since 6.0.
	IORING_MSG_SEND_FD = 1
)

// Flags of IORING_OP_MSG_RING, in SQE.OpFlags.
const (
	// IORING_MSG_RING_CQE_SKIP posts nothing to the target, for SEND_FD. Since 6.0.
	IORING_MSG_RING_CQE_SKIP = 1 << 0
	// IORING_MSG_RING_FLAGS_PASS posts SQE.FileIndex as flags. Since 6.3.
	IORING_MSG_RING_FLAGS_PASS = 1 << 1
)

// Flags of single operations.
const (
	// IORING_NOP_INJECT_RESULT completes a NOP with SQE.Len as its result, in SQE.OpFlags. Since 6.10.
	IORING_NOP_INJECT_RESULT = 1 << 0
	// IORING_FIXED_FD_NO_CLOEXEC keeps an installed descriptor across exec, in SQE.OpFlags. Since 6.8.
	IORING_FIXED_FD_NO_CLOEXEC = 1 << 0
)

// Commands of IORING_OP_URING_CMD on a socket, in the lower half of SQE.Off.
const (
	// SOCKET_URING_OP_SIOCINQ asks how much waits to be received. Since 6.5.
	SOCKET_URING_OP_SIOCINQ = 0
	// SOCKET_URING_OP_SIOCOUTQ asks how much waits to be sent. Since 6.5.
	SOCKET_URING_OP_SIOCOUTQ = 1
	// SOCKET_URING_OP_GETSOCKOPT is getsockopt(2) at level SOL_SOCKET. Since 6.7.
	SOCKET_URING_OP_GETSOCKOPT = 2
	// SOCKET_URING_OP_SETSOCKOPT is setsockopt(2). Since 6.7.
	SOCKET_URING_OP_SETSOCKOPT = 3
	// SOCKET_URING_OP_TX_TIMESTAMP reads transmit time stamps. Since 6.17.
	SOCKET_URING_OP_TX_TIMESTAMP = 4
	// SOCKET_URING_OP_GETSOCKNAME is getsockname(2) or getpeername(2). Since 6.19.
	SOCKET_URING_OP_GETSOCKNAME = 5
)

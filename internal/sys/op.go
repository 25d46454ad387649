package sys

// Operations, in SQE.Opcode. The manual page of each is io_uring_prep_NAME(3).
const (
	// IORING_OP_NOP does nothing. Since 5.1.
	IORING_OP_NOP = 0
	// IORING_OP_READV is preadv(2). Since 5.1.
	IORING_OP_READV = 1
	// IORING_OP_WRITEV is pwritev(2). Since 5.1.
	IORING_OP_WRITEV = 2
	// IORING_OP_FSYNC is fsync(2). Since 5.1.
	IORING_OP_FSYNC = 3
	// IORING_OP_READ_FIXED is pread(2) into a registered buffer. Since 5.1.
	IORING_OP_READ_FIXED = 4
	// IORING_OP_WRITE_FIXED is pwrite(2) from a registered buffer. Since 5.1.
	IORING_OP_WRITE_FIXED = 5
	// IORING_OP_POLL_ADD waits for a poll mask. Since 5.1.
	IORING_OP_POLL_ADD = 6
	// IORING_OP_POLL_REMOVE ends or changes a poll. Since 5.1.
	IORING_OP_POLL_REMOVE = 7
	// IORING_OP_SYNC_FILE_RANGE is sync_file_range(2). Since 5.2.
	IORING_OP_SYNC_FILE_RANGE = 8
	// IORING_OP_SENDMSG is sendmsg(2). Since 5.3.
	IORING_OP_SENDMSG = 9
	// IORING_OP_RECVMSG is recvmsg(2). Since 5.3.
	IORING_OP_RECVMSG = 10
	// IORING_OP_TIMEOUT waits for a time or for a number of completions. Since 5.4.
	IORING_OP_TIMEOUT = 11
	// IORING_OP_TIMEOUT_REMOVE ends or changes a timeout. Since 5.5.
	IORING_OP_TIMEOUT_REMOVE = 12
	// IORING_OP_ACCEPT is accept4(2). Since 5.5.
	IORING_OP_ACCEPT = 13
	// IORING_OP_ASYNC_CANCEL asks a request to end; the request's own completion is the answer. Since 5.5.
	IORING_OP_ASYNC_CANCEL = 14
	// IORING_OP_LINK_TIMEOUT bounds the time of the entry before it. Since 5.5.
	IORING_OP_LINK_TIMEOUT = 15
	// IORING_OP_CONNECT is connect(2). Since 5.5.
	IORING_OP_CONNECT = 16
	// IORING_OP_FALLOCATE is fallocate(2). Since 5.6.
	IORING_OP_FALLOCATE = 17
	// IORING_OP_OPENAT is openat(2). Since 5.6.
	IORING_OP_OPENAT = 18
	// IORING_OP_CLOSE is close(2). Since 5.6.
	IORING_OP_CLOSE = 19
	// IORING_OP_FILES_UPDATE changes the file table. Since 5.6.
	IORING_OP_FILES_UPDATE = 20
	// IORING_OP_STATX is statx(2). Since 5.6.
	IORING_OP_STATX = 21
	// IORING_OP_READ is pread(2). Since 5.6.
	IORING_OP_READ = 22
	// IORING_OP_WRITE is pwrite(2). Since 5.6.
	IORING_OP_WRITE = 23
	// IORING_OP_FADVISE is posix_fadvise(2). Since 5.6.
	IORING_OP_FADVISE = 24
	// IORING_OP_MADVISE is madvise(2). Since 5.6.
	IORING_OP_MADVISE = 25
	// IORING_OP_SEND is send(2), or sendto(2) with an address. Since 5.6.
	IORING_OP_SEND = 26
	// IORING_OP_RECV is recv(2). Since 5.6.
	IORING_OP_RECV = 27
	// IORING_OP_OPENAT2 is openat2(2). Since 5.6.
	IORING_OP_OPENAT2 = 28
	// IORING_OP_EPOLL_CTL is epoll_ctl(2). Since 5.6.
	IORING_OP_EPOLL_CTL = 29
	// IORING_OP_SPLICE is splice(2). Since 5.7.
	IORING_OP_SPLICE = 30
	// IORING_OP_PROVIDE_BUFFERS gives buffers one request at a time; buffer rings replaced it. Since 5.7.
	IORING_OP_PROVIDE_BUFFERS = 31
	// IORING_OP_REMOVE_BUFFERS takes such buffers back. Since 5.7.
	IORING_OP_REMOVE_BUFFERS = 32
	// IORING_OP_TEE is tee(2). Since 5.8.
	IORING_OP_TEE = 33
	// IORING_OP_SHUTDOWN is shutdown(2), run by a worker thread. Since 5.11.
	IORING_OP_SHUTDOWN = 34
	// IORING_OP_RENAMEAT is renameat2(2). Since 5.11.
	IORING_OP_RENAMEAT = 35
	// IORING_OP_UNLINKAT is unlinkat(2). Since 5.11.
	IORING_OP_UNLINKAT = 36
	// IORING_OP_MKDIRAT is mkdirat(2). Since 5.15.
	IORING_OP_MKDIRAT = 37
	// IORING_OP_SYMLINKAT is symlinkat(2). Since 5.15.
	IORING_OP_SYMLINKAT = 38
	// IORING_OP_LINKAT is linkat(2). Since 5.15.
	IORING_OP_LINKAT = 39
	// IORING_OP_MSG_RING posts a completion to another ring. Since 5.18.
	IORING_OP_MSG_RING = 40
	// IORING_OP_FSETXATTR is fsetxattr(2). Since 5.19.
	IORING_OP_FSETXATTR = 41
	// IORING_OP_SETXATTR is setxattr(2). Since 5.19.
	IORING_OP_SETXATTR = 42
	// IORING_OP_FGETXATTR is fgetxattr(2). Since 5.19.
	IORING_OP_FGETXATTR = 43
	// IORING_OP_GETXATTR is getxattr(2). Since 5.19.
	IORING_OP_GETXATTR = 44
	// IORING_OP_SOCKET is socket(2). Since 5.19.
	IORING_OP_SOCKET = 45
	// IORING_OP_URING_CMD is a command of the file's own, see SOCKET_URING_OP_SIOCINQ. Since 5.19.
	IORING_OP_URING_CMD = 46
	// IORING_OP_SEND_ZC is SEND without copying; IORING_CQE_F_NOTIF frees the memory. Since 6.0.
	IORING_OP_SEND_ZC = 47
	// IORING_OP_SENDMSG_ZC is SENDMSG without copying. Since 6.1.
	IORING_OP_SENDMSG_ZC = 48
	// IORING_OP_READ_MULTISHOT goes on reading into provided buffers. Since 6.7.
	IORING_OP_READ_MULTISHOT = 49
	// IORING_OP_WAITID is waitid(2). Since 6.7.
	IORING_OP_WAITID = 50
	// IORING_OP_FUTEX_WAIT waits on a futex. Since 6.7.
	IORING_OP_FUTEX_WAIT = 51
	// IORING_OP_FUTEX_WAKE wakes waiters of a futex. Since 6.7.
	IORING_OP_FUTEX_WAKE = 52
	// IORING_OP_FUTEX_WAITV waits on several futexes. Since 6.7.
	IORING_OP_FUTEX_WAITV = 53
	// IORING_OP_FIXED_FD_INSTALL makes a descriptor of a direct one. Since 6.8.
	IORING_OP_FIXED_FD_INSTALL = 54
	// IORING_OP_FTRUNCATE is ftruncate(2). Since 6.9.
	IORING_OP_FTRUNCATE = 55
	// IORING_OP_BIND is bind(2). Since 6.11.
	IORING_OP_BIND = 56
	// IORING_OP_LISTEN is listen(2). Since 6.11.
	IORING_OP_LISTEN = 57
	// IORING_OP_RECV_ZC receives into memory of a network queue. Since 6.15.
	IORING_OP_RECV_ZC = 58
	// IORING_OP_EPOLL_WAIT is epoll_wait(2). Since 6.15.
	IORING_OP_EPOLL_WAIT = 59
	// IORING_OP_READV_FIXED is preadv(2) into a registered buffer. Since 6.15.
	IORING_OP_READV_FIXED = 60
	// IORING_OP_WRITEV_FIXED is pwritev(2) from a registered buffer. Since 6.15.
	IORING_OP_WRITEV_FIXED = 61
	// IORING_OP_PIPE is pipe2(2). Since 6.16.
	IORING_OP_PIPE = 62
	// IORING_OP_NOP128 is NOP in a 128 byte entry of a mixed ring. Since 6.19.
	IORING_OP_NOP128 = 63
	// IORING_OP_URING_CMD128 is URING_CMD in a 128 byte entry of a mixed ring. Since 6.19.
	IORING_OP_URING_CMD128 = 64
)

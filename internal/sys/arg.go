package sys

import "structs"

// GeteventsArg is struct io_uring_getevents_arg, the argument of enter with IORING_ENTER_EXT_ARG. 24 bytes.
type GeteventsArg struct {
	_ structs.HostLayout

	Sigmask     uint64 // pointer, 0: none
	SigmaskSz   uint32 // bytes
	MinWaitUsec uint32 // microseconds; must be 0 before 6.12
	Ts          uint64 // pointer to a Timespec, 0: wait forever
}

// Timespec is struct __kernel_timespec: 64 bit on every machine.
type Timespec struct {
	_ structs.HostLayout

	Sec  int64
	Nsec int64
}

// ProbeOp is struct io_uring_probe_op: what the kernel says about one operation.
type ProbeOp struct {
	_ structs.HostLayout

	Op    uint8
	Resv  uint8
	Flags uint16 // IO_URING_OP_SUPPORTED
	Resv2 uint32
}

// Probe is struct io_uring_probe with room for all operations, the argument of IORING_REGISTER_PROBE. It must be
// zero when it is passed in, with 256 as the number of arguments.
type Probe struct {
	_ structs.HostLayout

	LastOp uint8 // highest operation known
	OpsLen uint8 // entries filled in
	Resv   uint16
	Resv2  [3]uint32
	Ops    [256]ProbeOp
}

// RsrcUpdate is struct io_uring_rsrc_update, the argument of IORING_REGISTER_RING_FDS. 16 bytes.
type RsrcUpdate struct {
	_ structs.HostLayout

	Offset uint32 // in: slot, or all ones for any; out: the slot got
	Resv   uint32
	Data   uint64 // the descriptor
}

// Restriction is struct io_uring_restriction, an element of the argument of IORING_REGISTER_RESTRICTIONS. 16 bytes.
type Restriction struct {
	_ structs.HostLayout

	Opcode uint16 // IORING_RESTRICTION_*
	Arg    uint8  // register_op, sqe_op or sqe_flags
	Resv   uint8
	Resv2  [3]uint32
}

// SyncCancelReg is struct io_uring_sync_cancel_reg, the argument of IORING_REGISTER_SYNC_CANCEL. 64 bytes.
type SyncCancelReg struct {
	_ structs.HostLayout

	Addr    uint64 // user data to match
	Fd      int32
	Flags   uint32   // IORING_ASYNC_CANCEL_*
	Timeout Timespec // both -1: wait forever
	Opcode  uint8    // with IORING_ASYNC_CANCEL_OP, 6.6
	Pad     [7]uint8
	Pad2    [3]uint64
}

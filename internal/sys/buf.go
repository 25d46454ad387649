package sys

import "structs"

// Buf is struct io_uring_buf: one entry of a ring of provided buffers, 16 bytes.
//
// Resv of entry 0 is the tail of the ring. Never assign a whole Buf to entry 0.
type Buf struct {
	_ structs.HostLayout

	Addr uint64
	Len  uint32
	Bid  uint16 // buffer id, comes back in CQE.Flags
	Resv uint16
}

// BufReg is struct io_uring_buf_reg, the argument of IORING_REGISTER_PBUF_RING and its counterpart. 40 bytes.
type BufReg struct {
	_ structs.HostLayout

	RingAddr    uint64 // page aligned; 0 with IOU_PBUF_RING_MMAP
	RingEntries uint32 // power of two, 1..32768
	Bgid        uint16
	Flags       uint16 // IOU_PBUF_RING_*; must be 0 before 6.4
	Resv        [3]uint64
}

// BufStatus is struct io_uring_buf_status, the argument of IORING_REGISTER_PBUF_STATUS. 40 bytes.
type BufStatus struct {
	_ structs.HostLayout

	BufGroup uint32 // in
	Head     uint32 // out
	Resv     [8]uint32
}

package uring

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/sys"
)

// mapQueues maps the rings and the SQEs of a new ring and finds the fields in them by the kernel's offsets.
func (r *Ring) mapQueues(p *sys.Params) error {
	size := max(
		p.SQOff.Array+p.SQEntries*uint32(unsafe.Sizeof(uint32(0))),
		p.CQOff.Cqes+p.CQEntries*uint32(unsafe.Sizeof(CQE{})),
	)
	// Both rings share one mapping since 5.4 (IORING_FEAT_SINGLE_MMAP), older kernels are not served.
	ring, err := r.mmap(sys.IORING_OFF_SQ_RING, int(size))
	if err != nil {
		return err
	}
	sqes, err := r.mmap(sys.IORING_OFF_SQES, int(p.SQEntries)*int(unsafe.Sizeof(SQE{})))
	if err != nil {
		return err
	}
	r.sq = submissionQueue{
		khead: word(ring, p.SQOff.Head), ktail: word(ring, p.SQOff.Tail), kflags: word(ring, p.SQOff.Flags),
		entries: p.SQEntries, mask: *word(ring, p.SQOff.RingMask),
		// SAFETY: the mapping holds SQEntries entries and lives until Close.
		sqes: unsafe.Slice((*SQE)(unsafe.Pointer(&sqes[0])), p.SQEntries),
	}
	if p.Flags&sys.IORING_SETUP_NO_SQARRAY == 0 {
		// SAFETY: the array of SQEntries words starts at SQOff.Array, inside the mapping by its size above.
		r.sq.array = unsafe.Slice(word(ring, p.SQOff.Array), p.SQEntries)
		for i := range r.sq.array {
			r.sq.array[i] = uint32(i) // slot i always names SQE i, so it is written once
		}
	}
	r.cq = completionQueue{
		khead: word(ring, p.CQOff.Head), ktail: word(ring, p.CQOff.Tail), koverflow: word(ring, p.CQOff.Overflow),
		entries: p.CQEntries, mask: *word(ring, p.CQOff.RingMask),
		// SAFETY: the mapping holds CQEntries entries from CQOff.Cqes on and lives until Close.
		cqes: unsafe.Slice((*CQE)(unsafe.Pointer(&ring[p.CQOff.Cqes])), p.CQEntries),
	}
	return nil
}

// word gives the 32-bit field at an offset that the kernel named.
func word(ring []byte, offset uint32) *uint32 {
	// SAFETY: indexing checks the range, and the kernel aligns its fields to their size.
	return (*uint32)(unsafe.Pointer(&ring[offset]))
}

func (r *Ring) mmap(offset int64, length int) ([]byte, error) {
	m, err := sys.Mmap(r.fd, offset, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return nil, err
	}
	r.maps = append(r.maps, m)
	return m, nil
}

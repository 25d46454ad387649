package sys

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Mmap maps length bytes of fd from offset (an IORING_OFF_* of a ring) with PROT_* and MAP_*. The memory is not
// the garbage collector's: no slice of it may be used after [Munmap], which takes the very slice returned here.
func Mmap(fd int, offset int64, length int, prot, flags int) ([]byte, error) {
	b, err := unix.Mmap(fd, offset, length, prot, flags)
	if err != nil {
		return nil, fmt.Errorf("sys: mapping %d bytes of descriptor %d at %#x"+
			" (if memory is short, look at RLIMIT_AS and vm.max_map_count): %w", length, fd, offset, err)
	}
	return b, nil
}

// MmapAnon maps length zero bytes, private and readable and writable. Pages are not touched before they are used.
// The lifetime is that of [Mmap].
func MmapAnon(length int) ([]byte, error) {
	return Mmap(-1, 0, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
}

// Munmap unmaps what [Mmap] or [MmapAnon] returned. A part of it, or a second time, is EINVAL.
func Munmap(b []byte) error {
	if err := unix.Munmap(b); err != nil {
		return fmt.Errorf("sys: unmapping %d bytes (pass the slice that Mmap returned, once): %w", len(b), err)
	}
	return nil
}

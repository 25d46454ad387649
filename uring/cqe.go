package uring

import (
	"syscall"

	"github.com/ringport/ringport/internal/sys"
)

// CQE is one completion, copied out of the ring by Ring.Reap: the token of the request, its result (a count
// or a descriptor, or a negative errno) and flags. See io_uring(7).
type CQE sys.CQE

// More reports whether the request stays armed and will complete again. It is the only test for that.
func (c *CQE) More() bool { return c.Flags&sys.IORING_CQE_F_MORE != 0 }

// Buffer gives the number of the provided buffer that the kernel picked. Whoever sees ok owns that buffer,
// whatever Res says.
func (c *CQE) Buffer() (id uint16, ok bool) {
	return uint16(c.Flags >> sys.IORING_CQE_BUFFER_SHIFT), c.Flags&sys.IORING_CQE_F_BUFFER != 0
}

// NonEmpty reports whether the socket had more to read when this completion was made. Since 5.19.
func (c *CQE) NonEmpty() bool { return c.Flags&sys.IORING_CQE_F_SOCK_NONEMPTY != 0 }

// Errno gives the error of a failed request, and 0 for one that succeeded.
func (c *CQE) Errno() syscall.Errno {
	if c.Res >= 0 {
		return 0
	}
	return syscall.Errno(-c.Res)
}

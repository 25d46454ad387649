package ops

import (
	"syscall"
	"time"

	"github.com/ringport/ringport/internal/sys"
	"github.com/ringport/ringport/uring"
)

// WithFaults gives a PortConfig whose ring fails every second request of each of the opcodes with an errno, as if the
// kernel had done nothing. A request of ours must survive that: the kernel may always say that it was not the moment.
func WithFaults(c PortConfig, errno syscall.Errno, opcodes ...uint8) PortConfig {
	c.newRing = func(cfg uring.Config) (ring, error) {
		r, err := uring.New(cfg)
		if err != nil {
			return nil, err
		}
		f := &faultyRing{Ring: r, errno: errno, seen: map[uint8]int{}, failed: map[uint64]bool{}}
		for _, opcode := range opcodes {
			f.seen[opcode] = 0
		}
		return f, nil
	}
	return c
}

// faultyRing turns requests into ones that do nothing, and what they tell into an errno.
type faultyRing struct {
	*uring.Ring
	errno    syscall.Errno
	seen     map[uint8]int // requests of each opcode that is to fail
	prepared []*uring.SQE
	failed   map[uint64]bool // by user_data
}

func (r *faultyRing) NextSQE() *uring.SQE {
	sqe := r.Ring.NextSQE()
	if sqe != nil {
		r.prepared = append(r.prepared, sqe)
	}
	return sqe
}

func (r *faultyRing) Enter(wait uint32, timeout time.Duration) error {
	for _, sqe := range r.prepared {
		n, fails := r.seen[sqe.Opcode]
		if !fails {
			continue
		}
		r.seen[sqe.Opcode]++
		if n%2 == 0 {
			r.failed[sqe.UserData] = true
			*sqe = uring.SQE{Opcode: sys.IORING_OP_NOP, Fd: -1, UserData: sqe.UserData}
		}
	}
	r.prepared = r.prepared[:0]
	return r.Ring.Enter(wait, timeout)
}

func (r *faultyRing) Reap(out []uring.CQE) int {
	n := r.Ring.Reap(out)
	for i := range out[:n] {
		if c := &out[i]; r.failed[c.UserData] {
			delete(r.failed, c.UserData)
			c.Res, c.Flags = -int32(r.errno), 0
		}
	}
	return n
}

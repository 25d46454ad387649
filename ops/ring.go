package ops

import (
	"time"

	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/uring"
)

// ring is what a port needs of a ring: *uring.Ring in life, a scripted one in tests, a software one where there
// is no io_uring. Only the port's goroutine calls it, but for the buffer rings registered before Enable.
type ring interface {
	bufring.Registrar
	Enable() error
	Features() uring.Features
	NextSQE() *uring.SQE
	Enter(wait uint32, timeout time.Duration) error
	Unsubmitted() int
	Ready() int
	Idle() bool
	Reap(out []uring.CQE) int
	Stats() uring.Stats
	Close() error
}

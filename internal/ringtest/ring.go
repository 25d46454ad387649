package ringtest

import (
	"runtime"
	"testing"

	"github.com/ringport/ringport/uring"
)

// NewRing gives a ring that the test's goroutine owns: it stays locked to its thread, and the ring is closed, when the
// test ends. It skips or fails the test where there is none, as Require does. Only the test's own goroutine may call
// it.
func NewRing(t testing.TB, cfg uring.Config) *uring.Ring {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	ring, err := uring.New(cfg)
	if err != nil {
		giveUp(t, err)
	}
	t.Cleanup(func() {
		if err := ring.Close(); err != nil {
			t.Errorf("ringtest: the ring at the end of the test: %v", err)
		}
	})
	if err := ring.Enable(); err != nil {
		giveUp(t, err)
	}
	return ring
}

// Require skips the test where io_uring is refused, with the reason, and fails it where it should not be. Tests that
// make their rings through other packages begin with it.
func Require(t testing.TB) {
	t.Helper()
	if _, err := uring.Probe(); err != nil {
		giveUp(t, err)
	}
}

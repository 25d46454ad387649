package ringtest

import (
	"fmt"
	"runtime"
	"testing"
)

// record is a test that is watched by another: it keeps what would be reported.
type record struct {
	testing.TB
	cleanups []func()
	failure  string
	skip     string
}

// onRecord runs a test body on a goroutine of its own, with its cleanups, and gives what it reported.
func onRecord(t *testing.T, body func(testing.TB)) *record {
	r := &record{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for i := len(r.cleanups) - 1; i >= 0; i-- {
				r.cleanups[i]()
			}
		}()
		body(r)
	}()
	<-done
	return r
}

func (r *record) Helper()          {}
func (r *record) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *record) Errorf(format string, args ...any) { r.failure += fmt.Sprintf(format, args...) }

func (r *record) Fatalf(format string, args ...any) {
	r.failure += fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (r *record) Skipf(format string, args ...any) {
	r.skip += fmt.Sprintf(format, args...)
	runtime.Goexit()
}

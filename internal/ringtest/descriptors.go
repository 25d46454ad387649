package ringtest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ringport/ringport/uring"
)

// patience is how long descriptors have to go away after a test: some are closed by other goroutines.
const patience = 10 * time.Second

// Descriptors makes the test fail when, at its end, the process has other descriptors open than now. It is called
// first, so that it looks after all other cleanups; a test that uses it is not parallel, nor is any beside it. Only
// the first call in a test counts: a later one might take what is just being closed for what has to stay.
func Descriptors(t testing.TB) {
	t.Helper()
	if _, counted := compared.LoadOrStore(t, true); counted {
		return
	}
	t.Cleanup(func() { compared.Delete(t) })
	compareDescriptors(t, patience)
}

// compared holds the tests whose descriptors are compared at their end.
var compared sync.Map

func compareDescriptors(t testing.TB, patience time.Duration) {
	t.Helper()
	warmUp(t)
	before := descriptors(t)
	t.Cleanup(func() {
		t.Helper()
		deadline := time.NewTimer(patience)
		defer deadline.Stop()
		look := time.NewTicker(5 * time.Millisecond)
		defer look.Stop()
		for {
			after := descriptors(t)
			if len(after) == len(before) {
				return
			}
			select {
			case <-look.C:
			case <-deadline.C:
				t.Errorf("ringtest: %d descriptors are open where %d were; new: %v, gone: %v",
					len(after), len(before), beyond(after, before), beyond(before, after))
				return
			}
		}
	})
}

// descriptors lists what the process has open: number and target.
func descriptors(t testing.TB) map[string]string {
	t.Helper()
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatalf("ringtest: %v; is /proc mounted?", err)
	}
	open := make(map[string]string, len(entries))
	for _, entry := range entries {
		// The descriptor of the folder itself is closed again, and has no target any more.
		if target, err := os.Readlink(filepath.Join(dir, entry.Name())); err == nil {
			open[entry.Name()] = target
		}
	}
	return open
}

// beyond lists what is in a and not in b.
func beyond(a, b map[string]string) (list []string) {
	for _, number := range slices.Sorted(maps.Keys(a)) {
		if b[number] != a[number] {
			list = append(list, fmt.Sprintf("%s -> %s", number, a[number]))
		}
	}
	return list
}

var warmUpOnce sync.Once

// warmUp makes the Go runtime open what it keeps for itself, an epoll and an eventfd descriptor, and runs the self-test
// of the rings, which opens some for a moment.
func warmUp(t testing.TB) {
	t.Helper()
	warmUpOnce.Do(func() {
		reader, writer, err := os.Pipe()
		if err != nil {
			t.Fatalf("ringtest: %v", err)
		}
		// A deadline works only on what the runtime's poller watches.
		if err := reader.SetReadDeadline(time.Now()); err != nil {
			t.Fatalf("ringtest: the runtime's poller: %v", err)
		}
		_ = reader.Close()
		_ = writer.Close()
		_, _ = uring.Probe()
	})
}

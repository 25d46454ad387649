package uring_test

import (
	"bytes"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/uring"
)

func TestAGCStormDoesNotDisturbABlockingWait(t *testing.T) {
	var collections atomic.Int32
	storm(t, func() {
		runtime.GC()
		collections.Add(1)
	}, func(uring.Stats) bool { return collections.Load() >= 20 })
}

func TestASignalStormDoesNotDisturbABlockingWait(t *testing.T) {
	process, owner := unix.Getpid(), 0
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	owner = unix.Gettid()
	// SIGURG is what the Go runtime preempts with, so it is ignored but for the interruption.
	storm(t, func() { _ = unix.Tgkill(process, owner, unix.SIGURG) },
		func(s uring.Stats) bool { return s.Interrupts >= 20 })
}

// storm receives a stream with blocking enters while blow is called over and over, and goes on, waiting for what
// does not come, until enough is seen.
func storm(t *testing.T, blow func(), enough func(uring.Stats) bool) {
	t.Helper()
	ring := ringtest.NewRing(t, uring.Config{Entries: 8, CQEntries: 16})
	near, far := socketPair(t)
	stop := make(chan struct{})
	var others sync.WaitGroup
	defer others.Wait()
	defer close(stop)
	others.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				blow()
				runtime.Gosched() // the owner needs a processor, too
			}
		}
	})
	data := bytes.Repeat([]byte("0123456789abcdef"), 4096)
	others.Go(func() {
		for rest := data; len(rest) > 0; rest = rest[256:] {
			if _, err := unix.Write(far, rest[:256]); err != nil {
				t.Error(err)
				return
			}
			runtime.Gosched()
		}
	})

	got := make([]byte, 0, len(data))
	buf := make([]byte, 1000)
	var cqe [1]uring.CQE
	for len(got) < len(data) {
		ring.NextSQE().PrepRecv(near, buf, 0, 1)
		for ring.Reap(cqe[:]) == 0 {
			require.NoError(t, ring.Enter(1, -1))
		}
		require.Positive(t, cqe[0].Res)
		got = append(got, buf[:cqe[0].Res]...)
	}
	require.True(t, bytes.Equal(data, got))
	for !enough(ring.Stats()) {
		require.NoError(t, ring.Enter(1, time.Millisecond))
	}
	require.Zero(t, ring.Ready())
}

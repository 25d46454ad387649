package uring_test

import (
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/internal/sys"
	"github.com/ringport/ringport/uring"
)

// elsewhere runs f on a thread of its own and waits for it. The thread ends with f.
func elsewhere(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		f()
	}()
	<-done
}

func TestOnlyTheOwnerMayEnter(t *testing.T) {
	tests := []struct {
		name    string
		without uring.Flag
	}{
		{"full speed", 0},
		{"COOP_TASKRUN", uring.FlagDeferTaskrun},
		{"a kernel that lets everybody in", uring.FlagSingleIssuer},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ring := ringtest.NewRing(t, uring.Config{Entries: 8, CQEntries: 8, Without: test.without})
			nops(ring, 1, 1)
			for _, wait := range []uint32{0, 1} {
				var err error
				elsewhere(func() { err = ring.Enter(wait, 0) })
				require.ErrorIs(t, err, syscall.EEXIST)
				require.ErrorContains(t, err, "only the goroutine that enabled the ring may enter it")
			}
			require.Equal(t, []uint64{1}, tokens(collect(t, ring, 1)), "the owner is not disturbed")
		})
	}
}

func TestARingIsHandedOverByEnable(t *testing.T) {
	ringtest.Descriptors(t)
	ringtest.Require(t)
	var ring *uring.Ring
	onThread(t, "one creates it", func(t *testing.T) {
		var err error
		ring, err = uring.New(uring.Config{})
		require.NoError(t, err)
	})
	onThread(t, "another gives it buffers", func(t *testing.T) {
		buffers, err := uring.NewBuffers(ring)
		require.NoError(t, err)
		buffers.Close()
	})
	onThread(t, "the owner enables it", func(t *testing.T) {
		t.Cleanup(func() { require.NoError(t, ring.Close()) })
		require.NoError(t, ring.Enable())
		exercise(t, ring)
	})
}

// onThread runs a part of a test on a thread of its own, which ends with it.
func onThread(t *testing.T, name string, part func(*testing.T)) {
	t.Helper()
	require.True(t, t.Run(name, func(t *testing.T) {
		runtime.LockOSThread() // and never unlock it
		part(t)
	}))
}

func TestRegisteringFromElsewhereSaysWhy(t *testing.T) {
	ring := ringtest.NewRing(t, uring.Config{Entries: 8, CQEntries: 8})
	var err error
	elsewhere(func() { _, err = uring.NewBuffers(ring) })
	require.ErrorIs(t, err, syscall.EEXIST)
	require.ErrorContains(t, err, "not the goroutine that enabled the ring")
	elsewhere(func() { err = ring.UnregisterBufferRing(uring.TrialGroup) })
	require.ErrorIs(t, err, syscall.EEXIST)
}

func TestARingIsEnteredOnlyWhenEnabled(t *testing.T) {
	ringtest.Require(t)
	ring, err := uring.New(uring.Config{})
	require.NoError(t, err)
	defer ring.Close()
	nops(ring, 1, 1)
	err = ring.Enter(0, 0)
	require.ErrorIs(t, err, syscall.EBADFD)
	require.ErrorContains(t, err, "call Enable first")
}

func TestARingIsEnabledOnce(t *testing.T) {
	ring := ringtest.NewRing(t, uring.Config{})
	require.ErrorContains(t, ring.Enable(), "has an owner already")
	exercise(t, ring)
}

func TestAFailedEnableNamesTheCause(t *testing.T) {
	ringtest.Require(t)
	ring, err := uring.New(uring.Config{})
	require.NoError(t, err)
	defer ring.Close()
	refuseRegister(t, sys.IORING_REGISTER_ENABLE_RINGS, syscall.EACCES)
	err = ring.Enable()
	require.ErrorIs(t, err, syscall.EACCES)
	require.ErrorContains(t, err, "uring: register enable: ")
}

func TestCloseIsIdempotent(t *testing.T) {
	ringtest.Descriptors(t)
	ring := ringtest.NewRing(t, uring.Config{})
	require.NoError(t, ring.Close())
	require.NoError(t, ring.Close())

	unused, err := uring.New(uring.Config{})
	require.NoError(t, err)
	require.NoError(t, unused.Close(), "also without an owner")
	require.NoError(t, unused.Close())
}

func TestCloseCancelsWhatIsInFlight(t *testing.T) {
	ringtest.Descriptors(t)
	ring := ringtest.NewRing(t, uring.Config{})
	near, far := socketPair(t)
	buf := make([]byte, 1)
	ring.NextSQE().PrepRecv(near, buf, 0, 1)
	require.NoError(t, ring.Enter(0, 0))
	require.NoError(t, ring.Close())
	require.NoError(t, unix.Close(near))
	n, err := unix.Read(far, make([]byte, 1)) // blocks while a request holds the near end open
	require.NoError(t, err)
	require.Zero(t, n)
	require.Zero(t, buf[0])
}

func TestARegisteredDescriptorIsGivenBack(t *testing.T) {
	for i := range 40 { // a thread has 16 places
		ring := ringtest.NewRing(t, uring.Config{Entries: 8, CQEntries: 8})
		require.True(t, ring.Features().RegisteredFD, "ring %d", i)
		require.NoError(t, ring.Close())
	}
}

func TestARingWorksWithoutARegisteredDescriptor(t *testing.T) {
	ringtest.Require(t)
	refuseRegister(t, sys.IORING_REGISTER_RING_FDS, syscall.EINVAL)
	ring := ringtest.NewRing(t, uring.Config{Entries: 8, CQEntries: 32})
	require.False(t, ring.Features().RegisteredFD)
	exercise(t, ring)
}

func TestManyRingsFitOnOneThread(t *testing.T) {
	ringtest.Descriptors(t)
	var rings []*uring.Ring
	for range 20 { // the last ones find no place for their descriptors
		rings = append(rings, ringtest.NewRing(t, uring.Config{Entries: 8, CQEntries: 8}))
	}
	require.False(t, rings[19].Features().RegisteredFD)
	for i, ring := range rings {
		nops(ring, uint64(i), 1)
		require.EqualValues(t, i, one(t, ring).UserData)
	}
}

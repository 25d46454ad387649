package uring_test

import (
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/uring"
)

// The kernel charges rings to the user, so each part of these tests is a user of its own, where the test may choose
// one, on a thread of its own.

func TestWithoutLockedMemoryThereIsNoRing(t *testing.T) {
	ringtest.Require(t)
	limitMemlock(t, 0)
	asUser(t, 60_001, func(t *testing.T) {
		cfg := uring.Config{}
		_, err := uring.New(cfg)
		require.ErrorIs(t, err, syscall.ENOMEM)
		require.ErrorContains(t, err, fmt.Sprintf("it needs %d bytes of the locked memory of this user, "+
			"whose limit is 0 bytes; raise the limit (ulimit -l", cfg.MemlockBytes()))
	})
}

func TestMemlockBytesIsWhatTheKernelCharges(t *testing.T) {
	ringtest.Require(t)
	if os.Geteuid() != 0 {
		t.Skip("other rings of this user are charged, too; as root the test chooses users of its own")
	}
	cfg := uring.Config{Entries: 256, CQEntries: 4096}
	limitMemlock(t, cfg.MemlockBytes())
	asUser(t, 60_002, func(t *testing.T) {
		ring, err := uring.New(cfg)
		require.NoError(t, err)
		defer ring.Close()
		require.EqualValues(t, 256, ring.Features().SQEntries)
		require.EqualValues(t, 4096, ring.Features().CQEntries)

		_, err = uring.NewBuffers(ring) // one more page
		var setup *uring.SetupError
		require.ErrorAs(t, err, &setup)
		require.ErrorIs(t, err, syscall.ENOMEM)
		require.ErrorContains(t, err, "uring: register buffer ring: ")
		require.ErrorContains(t, err, "ulimit -l")
	})
	limitMemlock(t, cfg.MemlockBytes()-1)
	asUser(t, 60_003, func(t *testing.T) {
		ring, err := uring.New(cfg)
		require.NoError(t, err)
		defer ring.Close()
		require.EqualValues(t, 128, ring.Features().SQEntries, "half of it fits")
		require.EqualValues(t, 2048, ring.Features().CQEntries)
	})
}

func TestMemlockBytesCountsPages(t *testing.T) {
	page := uint64(os.Getpagesize())
	require.Equal(t, 2*page, uring.Config{Entries: 1, CQEntries: 1}.MemlockBytes())
	require.Equal(t, uring.Config{Entries: 256, CQEntries: 4096}.MemlockBytes(), uring.Config{}.MemlockBytes())
	require.Equal(t, uring.Config{Entries: 128, CQEntries: 1024}.MemlockBytes(),
		uring.Config{Entries: 100, CQEntries: 1000}.MemlockBytes(), "the kernel rounds up")
	require.Less(t, 8*uring.Config{}.MemlockBytes(), uint64(8<<20), "many default rings fit in the usual 8 MiB")
}

// limitMemlock sets this process's limit on locked memory until the test ends.
func limitMemlock(t *testing.T, bytes uint64) {
	t.Helper()
	var before unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_MEMLOCK, &before))
	limit := unix.Rlimit{Cur: bytes, Max: before.Max}
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_MEMLOCK, &limit))
	t.Cleanup(func() { require.NoError(t, unix.Setrlimit(unix.RLIMIT_MEMLOCK, &before)) })
}

// asUser runs a part of a test on a thread of its own without CAP_IPC_LOCK: as the user where root may choose one,
// otherwise as whoever runs the test.
func asUser(t *testing.T, uid uintptr, part func(*testing.T)) {
	t.Helper()
	onThread(t, fmt.Sprintf("user %d", uid), func(t *testing.T) {
		if os.Geteuid() == 0 {
			// The system call itself, since package syscall's function is for all threads.
			_, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uid, uid, uid)
			if errno == syscall.EINVAL {
				t.Skip("this user namespace has one user only")
			}
			require.Zero(t, errno)
		}
		part(t)
	})
}

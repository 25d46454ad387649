package uring_test

import (
	"errors"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/uring"
)

// A container's seccomp profile, on one thread: it refuses a system call with an errno and allows all others.
func TestASeccompFilterIsNamed(t *testing.T) {
	ringtest.Require(t)
	onThread(t, "a thread with a filter", func(t *testing.T) {
		refuseSystemCall(t, unix.SYS_IO_URING_SETUP, syscall.EPERM)
		_, err := uring.New(uring.Config{})
		require.ErrorIs(t, err, errors.ErrUnsupported)
		require.ErrorIs(t, err, syscall.EPERM)
		require.ErrorContains(t, err, "the seccomp profile of this process refuses io_uring")
		require.ErrorContains(t, err, "docker run --security-opt seccomp=deploy/seccomp.json ringport")
	})
	onThread(t, "a thread without one", func(t *testing.T) {
		ring, err := uring.New(uring.Config{})
		require.NoError(t, err)
		require.NoError(t, ring.Close())
	})
}

func TestAFilterThatHidesTheSystemCallIsNamed(t *testing.T) {
	onThread(t, "a thread with a filter", func(t *testing.T) {
		refuseSystemCall(t, unix.SYS_IO_URING_SETUP, syscall.ENOSYS)
		_, err := uring.New(uring.Config{})
		require.ErrorIs(t, err, errors.ErrUnsupported)
		require.ErrorIs(t, err, syscall.ENOSYS)
		require.ErrorContains(t, err, "the seccomp profile of this process hides io_uring")
		require.ErrorContains(t, err, "docker run --security-opt seccomp=deploy/seccomp.json ringport")
	})
}

func TestAFilterThatForgetsARegisterIsNamed(t *testing.T) {
	ringtest.Require(t)
	onThread(t, "a thread with a filter", func(t *testing.T) {
		ringtest.Descriptors(t)
		refuseSystemCall(t, unix.SYS_IO_URING_REGISTER, syscall.EPERM)
		_, err := uring.New(uring.Config{})
		require.ErrorIs(t, err, syscall.EPERM)
		require.ErrorContains(t, err, "refuses io_uring_register; allow it there")
	})
}

// refuseSystemCall installs a filter on the calling thread, for as long as it lives.
func refuseSystemCall(t *testing.T, number uint32, errno syscall.Errno) {
	t.Helper()
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the system call's number
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: number},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	require.NoError(t, unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	require.NoError(t, unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER,
		uintptr(unsafe.Pointer(program)), 0, 0))
}

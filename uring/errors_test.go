package uring_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/uring"
)

func TestSetupErrorSaysWhyAndWhatToDo(t *testing.T) {
	tests := []struct {
		errno       syscall.Errno
		refusals    int  // how often the kernel says so
		unsupported bool // matches errors.ErrUnsupported
		cause, mend string
	}{
		{syscall.EPERM, 1, true, "", "io_uring"},
		{syscall.EACCES, 1, true, "", "io_uring"},
		{syscall.ENOSYS, 1, true, "built without io_uring", "CONFIG_IO_URING"},
		{syscall.EINVAL, 50, true, "too old", "5.19 or newer"},
		{syscall.ENOMEM, 50, false, "locked memory", "ulimit -l"},
		{syscall.EMFILE, 1, false, "no file descriptor is free", "ulimit -n"},
		{syscall.ENFILE, 1, false, "no file descriptor is free", "LimitNOFILE="},
		{syscall.EFAULT, 1, false, "unexpected", "io_uring_setup(2)"},
	}
	for _, test := range tests {
		t.Run(unix.ErrnoName(test.errno), func(t *testing.T) {
			scriptSetups(t, repeat(test.errno, test.refusals)...)
			ring, err := uring.New(uring.Config{})
			require.Nil(t, ring)
			require.ErrorIs(t, err, test.errno)
			require.Equal(t, test.unsupported, errors.Is(err, errors.ErrUnsupported))
			var setup *uring.SetupError
			require.ErrorAs(t, err, &setup)
			require.Equal(t, test.errno, setup.Errno)
			require.NotEmpty(t, setup.Cause)
			require.Contains(t, setup.Cause, test.cause)
			require.Contains(t, setup.Mend, test.mend)
			require.Equal(t, fmt.Sprintf("uring: io_uring_setup: %v: %s; %s", test.errno, setup.Cause, setup.Mend),
				err.Error())
		})
	}
}

func TestARefusalNamesWhoRefuses(t *testing.T) {
	tests := []struct {
		name            string
		sysctl, seccomp string
		cause, mend     string
	}{
		{"sysctl for everyone", "2", "0", "kernel.io_uring_disabled is 2", "sysctl -w kernel.io_uring_disabled=0"},
		{"sysctl for users", "1", "0", "kernel.io_uring_disabled is 1", "kernel.io_uring_group"},
		{"sysctl comes before seccomp", "2", "2", "kernel.io_uring_disabled is 2", "sysctl"},
		{"seccomp", "0", "2", "seccomp profile", "--security-opt seccomp=deploy/seccomp.json ringport"},
		{"seccomp of a unit", "0", "2", "seccomp profile", "SystemCallFilter=@aio"},
		{"seccomp, before 6.6", "", "2", "seccomp profile", "io_uring_setup, io_uring_enter and io_uring_register"},
		{"nobody is seen", "0", "0", "SELinux", "io_uring_setup, io_uring_enter and io_uring_register"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cause, mend := uring.Refusal(test.sysctl, test.seccomp)
			require.Contains(t, cause, test.cause)
			require.Contains(t, mend, test.mend)
		})
	}
}

func TestWhatIsMissingIsLikelierHiddenByAFilter(t *testing.T) {
	const kernel = "CONFIG_IO_URING"
	cause, mend := uring.Absence("2")
	require.Regexp(t, `seccomp profile.*hides io_uring.*built without io_uring`, cause)
	require.Contains(t, mend, "--security-opt seccomp=deploy/seccomp.json ringport")
	require.Contains(t, mend, kernel)
	cause, mend = uring.Absence("0")
	require.NotContains(t, cause+mend, "seccomp")
	require.Contains(t, mend, kernel)
}

func TestTheMendNamesTheProfileThatIsThere(t *testing.T) {
	_, mend := uring.Refusal("0", "2")
	profile := regexp.MustCompile(`seccomp=(\S+)`).FindStringSubmatch(mend)
	require.NotNil(t, profile)
	require.FileExists(t, filepath.Join("..", profile[1]))
}

func TestFeatureErrorNamesTheKernel(t *testing.T) {
	var err error = &uring.FeatureError{Name: "buffer rings", MinKernel: "5.19"}
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.EqualError(t, err, "uring: not supported here: buffer rings; it needs kernel 5.19 or newer")
	require.False(t, errors.Is(err, syscall.EPERM))
}

func TestErrorsAreFoundAsValuesAndAsPointers(t *testing.T) {
	feature := uring.FeatureError{Name: "buffer rings", MinKernel: "5.19"}
	setup := uring.SetupError{Errno: syscall.EPERM, Cause: "the cause", Mend: "the mend"}
	requireFound(t, feature)
	requireFound(t, setup)
	var other *uring.SetupError
	require.False(t, errors.As(feature, &other))
}

// requireFound shows that errors.As finds an error as a value and as a pointer, whichever of both it is.
func requireFound[E error, P interface {
	*E
	error
}](t *testing.T, want E) {
	t.Helper()
	for _, err := range []error{want, P(&want), fmt.Errorf("outer: %w", want), fmt.Errorf("outer: %w", P(&want))} {
		var value E
		var pointer P
		require.ErrorIs(t, err, errors.ErrUnsupported)
		require.ErrorAs(t, err, &value)
		require.ErrorAs(t, err, &pointer)
		require.Equal(t, want, value)
		require.Equal(t, want, *pointer)
	}
}

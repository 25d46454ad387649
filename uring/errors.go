package uring

import (
	"cmp"
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrLost means that the kernel dropped completions for want of memory (EBADR): operations exist whose end
// will never be reported. The ring must be closed. See io_uring_enter(2).
var ErrLost = errors.New("uring: the kernel ran out of memory and dropped completions; " +
	"the ring cannot be trusted any more, close it")

// SetupError says why no ring, or no buffer ring, could be created, what the likely cause is and how to mend it.
// It unwraps to the errno of the system call, and matches errors.ErrUnsupported when the kernel or a policy refuses
// rings. This package returns pointers; errors.As finds a pointer and a value alike.
type SetupError struct {
	Errno syscall.Errno // what the kernel gave
	Cause string        // the likely cause
	Mend  string        // what to do about it

	call string // what failed, if not io_uring_setup
}

// Error names the failure, its likely cause and the mend in one line.
func (e SetupError) Error() string {
	return fmt.Sprintf("uring: %s: %v: %s; %s", cmp.Or(e.call, "io_uring_setup"), e.Errno, e.Cause, e.Mend)
}

// Unwrap gives the errno.
func (e SetupError) Unwrap() error { return e.Errno }

// Is makes a refused or missing io_uring match errors.ErrUnsupported.
func (e SetupError) Is(target error) bool {
	if target != errors.ErrUnsupported {
		return false
	}
	switch e.Errno {
	case syscall.EPERM, syscall.EACCES, syscall.ENOSYS, syscall.EINVAL:
		return true
	}
	return false
}

// As fills in a SetupError, or a pointer to one, whichever of both the error is.
func (e SetupError) As(target any) bool { return fill(e, target) }

// FeatureError says that the running kernel lacks something, and the kernel that brought it. It matches
// errors.ErrUnsupported. This package returns pointers; errors.As finds a pointer and a value alike.
type FeatureError struct {
	Name      string // what is missing, as in Features
	MinKernel string // first mainline kernel that has it, such as "6.0"
}

// Error names the feature and the kernel that brought it.
func (e FeatureError) Error() string {
	return fmt.Sprintf("uring: not supported here: %s; it needs kernel %s or newer", e.Name, e.MinKernel)
}

// Is makes every FeatureError match errors.ErrUnsupported.
func (e FeatureError) Is(target error) bool { return target == errors.ErrUnsupported }

// As fills in a FeatureError, or a pointer to one, whichever of both the error is.
func (e FeatureError) As(target any) bool { return fill(e, target) }

// fill puts an error into the target of errors.As, which asks when the types are not the same.
func fill[E any](e E, target any) bool {
	switch t := target.(type) {
	case *E:
		*t = e
	case **E:
		*t = &e
	default:
		return false
	}
	return true
}

// enterError wraps an errno of io_uring_enter that has no rule of its own. To another thread than the owner's the
// kernel says EEXIST, or, since its registered descriptor means nothing there, EINVAL or EBADF: all are EEXIST here.
func (r *Ring) enterError(errno syscall.Errno) error {
	if r.owner != 0 && r.owner != unix.Gettid() {
		errno = syscall.EEXIST
	}
	cause := "the ring is closed or was damaged"
	switch errno {
	case syscall.EEXIST:
		cause = "only the goroutine that enabled the ring may enter it, locked to its thread (runtime.LockOSThread)"
	case syscall.EBADFD:
		cause = "the ring was not enabled; its owner must call Enable first"
	}
	return fmt.Errorf("uring: io_uring_enter: %w: %s", errno, cause)
}

// registerError wraps an errno of io_uring_register for the thing that was to be registered.
func registerError(what string, errno syscall.Errno) error {
	var cause string
	switch errno {
	case syscall.EEXIST:
		cause = ": it exists already, or the caller is not the goroutine that enabled the ring"
	case syscall.EPERM, syscall.EACCES:
		cause = ": a security policy (seccomp, SELinux, AppArmor) refuses io_uring_register; allow it there"
	}
	return fmt.Errorf("uring: register %s: %w%s", what, errno, cause)
}

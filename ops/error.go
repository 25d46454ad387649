package ops

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"syscall"
)

// The kinds of misuse that a start answers with a result instead of a panic. Test for them with errors.Is. What was
// closed matches net.ErrClosed.
var (
	// ErrArgument says that the op, or an argument, makes no sense: both buffers set, no endpoint.
	ErrArgument = errors.New("ops: invalid argument")
	// ErrState says that the socket is not in a state for this: not bound, not listening, already listening.
	ErrState = errors.New("ops: invalid state")
	// ErrUnsupported says that this is not supported here; it matches errors.ErrUnsupported as well.
	ErrUnsupported = fmt.Errorf("ops: %w", errors.ErrUnsupported)
)

// Error is the failure of one operation; Op.Err returns nothing else. errors.Is finds the errno in it, as well as
// [ErrArgument], [ErrState], [ErrUnsupported] and net.ErrClosed where they apply, and os.ErrDeadlineExceeded for
// TimedOut. Errors are shared between operations, so that failing allocates nothing: do not write to one.
type Error struct {
	Op          Operation     // what failed; None when it was no operation of an op
	SocketError SocketError   // .NET's name for the failure
	Errno       syscall.Errno // the kernel's name for it; 0 when the kernel was not asked

	cause  error  // the sentinel that it matches beside the errno, or nil
	detail string // what to say instead of the errno's text, or ""
}

// Error returns one line such as "ops: receive: connection reset by peer (ConnectionReset)".
func (e *Error) Error() string {
	prefix := "ops: "
	if e.Op != None {
		prefix += e.Op.phrase() + ": "
	}
	switch {
	case e.Errno == 0 && e.detail == "":
		return prefix + e.SocketError.String()
	case e.Errno == 0:
		return prefix + e.detail
	case e.detail == "":
		return prefix + e.Errno.Error() + " (" + e.SocketError.String() + ")"
	}
	return prefix + e.detail + " (" + e.SocketError.String() + ")"
}

// Unwrap returns the errno, or the sentinel of a failure that the kernel has no part in.
func (e *Error) Unwrap() error {
	if e.Errno != 0 {
		return e.Errno
	}
	return e.cause
}

// Is reports whether e matches target in a way that Unwrap does not show: as its sentinel, or as a passed deadline.
func (e *Error) Is(target error) bool {
	if target == os.ErrDeadlineExceeded {
		return e.Timeout()
	}
	return e.cause != nil && errors.Is(e.cause, target)
}

// Timeout reports whether time ran out, as net.Error asks it.
func (e *Error) Timeout() bool {
	return e.SocketError == TimedOut
}

// errnoCount is one more than EHWPOISON, the last errno that Linux has.
const errnoCount = 134

// internedErrors holds each error of errorOf once it has occurred. Whoever is first fills the cell.
var internedErrors [operationCount][errnoCount]atomic.Pointer[Error]

// errorOf returns the error for an errno, nil for 0. It allocates the first time that an operation fails with this
// errno, and each time for numbers that are no errno.
func errorOf(op Operation, errno syscall.Errno) error {
	switch {
	case errno == 0:
		return nil
	case errno >= errnoCount:
		return newError(op, errno)
	}
	cell := &internedErrors[op][errno]
	if e := cell.Load(); e != nil {
		return e
	}
	cell.CompareAndSwap(nil, newError(op, errno))
	return cell.Load()
}

func newError(op Operation, errno syscall.Errno) *Error {
	return &Error{Op: op, SocketError: SocketErrorOf(errno), Errno: errno}
}

// abortedError returns the error of an operation that was cancelled. It does not match net.ErrClosed.
func abortedError(op Operation) error {
	return errorOf(op, syscall.ECANCELED)
}

// closedErrors holds the error of closedError for each operation.
var closedErrors = newClosedErrors()

func newClosedErrors() (all [operationCount]*Error) {
	for op := range all {
		e := newError(Operation(op), syscall.ECANCELED)
		e.cause, e.detail = net.ErrClosed, "use of a closed op, socket or port"
		all[op] = e
	}
	return all
}

// closedError returns the error of an operation whose op, socket or port is closed, or was closed under it: an aborted
// operation that matches net.ErrClosed as well. It does not allocate.
func closedError(op Operation) error {
	return closedErrors[op]
}

// argumentError returns an error that matches ErrArgument. It allocates: keep it in a variable where that matters.
func argumentError(op Operation, detail string) error {
	return &Error{Op: op, SocketError: InvalidArgument, cause: ErrArgument, detail: detail}
}

// stateError returns an error that matches ErrState. It allocates: keep it in a variable where that matters.
func stateError(op Operation, detail string) error {
	return &Error{Op: op, SocketError: InvalidArgument, cause: ErrState, detail: detail}
}

// unsupportedError returns an error that matches ErrUnsupported. It allocates: keep it in a variable where that
// matters.
func unsupportedError(op Operation, detail string) error {
	return &Error{Op: op, SocketError: OperationNotSupported, cause: ErrUnsupported, detail: detail}
}

// asError makes an *Error of err, whatever it is; nil of nil. It allocates only for what is none.
func asError(op Operation, err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := err.(*Error); ok {
		return e
	}
	e := &Error{Op: op, SocketError: Unspecified, cause: err, detail: err.Error()}
	if errors.As(err, &e.Errno) {
		e.SocketError = SocketErrorOf(e.Errno)
	}
	return e
}

// withOperation returns err as the failure of op. An *Error that names no operation, as the sockaddr functions give
// them, is copied; any other error comes back as it is.
func withOperation(op Operation, err error) error {
	e, ok := err.(*Error)
	if !ok || e.Op != None {
		return err
	}
	named := *e
	named.Op = op
	return &named
}

package ops_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
)

// errorTargets is what somebody may ask an error for.
var errorTargets = map[string]error{
	"ECONNRESET":          syscall.ECONNRESET,
	"ECANCELED":           syscall.ECANCELED,
	"ETIMEDOUT":           syscall.ETIMEDOUT,
	"EAGAIN":              syscall.EAGAIN,
	"EACCES":              syscall.EACCES,
	"ENOENT":              syscall.ENOENT,
	"EOPNOTSUPP":          syscall.EOPNOTSUPP,
	"EINVAL":              syscall.EINVAL,
	"ENOMEM":              syscall.ENOMEM,
	"ErrArgument":         ops.ErrArgument,
	"ErrState":            ops.ErrState,
	"ErrUnsupported":      ops.ErrUnsupported,
	"errors.Unsupported":  errors.ErrUnsupported,
	"net.ErrClosed":       net.ErrClosed,
	"fs.ErrPermission":    fs.ErrPermission,
	"fs.ErrNotExist":      fs.ErrNotExist,
	"os.DeadlineExceeded": os.ErrDeadlineExceeded,
	"context.Canceled":    context.Canceled,
	"context.Deadline":    context.DeadlineExceeded,
}

func TestErrorsMatchTheirCauseAndNothingElse(t *testing.T) {
	cases := []struct {
		name    string
		err     error
		code    ops.SocketError
		matches []string
	}{
		{"reset", ops.ErrorOf(ops.Receive, syscall.ECONNRESET), ops.ConnectionReset, []string{"ECONNRESET"}},
		{
			"timed out", ops.ErrorOf(ops.Connect, syscall.ETIMEDOUT), ops.TimedOut,
			[]string{"ETIMEDOUT", "os.DeadlineExceeded"},
		},
		{"would block", ops.ErrorOf(ops.Send, syscall.EAGAIN), ops.WouldBlock, []string{"EAGAIN"}},
		{
			"permission", ops.ErrorOf(ops.SendTo, syscall.EACCES), ops.AccessDenied,
			[]string{"EACCES", "fs.ErrPermission"},
		},
		{
			"no such socket", ops.ErrorOf(ops.Connect, syscall.ENOENT), ops.AddressNotAvailable,
			[]string{"ENOENT", "fs.ErrNotExist"},
		},
		{
			"not supported by the kernel", ops.ErrorOf(ops.Send, syscall.EOPNOTSUPP), ops.OperationNotSupported,
			[]string{"EOPNOTSUPP", "errors.Unsupported"},
		},
		{"no name", ops.ErrorOf(ops.Send, syscall.ENOMEM), ops.Unspecified, []string{"ENOMEM"}},
		{"aborted", ops.AbortedError(ops.Receive), ops.OperationAborted, []string{"ECANCELED"}},
		{"closed", ops.ClosedError(ops.Receive), ops.OperationAborted, []string{"ECANCELED", "net.ErrClosed"}},
		{"argument", ops.ArgumentError(ops.Accept, "x"), ops.InvalidArgument, []string{"ErrArgument"}},
		{"state", ops.StateError(ops.Accept, "x"), ops.InvalidArgument, []string{"ErrState"}},
		{
			"unsupported", ops.UnsupportedError(ops.Accept, "x"), ops.OperationNotSupported,
			[]string{"ErrUnsupported", "errors.Unsupported"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var e *ops.Error
			require.ErrorAs(t, c.err, &e)
			require.Equal(t, c.code, e.SocketError)
			require.Equal(t, c.code == ops.TimedOut, e.Timeout())
			wrapped := fmt.Errorf("outer: %w", c.err)
			for name, target := range errorTargets {
				require.Equal(t, slices.Contains(c.matches, name), errors.Is(c.err, target), name)
				require.Equal(t, slices.Contains(c.matches, name), errors.Is(wrapped, target), name)
			}
		})
	}
}

func TestErrorsReadAsOneLine(t *testing.T) {
	cases := []struct {
		err  error
		want string
	}{
		{ops.ErrorOf(ops.Receive, syscall.ECONNRESET), "ops: receive: connection reset by peer (ConnectionReset)"},
		{ops.ErrorOf(ops.None, syscall.EADDRINUSE), "ops: address already in use (AddressAlreadyInUse)"},
		{ops.ErrorOf(ops.SendTo, syscall.ENOMEM), "ops: send to: cannot allocate memory (Unspecified)"},
		{ops.ErrorOf(ops.Send, 4095), "ops: send: errno 4095 (Unspecified)"},
		{ops.AbortedError(ops.ReceiveFrom), "ops: receive from: operation canceled (OperationAborted)"},
		{ops.ClosedError(ops.Connect), "ops: connect: use of a closed op, socket or port (OperationAborted)"},
		{ops.ArgumentError(ops.Accept, "no list here"), "ops: accept: no list here"},
		{ops.StateError(ops.Accept, "not listening"), "ops: accept: not listening"},
		{ops.UnsupportedError(ops.SendPackets, "no connection"), "ops: send packets: no connection"},
		{&ops.Error{Op: ops.Connect, SocketError: ops.HostNotFound}, "ops: connect: HostNotFound"},
		{&ops.Error{Op: 200, SocketError: ops.Fault}, "ops: Operation(200): Fault"},
		{ops.ErrArgument, "ops: invalid argument"},
		{ops.ErrState, "ops: invalid state"},
		{ops.ErrUnsupported, "ops: unsupported operation"},
	}
	for _, c := range cases {
		require.EqualError(t, c.err, c.want)
	}
}

func TestErrnoZeroIsNoError(t *testing.T) {
	require.NoError(t, ops.ErrorOf(ops.Send, 0))
}

func TestErrorOfTellsOperationAndErrnoForEveryPair(t *testing.T) {
	for op := ops.None; int(op) < ops.OperationCount; op++ {
		for errno := syscall.Errno(1); errno < 200; errno++ {
			var e *ops.Error
			require.ErrorAs(t, ops.ErrorOf(op, errno), &e)
			require.Equal(t, op, e.Op)
			require.Equal(t, errno, e.Errno)
			require.Equal(t, ops.SocketErrorOf(errno), e.SocketError)
		}
	}
}

func TestInternedErrorsDoNotAllocate(t *testing.T) {
	var errnos []syscall.Errno
	for _, c := range socketErrorCases {
		errnos = append(errnos, c.from...)
	}
	var last error
	require.Zero(t, testing.AllocsPerRun(10, func() {
		for op := ops.None; int(op) < ops.OperationCount; op++ {
			for _, errno := range errnos {
				last = ops.ErrorOf(op, errno)
			}
			last = ops.AbortedError(op)
			last = ops.ClosedError(op)
		}
	}))
	require.Error(t, last)
}

func TestAskingAnErrorDoesNotAllocate(t *testing.T) {
	err := ops.ErrorOf(ops.Receive, syscall.ECONNRESET)
	closed := ops.ClosedError(ops.Receive)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if !errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed) || !errors.Is(closed, net.ErrClosed) {
			panic("wrong answer")
		}
	}))
}

func TestAllGoroutinesGetTheSameInternedError(t *testing.T) {
	const goroutines = 8
	got := make([]error, goroutines)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() { got[i] = ops.ErrorOf(ops.SendPackets, syscall.ENETRESET) })
	}
	wg.Wait()
	for _, err := range got {
		require.Same(t, got[0], err)
	}
}

func TestWithOperationNamesTheOperationOnce(t *testing.T) {
	anonymous := ops.ArgumentError(ops.None, "no endpoint")
	named := ops.WithOperation(ops.Connect, anonymous)
	require.EqualError(t, named, "ops: connect: no endpoint")
	require.ErrorIs(t, named, ops.ErrArgument)
	require.EqualError(t, anonymous, "ops: no endpoint", "the shared one must stay as it is")
	require.Same(t, named, ops.WithOperation(ops.Send, named))
	require.Equal(t, os.ErrClosed, ops.WithOperation(ops.Send, os.ErrClosed))
	require.NoError(t, ops.WithOperation(ops.Send, nil))
}

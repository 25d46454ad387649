package uring_test

import (
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/sys"
)

// answer is what a scripted enter gives instead of the kernel. The errno sys.PassThrough asks the kernel.
type answer struct {
	n     int
	errno syscall.Errno
}

// kernel is the answer of the kernel itself.
var kernel = answer{errno: sys.PassThrough}

// enterCall is one io_uring_enter as the kernel would see it.
type enterCall struct {
	submit, wait, flags uint32
	raw                 bool // through sys.EnterRaw, without telling the scheduler
}

// scriptEnters answers the enters one after the other, and lets those beyond the script pass. It gives the list of the
// enters made so far.
func scriptEnters(t testing.TB, answers ...answer) *[]enterCall {
	var calls []enterCall
	restore := sys.Inject(&sys.Calls{Enter: func(_ int, submit, wait, flags uint32) (int, syscall.Errno) {
		calls = append(calls, enterCall{submit, wait, flags, enteredRaw()})
		if len(calls) > len(answers) {
			return 0, sys.PassThrough
		}
		return answers[len(calls)-1].n, answers[len(calls)-1].errno
	}})
	t.Cleanup(restore)
	return &calls
}

// enteredRaw looks up the stack for the function that the hook stands in.
func enteredRaw() bool {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs[:])])
	for {
		frame, more := frames.Next()
		if strings.HasSuffix(frame.Function, "/sys.EnterRaw") {
			return true
		}
		if !more {
			return false
		}
	}
}

// scriptSubmits lets the kernel take only so many SQEs from the first enters, as it does when memory runs out half way.
// It gives the list of the enters made so far.
func scriptSubmits(t testing.TB, limits ...uint32) *[]enterCall {
	var calls []enterCall
	restore := sys.Inject(&sys.Calls{Enter: func(fd int, submit, wait, flags uint32) (int, syscall.Errno) {
		calls = append(calls, enterCall{submit: submit, wait: wait, flags: flags})
		if len(calls) > len(limits) {
			return 0, sys.PassThrough
		}
		flags &^= sys.IORING_ENTER_EXT_ARG // the hook does not see the argument
		n, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(fd), uintptr(limits[len(calls)-1]), 0,
			uintptr(flags), 0, 0)
		return int(n), errno
	}})
	t.Cleanup(restore)
	return &calls
}

// scriptSetups answers the calls of io_uring_setup one after the other, and lets those beyond the script pass. It gives
// what was asked for so far: the parameters, with the entries in SQEntries.
func scriptSetups(t testing.TB, answers ...syscall.Errno) *[]sys.Params {
	var calls []sys.Params
	restore := sys.Inject(&sys.Calls{Setup: func(entries uint32, p *sys.Params) (int, syscall.Errno) {
		asked := *p
		asked.SQEntries = entries
		calls = append(calls, asked)
		if len(calls) > len(answers) {
			return -1, sys.PassThrough
		}
		return -1, answers[len(calls)-1]
	}})
	t.Cleanup(restore)
	return &calls
}

// refuseRegister answers one opcode of io_uring_register with the errno.
func refuseRegister(t testing.TB, opcode uint32, errno syscall.Errno) {
	t.Cleanup(sys.Inject(&sys.Calls{Register: func(_ int, op, _ uint32) (int, syscall.Errno) {
		if op == opcode {
			return 0, errno
		}
		return 0, sys.PassThrough
	}}))
}

// repeat gives the errno n times.
func repeat(errno syscall.Errno, n int) []syscall.Errno {
	list := make([]syscall.Errno, n)
	for i := range list {
		list[i] = errno
	}
	return list
}

package sys_test

import (
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/sys"
)

// everyCall makes each system call once, on a descriptor that cannot exist and with arguments that do nothing.
func everyCall() map[string]syscall.Errno {
	got := map[string]syscall.Errno{}
	_, got["Setup"] = sys.Setup(0, &sys.Params{})
	_, got["Enter"] = sys.Enter(-1, 0, 0, 0, nil, 0)
	_, got["EnterRaw"] = sys.EnterRaw(-1, 0, 0, 0)
	_, got["Register"] = sys.Register(-1, sys.IORING_REGISTER_ENABLE_RINGS, nil, 0)
	return got
}

// failing are hooks that answer with errno.
func failing(errno syscall.Errno) *sys.Calls {
	return &sys.Calls{
		Setup:    func(uint32, *sys.Params) (int, syscall.Errno) { return -1, errno },
		Enter:    func(int, uint32, uint32, uint32) (int, syscall.Errno) { return 0, errno },
		Register: func(int, uint32, uint32) (int, syscall.Errno) { return 0, errno },
	}
}

func TestAnInjectedErrnoComesBackFromEveryCall(t *testing.T) {
	defer sys.Inject(failing(syscall.ENOMEM))()
	for name, errno := range everyCall() {
		require.Equal(t, syscall.ENOMEM, errno, name)
	}
}

func TestAHookSeesTheArgumentsAndChoosesTheResult(t *testing.T) {
	defer sys.Inject(&sys.Calls{
		Setup: func(entries uint32, p *sys.Params) (int, syscall.Errno) {
			p.SQEntries = 2 * entries
			return 100, 0
		},
		Enter: func(fd int, toSubmit, minComplete, flags uint32) (int, syscall.Errno) {
			return fd + int(toSubmit+minComplete+flags), 0
		},
		Register: func(fd int, opcode, nrArgs uint32) (int, syscall.Errno) {
			return fd + int(opcode+nrArgs), 0
		},
	})()
	p := sys.Params{}
	fd, errno := sys.Setup(8, &p)
	require.Zero(t, errno)
	require.Equal(t, 100, fd)
	require.Equal(t, uint32(16), p.SQEntries)
	n, errno := sys.Enter(1000, 200, 30, 4, nil, 0)
	require.Zero(t, errno)
	require.Equal(t, 1234, n)
	n, errno = sys.EnterRaw(1000, 200, 0, 4)
	require.Zero(t, errno)
	require.Equal(t, 1204, n)
	n, errno = sys.Register(1000, 20, nil, 3)
	require.Zero(t, errno)
	require.Equal(t, 1023, n)
}

func TestPassThroughAndNilHooksReachTheKernel(t *testing.T) {
	kernelsAnswers := everyCall()
	for name, errno := range kernelsAnswers {
		require.NotZero(t, errno, name)
		require.NotEqual(t, sys.PassThrough, errno, name)
	}
	for name, calls := range map[string]*sys.Calls{
		"pass through": failing(sys.PassThrough), "nil hooks": {}, "nothing injected": nil,
	} {
		restore := sys.Inject(calls)
		require.Equal(t, kernelsAnswers, everyCall(), name)
		restore()
	}
}

func TestRestoreBringsBackWhatWasThereBefore(t *testing.T) {
	kernelsAnswers := everyCall()
	restoreOuter := sys.Inject(failing(syscall.ENOMEM))
	restoreInner := sys.Inject(failing(syscall.EINTR))
	require.Equal(t, syscall.EINTR, everyCall()["Enter"])
	restoreInner()
	require.Equal(t, syscall.ENOMEM, everyCall()["Enter"])
	restoreOuter()
	require.Equal(t, kernelsAnswers, everyCall())
}

func TestInjectingWhileOthersCallIsRaceFree(t *testing.T) {
	var calls sync.WaitGroup
	for range 2 {
		calls.Go(func() {
			for range 500 {
				_, errno := sys.EnterRaw(-1, 0, 0, 0)
				if errno == 0 || errno == sys.PassThrough {
					t.Errorf("enter on no ring answered %d", errno)
				}
			}
		})
	}
	for range 500 {
		sys.Inject(failing(syscall.ENOMEM))()
	}
	calls.Wait()
}

func TestEnteringAllocatesNothing(t *testing.T) {
	enter := func() {
		var arg sys.GeteventsArg
		sys.EnterRaw(-1, 0, 0, 0)
		// SAFETY: arg lives on this stack, which does not move during the call.
		sys.Enter(-1, 0, 0, sys.IORING_ENTER_EXT_ARG, unsafe.Pointer(&arg), unsafe.Sizeof(arg))
	}
	require.Zero(t, testing.AllocsPerRun(100, enter))
	defer sys.Inject(failing(syscall.EINTR))()
	require.Zero(t, testing.AllocsPerRun(100, enter), "with a hook")
}

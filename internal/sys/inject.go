package sys

import (
	"sync/atomic"
	"syscall"
)

// PassThrough is what a hook returns to let the call go to the kernel. It is outside the kernel's range of errnos
// and never leaves this package.
const PassThrough = syscall.Errno(1 << 16)

// Calls are hooks in front of the system calls, for tests. A nil hook lets every call pass. Hooks run on the
// calling goroutine, several at a time when several goroutines call; the fields must not change once injected.
type Calls struct {
	// Setup stands before [Setup].
	Setup func(entries uint32, p *Params) (fd int, errno syscall.Errno)
	// Enter stands before [Enter] and [EnterRaw]. It must not block.
	Enter func(fd int, toSubmit, minComplete, flags uint32) (n int, errno syscall.Errno)
	// Register stands before [Register].
	Register func(fd int, opcode uint32, nrArgs uint32) (n int, errno syscall.Errno)
}

// injected is nil but in tests, so that a call costs one load more.
var injected atomic.Pointer[Calls]

// Inject puts c in front of the system calls of the whole process, until restore is called; nil removes what is
// there. restore brings back what was there before, so nested injections are restored in the reverse order. Any
// goroutine may call Inject and restore. For tests only.
func Inject(c *Calls) (restore func()) {
	previous := injected.Swap(c)
	return func() { injected.Store(previous) }
}

// setup asks the hook, if there is one.
func (c *Calls) setup(entries uint32, p *Params) (int, syscall.Errno) {
	if c.Setup == nil {
		return 0, PassThrough
	}
	return c.Setup(entries, p)
}

// enter asks the hook, if there is one.
func (c *Calls) enter(fd int, toSubmit, minComplete, flags uint32) (int, syscall.Errno) {
	if c.Enter == nil {
		return 0, PassThrough
	}
	return c.Enter(fd, toSubmit, minComplete, flags)
}

// register asks the hook, if there is one.
func (c *Calls) register(fd int, opcode, nrArgs uint32) (int, syscall.Errno) {
	if c.Register == nil {
		return 0, PassThrough
	}
	return c.Register(fd, opcode, nrArgs)
}

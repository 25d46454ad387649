package uring

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/sys"
)

// Capabilities is what the kernel can do, found by doing it once on a socket pair: distributions carry
// features backwards and policies take them away, so versions decide nothing.
type Capabilities struct {
	BufferRing       bool // provided-buffer rings (5.19)
	MultishotAccept  bool // 5.19
	MultishotReceive bool // 6.0
	ReceiveLimit     bool // a multishot receive ends at a byte count (6.18)
}

// probed keeps what the self-test found.
var probed struct {
	sync.Mutex
	done         bool
	capabilities Capabilities
}

// Probe runs the self-test, about a millisecond and once per process, and tells what the kernel can do. The
// error is New's, or says which step of the test could not be made; it is not kept, because a lack of memory or of
// descriptors passes. Any goroutine may call it.
func Probe() (Capabilities, error) {
	probed.Lock()
	defer probed.Unlock()
	if probed.done {
		return probed.capabilities, nil
	}
	found, err := selfTest()
	if err != nil {
		return Capabilities{}, err
	}
	probed.done, probed.capabilities = true, found
	return found, nil
}

// trial is a small ring with four small buffers, and the ends of a socket pair.
type trial struct {
	ring    *Ring
	buffers *trialBuffers
	near    int // the ring receives here
	far     int // the test writes here
	cqes    [16]CQE
}

const (
	trialGroup = 1
	trialToken = 7
	trialWait  = 5 * time.Second // far above what a socket pair takes, also on a machine that is very busy
)

// selfTest uses a ring without an owner, since it may run on any goroutine. That one stays on its thread
// meanwhile: when a thread ends, the kernel cancels what it has submitted.
func selfTest() (Capabilities, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ring, err := New(Config{Entries: minEntries, CQEntries: minCQEntries,
		Without: FlagSingleIssuer | FlagDeferTaskrun | FlagDisabled})
	if err != nil {
		return Capabilities{}, err
	}
	t := &trial{ring: ring}
	defer ring.Close()
	c := Capabilities{MultishotAccept: t.multishotAccept()}
	if t.buffers, err = newTrialBuffers(ring); err != nil {
		if errors.Is(err, syscall.ENOMEM) {
			return c, fmt.Errorf("uring: self-test: %w", err)
		}
		return c, nil // no buffer rings, then nothing that rests on them
	}
	defer t.buffers.close()
	c.BufferRing = true
	if c.MultishotReceive, err = t.onSocketPair((*trial).multishotReceive); err != nil {
		return c, err
	}
	if c.MultishotReceive {
		c.ReceiveLimit, err = t.onSocketPair((*trial).receiveLimit)
	}
	return c, err
}

// onSocketPair runs one step on fresh sockets.
func (t *trial) onSocketPair(step func(*trial) bool) (bool, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false, fmt.Errorf("uring: self-test: socketpair: %w", err)
	}
	t.near, t.far = fds[0], fds[1]
	ok := step(t)
	_ = unix.Close(t.far)
	if !t.settle() {
		ok = false
	}
	return ok, unix.Close(t.near)
}

// multishotReceive expects one request to deliver twice and then the end of the stream.
func (t *trial) multishotReceive() bool {
	return t.arm(0) && t.write(8) && t.next(8, true) && t.write(8) && t.next(8, true) &&
		unix.Shutdown(t.far, unix.SHUT_WR) == nil && t.next(0, false)
}

// receiveLimit expects a request with a limit of 8 bytes to end with them, and bytes beyond to stay unread. (The
// limit is looked at between buffers: a buffer is filled also where the limit is less.)
func (t *trial) receiveLimit() bool {
	return t.write(8) && t.arm(8) && t.next(8, false) && t.write(8) && t.arm(0) && t.next(8, true)
}

func (t *trial) arm(limit uint32) bool {
	sqe := t.ring.NextSQE()
	if sqe == nil {
		return false
	}
	sqe.PrepRecvMultishot(t.near, trialGroup, limit, trialToken)
	return t.ring.Enter(0, 0) == nil
}

func (t *trial) write(n int) bool {
	m, err := unix.Write(t.far, make([]byte, n))
	return err == nil && m == n
}

// next waits for one completion and compares it.
func (t *trial) next(res int32, more bool) bool {
	cqe, ok := t.wait()
	return ok && cqe.Res == res && cqe.More() == more
}

func (t *trial) wait() (CQE, bool) {
	deadline := time.Now().Add(trialWait)
	for t.ring.Reap(t.cqes[:1]) == 0 {
		if time.Now().After(deadline) || t.ring.Enter(1, trialWait) != nil {
			return CQE{}, false
		}
	}
	if id, ok := t.cqes[0].Buffer(); ok && t.buffers != nil {
		t.buffers.post(id)
	}
	return t.cqes[0], true
}

// settle waits for the last completion of an armed request: the peer is closed, so it comes.
func (t *trial) settle() bool {
	sqe := t.ring.NextSQE()
	if sqe == nil {
		return false
	}
	sqe.PrepCancel(trialToken, trialToken+1)
	for {
		cqe, ok := t.wait()
		if !ok {
			return false
		}
		if cqe.UserData != trialToken+1 {
			continue
		}
		if cqe.Errno() == syscall.ENOENT {
			return true // nothing was armed any more
		}
		// Whatever the target still has to say is there with the next enter.
		return t.ring.Enter(0, 0) == nil && t.ring.Reap(t.cqes[:]) >= 0
	}
}

// multishotAccept asks on a descriptor that is no socket: a kernel that knows the flag says so (ENOTSOCK or
// EOPNOTSUPP), one that does not refuses the request (EINVAL).
func (t *trial) multishotAccept() bool {
	if !t.ring.features.Supports(sys.IORING_OP_SOCKET) {
		return false // came with the same kernel
	}
	sqe := t.ring.NextSQE()
	if sqe == nil {
		return false
	}
	sqe.PrepAcceptMultishot(t.ring.fd, unix.SOCK_CLOEXEC, trialToken)
	cqe, ok := t.wait()
	return ok && cqe.Errno() == syscall.ENOTSOCK
}

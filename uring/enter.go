package uring

import (
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ringport/ringport/internal/sys"
)

// rawBatch is the largest batch submitted through RawSyscall6. A raw call cannot be preempted, so a
// stop-the-world waits for it: 64 sends of 64 bytes are about 0.2 ms.
const rawBatch = 64

// memoryPause is how long an enter waits for completions when the kernel has no memory for new requests.
const memoryPause = time.Millisecond

// Enter submits every prepared SQE and lets the kernel post completions. Only the owner may call it.
//
// With wait 0 it never blocks, and is no system call at all when there is nothing to submit and the kernel
// has nothing to post. Otherwise it blocks until wait completions are there, timeout has passed (negative:
// no limit) or a signal came: the caller must not rely on the count, but Reap.
//
// What the kernel answers, and what becomes of it:
//
//	EINTR   a signal ended the wait: nil, the caller turns again
//	ETIME   the timeout has passed: nil
//	EBUSY   completions must be reaped first: nil, the SQEs stay prepared
//	EAGAIN  no memory for requests: nil after a short wait for completions, the SQEs stay prepared;
//	        the one case in which wait 0 blocks, for a millisecond at most
//	EBADR   completions were dropped: ErrLost, from then on always
//	partial submit: the rest stays prepared and goes with the next call, which a blocking Enter makes itself
//	others  an error that wraps the errno
func (r *Ring) Enter(wait uint32, timeout time.Duration) error {
	for {
		r.publish()
		pending := r.unsubmitted()
		if wait == 0 && pending == 0 && !r.kernelHasWork() {
			return nil
		}
		n, errno := r.enter(pending, wait, timeout)
		r.count(n, errno)
		if r.lost() {
			return ErrLost
		}
		if errno != 0 {
			return r.judge(errno)
		}
		if n < pending {
			r.stats.Partial++
			if wait > 0 && n > 0 {
				continue // a partial submit returns without waiting
			}
		}
		return nil
	}
}

// publish makes the prepared SQEs visible to the kernel.
func (r *Ring) publish() {
	if *r.sq.ktail != r.sq.tail {
		atomic.StoreUint32(r.sq.ktail, r.sq.tail)
	}
}

// Unsubmitted is the number of prepared SQEs that the kernel has not taken: 0 after most enters. What they name
// must stay until it is.
func (r *Ring) Unsubmitted() int { return int(r.unsubmitted()) }

// unsubmitted is the number of SQEs that the kernel has not taken yet.
func (r *Ring) unsubmitted() uint32 {
	return r.sq.tail - atomic.LoadUint32(r.sq.khead)
}

// kernelHasWork reports whether only an enter brings completions out: deferred work, or CQEs that did not fit.
func (r *Ring) kernelHasWork() bool {
	return atomic.LoadUint32(r.sq.kflags)&(sys.IORING_SQ_TASKRUN|sys.IORING_SQ_CQ_OVERFLOW) != 0
}

// Idle reports whether neither completions nor deferred work are waiting. The owner may poll it instead of
// blocking: two loads, no system call.
func (r *Ring) Idle() bool { return r.Ready() == 0 && !r.kernelHasWork() }

func (r *Ring) enter(submit, wait uint32, timeout time.Duration) (uint32, syscall.Errno) {
	if atomic.LoadUint32(r.sq.kflags)&sys.IORING_SQ_CQ_OVERFLOW != 0 {
		r.stats.Overflows++
	}
	flags := r.enterFlags | sys.IORING_ENTER_GETEVENTS
	if wait > 0 {
		return r.enterWaiting(submit, wait, flags, timeout)
	}
	if submit > rawBatch {
		n, errno := sys.Enter(r.enterFD, submit, 0, flags, nil, 0)
		return uint32(n), errno
	}
	n, errno := sys.EnterRaw(r.enterFD, submit, 0, flags)
	return uint32(n), errno
}

func (r *Ring) count(n uint32, errno syscall.Errno) {
	r.stats.Enters++
	if errno == 0 {
		r.stats.SQEs += uint64(n)
	}
	empty := (errno != 0 || n == 0) && errno != syscall.ETIME && r.Ready() == 0
	if empty {
		r.stats.EmptyEnters++
		if r.empty {
			r.stats.EmptyPairs++
		}
	}
	r.empty = empty
}

func (r *Ring) judge(errno syscall.Errno) error {
	switch errno {
	case syscall.ETIME:
		return nil
	case syscall.EINTR:
		r.stats.Interrupts++
		return nil
	case syscall.EBUSY:
		r.stats.Busy++
		return nil
	case syscall.EAGAIN:
		r.stats.NoMemory++
		return r.pause()
	case syscall.EBADR:
		return ErrLost
	default:
		return r.enterError(errno)
	}
}

// pause waits a moment for a completion, since memory comes back when requests end: it keeps the caller from
// spinning.
func (r *Ring) pause() error {
	n, errno := r.enterWaiting(0, 1, r.enterFlags|sys.IORING_ENTER_GETEVENTS, memoryPause)
	r.count(n, errno)
	if errno == syscall.EBADR {
		return ErrLost
	}
	return nil
}

// lost reports whether the kernel counts completions that it dropped for want of memory. EBADR says so only to
// an enter that waits and submits nothing, and only once.
func (r *Ring) lost() bool { return atomic.LoadUint32(r.cq.koverflow) != 0 }

package uring

import (
	"fmt"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/sys"
)

// Ring is one io_uring instance: its descriptor, its mappings and its queues. It is made by New, handed to
// its owner by Enable, and used by the owner alone until Close.
type Ring struct {
	fd       int // the descriptor of the ring
	enterFD  int // fd, or the index of the registered descriptor
	owner    int // thread that enabled the ring, 0 before
	features Features
	closed   bool

	enterFlags uint32
	sq         submissionQueue
	cq         completionQueue
	maps       [][]byte

	arg   sys.GeteventsArg // heap memory: the kernel reads it inside the enter call only
	ts    sys.Timespec
	stats Stats
	empty bool // the last enter neither submitted nor collected anything
}

// submissionQueue is our side of the shared submission ring: SQEs between submitted and tail are prepared.
type submissionQueue struct {
	khead, ktail, kflags *uint32
	entries, mask        uint32
	tail                 uint32 // next SQE to hand out
	sqes                 []SQE
	array                []uint32 // index array of kernels before 6.6; nil otherwise
}

// completionQueue is our side of the shared completion ring.
type completionQueue struct {
	khead, ktail, koverflow *uint32
	entries, mask           uint32
	cqes                    []CQE
}

// New creates a ring with the best set-up flags that the kernel accepts. Any goroutine may call it; the ring
// does nothing until its owner enables it. Returns *SetupError when there is no ring to be had, with the
// likely cause: a sysctl, a container's seccomp profile, the memlock limit, an old kernel.
func New(cfg Config) (*Ring, error) {
	cfg = cfg.withDefaults()
	fd, params, err := setup(cfg)
	if err != nil {
		return nil, err
	}
	r := &Ring{fd: fd, enterFD: fd}
	if err := r.mapQueues(&params); err != nil {
		r.Close()
		return nil, fmt.Errorf("uring: map the queues: %w", err)
	}
	r.features = featuresOf(&params)
	if err := r.prepare(cfg); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// prepare does what any goroutine may do with a ring that is not enabled yet.
func (r *Ring) prepare(cfg Config) error {
	// Bounding io-wq (5.15) is a courtesy to the host: a ring works without it.
	_ = r.limitWorkers(cfg.Workers, cfg.Waiters)
	if err := r.probe(); err != nil {
		return err
	}
	if err := r.features.require(); err != nil {
		return err
	}
	return r.restrict(cfg.Allow)
}

// Enable starts the ring and makes the calling goroutine its owner: it must be locked to its thread
// (runtime.LockOSThread) and stay so until Close, because the kernel ties the ring to that thread.
//
// Features tells from then on what the self-test of Probe found, too. A ring is enabled once.
func (r *Ring) Enable() error {
	if r.owner != 0 {
		return fmt.Errorf("uring: enable: the ring has an owner already, thread %d", r.owner)
	}
	var err error
	if r.features.Capabilities, err = Probe(); err != nil {
		return err
	}
	if r.features.Flags&FlagDisabled != 0 {
		if errno := r.register(sys.IORING_REGISTER_ENABLE_RINGS, nil, 0); errno != 0 {
			return registerError("enable", errno)
		}
	}
	r.owner = unix.Gettid()
	// A registered descriptor saves about 40 ns per enter; at most 16 per thread, and not everywhere, so
	// its failure only costs that.
	if index, errno := r.registerFD(); errno == 0 {
		r.enterFD = index
		r.enterFlags |= sys.IORING_ENTER_REGISTERED_RING
		r.features.RegisteredFD = true
	}
	return nil
}

// Features tells what the kernel gave to this ring.
func (r *Ring) Features() Features { return r.features }

// Stats tells what the ring did so far. Only the owner may call it.
func (r *Ring) Stats() Stats { return r.stats }

// FD is the ring's descriptor, for /proc/self/fdinfo and poll. It is valid until Close.
func (r *Ring) FD() int { return r.fd }

// Close unmaps the queues and closes the descriptor. The owner calls it when no request is in flight; what
// still is will be cancelled by the kernel, unreported. It is idempotent.
func (r *Ring) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	if r.enterFD != r.fd || r.enterFlags&sys.IORING_ENTER_REGISTERED_RING != 0 {
		r.unregisterFD()
	}
	for _, m := range r.maps {
		_ = sys.Munmap(m)
	}
	r.maps, r.sq, r.cq = nil, submissionQueue{}, completionQueue{}
	if err := syscall.Close(r.fd); err != nil {
		return fmt.Errorf("uring: close: %w", err)
	}
	return nil
}

// NextSQE hands out the next free SQE, zeroed, or nil when the queue is full: Enter then makes room. The SQE
// must be prepared before the next call to Enter.
func (r *Ring) NextSQE() *SQE {
	q := &r.sq
	if q.tail-atomic.LoadUint32(q.khead) >= q.entries {
		return nil
	}
	sqe := &q.sqes[q.tail&q.mask]
	*sqe = SQE{}
	q.tail++
	return sqe
}

// Room is the number of SQEs that NextSQE can still hand out before Enter.
func (r *Ring) Room() int {
	return int(r.sq.entries - (r.sq.tail - atomic.LoadUint32(r.sq.khead)))
}

// Reap copies completions into out, oldest first, gives their room back to the kernel, and returns how many
// there were.
func (r *Ring) Reap(out []CQE) int {
	q := &r.cq
	head := *q.khead // only we write it
	n := min(atomic.LoadUint32(q.ktail)-head, uint32(len(out)))
	for i := range n {
		out[i] = q.cqes[(head+i)&q.mask]
	}
	if n > 0 {
		atomic.StoreUint32(q.khead, head+n)
		r.stats.CQEs += uint64(n)
	}
	return int(n)
}

// Ready is the number of completions that Reap would give now.
func (r *Ring) Ready() int {
	return int(atomic.LoadUint32(r.cq.ktail) - *r.cq.khead)
}

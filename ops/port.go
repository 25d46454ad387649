package ops

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/uring"
)

// Port is a completion port: one ring, the buffers of its receives, the sockets that belong to it, and the
// goroutine that owns all of them, locked to its thread. Completions and timers run on that goroutine, one after
// the other. All methods but Now may be called from any goroutine.
type Port struct {
	cfg   PortConfig
	ring  ring
	group *bufring.Group
	arena *uring.Arena
	owner int // thread id of the port's goroutine
	done  chan struct{}
	err   error // why the port stopped by itself; set before done is closed
	cqes  [256]uring.CQE
	ready opQueue       // completions to run at once; the owner's
	now   time.Duration // when this turn began, woke up or stopped spinning; the owner's

	// The owner's, too: system calls to make after the lock is released, and sockets to serve again once an op of
	// theirs has completed.
	outside []*Socket
	orphans []int     // descriptors that came too late for their listener
	closes  []*Socket // whose close is prepared, and not submitted for all that is known
	later   []*Socket
	spent   []int // descriptors to close

	wakeFD    int
	wakers    atomic.Int32 // calls that are about to write to wakeFD
	wakeToken token

	features      uring.Features
	wakeCancelled bool

	mu         sync.Mutex
	sleeping   bool // the owner blocks, or is about to: whoever brings work must wake it
	again      bool // something happened that is in no list, but that a turn must look at
	closing    bool
	failed     error    // the ring is lost
	work       workList // sockets with something to do at the end of the turn
	deferred   opQueue  // completions to run in the next turn
	posts      []func()
	spare      []func() // the other half of posts, so that neither is allocated anew
	budget     int      // synchronous completions that this turn may still have
	slots      slotTable
	sockets    socketList
	starved    socketQueue // sockets whose receive waits for a buffer
	blocked    socketQueue // listeners that wait for a descriptor
	timers     timerHeap
	connectors []*connector
	missed     []token       // requests whose cancel found nobody, and is to be made again
	left       chan struct{} // closed when a socket has gone; nil: nobody waits for that
	stats      Stats
}

// epoch is what the ports' clock counts from; only differences matter.
var epoch = time.Now()

func sinceEpoch() time.Duration { return time.Since(epoch) }

// Now is when the port's turn began, or when its wait in it was over: a clock that costs nothing to read, for what is
// measured in milliseconds. It stands still while handlers run. It is read without a lock, so it is for the port's
// goroutine only: handlers, timers and posted functions. Anywhere else it is a data race.
func (p *Port) Now() time.Time { return epoch.Add(p.now) }

// NewPort creates a port and starts its goroutine. Returns what PortConfig.Validate finds wrong, *uring.SetupError
// when the kernel or a policy refuses the ring, or *uring.FeatureError when the kernel lacks what a port needs.
func NewPort(cfg PortConfig) (*Port, error) {
	p, err := newPort(cfg)
	if err != nil {
		return nil, err
	}
	started := make(chan error, 1)
	go p.run(started)
	if err := <-started; err != nil {
		<-p.done
		return nil, err
	}
	return p, nil
}

// newPort makes a port that has no goroutine yet. Whoever calls enable, turn and finish is its owner.
func newPort(cfg PortConfig) (*Port, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	p := &Port{cfg: cfg, done: make(chan struct{}), slots: newSlotTable(), wakeFD: -1}
	p.budget = cfg.SyncBudget // a start may come before the first turn
	p.arena = uring.NewArena(cfg.Entries, max(2*uring.MaxVector, 4*cfg.Entries))
	if err := p.open(); err != nil {
		return nil, err
	}
	return p, nil
}

// open makes what any goroutine may make: the ring, its buffers and the wake-up descriptor.
func (p *Port) open() (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("ops: new port: %w", err), p.release())
		}
	}()
	if p.ring, err = p.cfg.newRing(p.cfg.ringConfig()); err != nil {
		return err
	}
	groupConfig := bufring.Config{Buffers: p.cfg.Buffers, Size: p.cfg.BufferSize}
	if p.group, err = bufring.New(p.ring, groupConfig, p.bufferReleased); err != nil {
		return err
	}
	p.wakeFD, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	return err
}

// release frees what open made. Buffers that are still leased keep their memory.
func (p *Port) release() error {
	var errs []error
	if p.group != nil {
		errs = append(errs, p.group.Close())
	}
	if p.ring != nil {
		errs = append(errs, p.ring.Close())
	}
	for p.wakers.Load() > 0 {
		runtime.Gosched() // a waker that saw the port alive writes its eight bytes, then it is gone
	}
	if p.wakeFD >= 0 {
		errs = append(errs, unix.Close(p.wakeFD))
	}
	return errors.Join(errs...)
}

// run is the port's goroutine.
func (p *Port) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	if err := p.enable(); err != nil {
		started <- errors.Join(fmt.Errorf("ops: new port: %w", err), p.release())
		return
	}
	started <- nil
	for p.turn() {
	}
	p.finish()
}

// enable makes the calling thread the port's.
func (p *Port) enable() error {
	p.owner = unix.Gettid()
	if err := p.ring.Enable(); err != nil {
		return err
	}
	p.features = p.ring.Features()
	f := &p.features
	if !f.BufferRing {
		return &uring.FeatureError{Name: "provided-buffer rings", MinKernel: "5.19"}
	}
	if !f.MultishotAccept {
		return &uring.FeatureError{Name: "multishot accept", MinKernel: "5.19"}
	}
	return nil
}

// finish runs after the last turn: nothing is in flight any more, unless the ring was lost.
func (p *Port) finish() {
	err := p.release()
	p.abandon()
	p.mu.Lock()
	p.timers.dropUsers()
	p.err = errors.Join(p.failed, err)
	p.mu.Unlock()
}

// Close closes every socket of the port, waits until the last completion has run, and frees the ring. Ops in
// flight complete with OperationAborted. It is idempotent. From a callback it starts closing and returns; Done
// tells when it is finished. Leased buffers stay valid until they are released.
func (p *Port) Close() error {
	p.mu.Lock()
	wake := false
	if !p.closing {
		p.closing, p.again = true, true
		wake = p.kick()
	}
	p.mu.Unlock()
	p.wake(wake)
	if unix.Gettid() == p.owner && !p.stopped() { // once it has stopped, the thread is anybody's
		return nil
	}
	<-p.done
	return p.err
}

// Done is closed when the port has stopped: after Close, or because the ring was lost (see Err).
func (p *Port) Done() <-chan struct{} { return p.done }

// Err tells, after Done, why the port stopped by itself, and nil after a Close without faults.
func (p *Port) Err() error {
	if !p.stopped() {
		return nil
	}
	return p.err
}

func (p *Port) stopped() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Features tells what the port's ring got from the kernel.
func (p *Port) Features() uring.Features { return p.features }

// Post runs fn on the port's goroutine in its next turn: how work comes back to the port, and what
// PostQueuedCompletionStatus is to a completion port of Windows. Functions run in the order of their posts.
// Returns an error that matches net.ErrClosed after Close, and ErrState when more than 1048576 wait.
func (p *Port) Post(fn func()) error {
	p.mu.Lock()
	if p.closing {
		p.mu.Unlock()
		return closedError(None)
	}
	if len(p.posts) >= maxPosts {
		p.mu.Unlock()
		return errTooManyPosts
	}
	p.posts = append(p.posts, fn)
	wake := p.kick()
	p.mu.Unlock()
	p.wake(wake)
	return nil
}

var errTooManyPosts = stateError(None, "1048576 posted functions wait already; the port's callbacks are too slow")

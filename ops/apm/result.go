package apm

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/ringport/ringport/ops"
)

// Result stands for one operation from its Begin to its End: .NET's IAsyncResult. Begin makes it; the zero Result
// belongs to no operation. All methods may be called from any goroutine.
type Result struct {
	op       ops.Op
	pair     pair
	state    any
	callback func(*Result)

	port      *ops.Port // whose goroutine ends the operation
	second    *ops.Port // whose goroutine ends its second step, where that is another
	follow    func(*Result) (pending bool)
	addresses []ops.Endpoint // not tried yet, of a connect
	room      int            // bytes to receive with an accept

	synchronous bool
	err         error
	completed   atomic.Bool

	mu   sync.Mutex
	done chan struct{} // made for the first who asks

	next *Result // in a resultQueue
}

// State is what Begin was given for the callback to find.
func (r *Result) State() any { return r.state }

// IsCompleted tells whether the operation is over, so that End does not block.
func (r *Result) IsCompleted() bool { return r.completed.Load() }

// CompletedSynchronously tells whether the operation had finished before Begin returned. It never changes.
func (r *Result) CompletedSynchronously() bool { return r.synchronous }

// Done is closed when the operation is over, before the callback runs: .NET's AsyncWaitHandle. The channel is made
// by the first call.
func (r *Result) Done() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done == nil {
		r.done = make(chan struct{})
		if r.completed.Load() {
			close(r.done)
		}
	}
	return r.done
}

// Wait blocks until the operation is over, and returns nil then, also when the operation failed: that is what End
// tells. Otherwise it returns ctx.Err() when ctx ends first, which does not end the operation, or an error that
// matches ops.ErrState on the goroutine that the operation needs (see the package comment).
func (r *Result) Wait(ctx context.Context) error {
	if r.completed.Load() {
		return nil
	}
	if port := callers.port(); port != nil && (port == r.port || port == r.second) {
		return errWaitOnPort
	}
	select {
	case <-r.Done():
		return nil
	case <-ctx.Done():
	}
	if r.completed.Load() {
		return nil
	}
	return ctx.Err()
}

// finish makes the outcome known to whoever waits.
func (r *Result) finish() {
	r.err = r.op.Err()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.completed.Store(true)
	if r.done != nil {
		close(r.done)
	}
}

// end waits for the operation. known is false where there is none of this pair, or no waiting for it.
func (r *Result) end(p pair) (known bool, err error) {
	if r == nil || r.pair != p {
		return false, p.foreign()
	}
	if err := r.Wait(context.Background()); err != nil {
		return false, err
	}
	return true, r.err
}

// endCount is end for operations that transfer bytes.
func (r *Result) endCount(p pair) (int, error) {
	known, err := r.end(p)
	if !known {
		return 0, err
	}
	return r.op.BytesTransferred(), err
}

package apm

import (
	"context"
	"sync"
)

// ManualResetEvent is a gate between goroutines: it is set until it is reset, and lets everybody through meanwhile.
// The zero value is ready for use, and not set. It must not be copied. All methods may be called from any
// goroutine; a callback on a port's goroutine must not wait.
type ManualResetEvent struct {
	mu  sync.Mutex
	set bool
	// opened is what those who wait for the next Set watch; nil when nobody does.
	opened chan struct{}
}

// Set opens the gate, for those who wait and for those who come later.
func (e *ManualResetEvent) Set() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.set = true
	if e.opened != nil {
		close(e.opened)
		e.opened = nil
	}
}

// Reset closes the gate. Whoever waited at the last Set gets through all the same.
func (e *ManualResetEvent) Reset() {
	e.mu.Lock()
	e.set = false
	e.mu.Unlock()
}

// Wait blocks until the event is set.
func (e *ManualResetEvent) Wait() { _ = e.WaitContext(context.Background()) }

// WaitContext blocks until the event is set, and returns nil then, or until ctx ends, and returns ctx.Err(). An
// event that is set gives nil whatever ctx says.
func (e *ManualResetEvent) WaitContext(ctx context.Context) error {
	opened := e.nextSet()
	if opened == nil {
		return nil
	}
	select {
	case <-opened:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-opened:
		return nil
	default:
		return ctx.Err()
	}
}

// nextSet gives what the next Set closes; nil when the event is set.
func (e *ManualResetEvent) nextSet() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.set {
		return nil
	}
	if e.opened == nil {
		e.opened = make(chan struct{})
	}
	return e.opened
}

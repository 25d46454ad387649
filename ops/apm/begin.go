package apm

import (
	"errors"
	"net"
	"syscall"

	"github.com/ringport/ringport/ops"
)

// newResult gives the result of an operation that begin starts.
func newResult(p pair, s *ops.Socket, callback func(*Result), state any) *Result {
	r := &Result{pair: p, port: s.Port(), callback: callback, state: state}
	r.op.Completed = completed
	r.op.UserToken = r
	return r
}

// begin starts the operation. When it has finished at once, the callback runs here.
func (r *Result) begin(s *ops.Socket, start func(*ops.Socket, *ops.Op) bool) (*Result, error) {
	if start(s, &r.op) {
		return r, nil
	}
	if err := r.op.Err(); err != nil && refused(&r.op, err) {
		return nil, err
	}
	if r.follow != nil && r.follow(r) {
		return r, nil
	}
	r.synchronous = true
	r.finish()
	if r.callback != nil {
		callHere(r)
	}
	return r, nil
}

// completed takes the end of an op that was pending.
func completed(op *ops.Op) {
	r := op.UserToken.(*Result)
	if r.follow != nil && r.follow(r) {
		return
	}
	r.finish()
	if r.callback != nil {
		callOnPort(r)
	}
}

// refused tells a start that ops refused from an operation that failed at once.
func refused(op *ops.Op, err error) bool {
	for _, sentinel := range []error{ops.ErrArgument, ops.ErrState, ops.ErrUnsupported, net.ErrClosed} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	switch op.LastOperation() {
	case ops.Accept, ops.SendPackets:
		return true // they do not ask the kernel before they are pending
	}
	var failure *ops.Error
	if !errors.As(err, &failure) {
		return false
	}
	switch failure.Errno {
	case syscall.ENOTCONN, syscall.EISCONN, syscall.EALREADY, syscall.EDESTADDRREQ:
		return true
	case syscall.EPIPE: // of a Shutdown: the kernel's means that the connection is gone
		return op.Socket().Connected()
	}
	return false
}

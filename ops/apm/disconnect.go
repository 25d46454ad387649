package apm

import "github.com/ringport/ringport/ops"

// BeginDisconnect starts to end the connection in both directions, behind the sends that were begun. With reuse the
// socket can connect again. callback may be nil; state is what Result.State gives it. See
// ops.Socket.DisconnectAsync.
func BeginDisconnect(s *ops.Socket, reuse bool, callback func(*Result), state any) (*Result, error) {
	r := newResult(disconnectPair, s, callback, state)
	r.op.DisconnectReuseSocket = reuse
	return r.begin(s, (*ops.Socket).DisconnectAsync)
}

// EndDisconnect waits for a BeginDisconnect.
func EndDisconnect(r *Result) error {
	_, err := r.end(disconnectPair)
	return err
}

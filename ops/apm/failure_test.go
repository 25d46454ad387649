package apm_test

import (
	"context"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/ops/apm"
)

// reset makes the peer's end of a connection send RST.
func reset(t testing.TB, c *net.TCPConn) {
	t.Helper()
	require.NoError(t, c.SetLinger(0))
	require.NoError(t, c.Close())
}

func TestAFailureOfThePendingOperationIsEndsError(t *testing.T) {
	c, s := connection(t, newPort(t, ops.PortConfig{}))
	b := beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
		return apm.BeginReceive(s, make([]byte, 1), 0, callback, state)
	}).pend(t)
	reset(t, c)
	b.wait(t)
	for range 2 {
		n, err := apm.EndReceive(b.Result)
		require.ErrorIs(t, err, syscall.ECONNRESET)
		require.Zero(t, n)
	}
}

func TestAFailureThatWasThereBeforeIsEndsErrorToo(t *testing.T) {
	c, s := connection(t, newPort(t, ops.PortConfig{}))
	// Waiting for data consumes none, nor the error.
	r, err := apm.BeginReceive(s, []byte{}, 0, nil, nil)
	require.NoError(t, err)
	reset(t, c)
	_, err = apm.EndReceive(r)
	require.ErrorIs(t, err, syscall.ECONNRESET)

	b := beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
		return apm.BeginReceive(s, make([]byte, 1), 0, callback, state)
	}).atOnce(t)
	_, err = apm.EndReceive(b.Result)
	require.ErrorIs(t, err, syscall.ECONNRESET)
}

func TestASendToAPeerThatIsGoneIsEndsError(t *testing.T) {
	for _, trySend := range []bool{false, true} {
		c, s := connection(t, newPort(t, ops.PortConfig{TrySend: trySend}))
		r, err := apm.BeginReceive(s, []byte{}, 0, nil, nil)
		require.NoError(t, err)
		reset(t, c)
		_, err = apm.EndReceive(r)
		require.ErrorIs(t, err, syscall.ECONNRESET)
		b := beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
			return apm.BeginSend(s, []byte("abc"), 0, callback, state)
		}).wait(t)
		n, err := apm.EndSend(b.Result)
		require.ErrorIs(t, err, syscall.EPIPE)
		require.Zero(t, n)
	}
}

// pendingOf begins an operation of each kind that stays pending until its socket is closed.
func pendingOf(t testing.TB, p *ops.Port) map[string]struct {
	s     *ops.Socket
	begin starter
	end   func(*apm.Result) error
} {
	t.Helper()
	_, reading := connection(t, p)
	_, peeking := connection(t, p)
	_, writing := connection(t, p)
	_, filing := connection(t, p)
	l, l2, d, d2 := listen(t, p), listen(t, p), bound(t, p), bound(t, p)
	silent := listen(t, p)
	dial(t, silent)
	target := newSocket(t, p, ops.Stream)
	large := make([]byte, 64<<20)
	type c = func(*apm.Result)
	type row = struct {
		s     *ops.Socket
		begin starter
		end   func(*apm.Result) error
	}
	buf := make([]byte, 1)
	receiveEnd := func(r *apm.Result) error { _, err := apm.EndReceive(r); return err }
	acceptEnd := func(r *apm.Result) error { _, _, err := apm.EndAcceptReceive(r); return err }
	return map[string]row{
		"Accept": {l, func(f c) (*apm.Result, error) { return apm.BeginAccept(l, f, nil) },
			func(r *apm.Result) error { _, err := apm.EndAccept(r); return err }},
		"AcceptReceive, before the connection": {l2, func(f c) (*apm.Result, error) {
			return apm.BeginAcceptReceive(l2, 1, f, nil)
		}, acceptEnd},
		"AcceptReceive, after the connection": {target, func(f c) (*apm.Result, error) {
			r, err := apm.BeginAcceptInto(silent, target, 1, f, nil)
			waitUntil(t, p, "the connection is there", target.Connected)
			return r, err
		}, acceptEnd},
		"Receive": {reading, func(f c) (*apm.Result, error) { return apm.BeginReceive(reading, buf, 0, f, nil) },
			receiveEnd},
		"ReceiveList": {peeking, func(f c) (*apm.Result, error) {
			return apm.BeginReceiveList(peeking, [][]byte{buf}, 0, f, nil)
		}, receiveEnd},
		"ReceiveFrom": {d, func(f c) (*apm.Result, error) { return apm.BeginReceiveFrom(d, buf, 0, f, nil) },
			func(r *apm.Result) error { _, _, err := apm.EndReceiveFrom(r); return err }},
		"ReceiveMessageFrom": {d2, func(f c) (*apm.Result, error) {
			return apm.BeginReceiveMessageFrom(d2, buf, 0, f, nil)
		}, func(r *apm.Result) error { _, _, _, _, err := apm.EndReceiveMessageFrom(r); return err }},
		"Send": {writing, func(f c) (*apm.Result, error) { return apm.BeginSend(writing, large, 0, f, nil) },
			func(r *apm.Result) error { _, err := apm.EndSend(r); return err }},
		"SendFile": {filing, func(f c) (*apm.Result, error) {
			return apm.BeginSendFileBetween(filing, "", large, nil, 0, f, nil)
		}, apm.EndSendFile},
	}
}

func TestClosingTheSocketEndsWhatIsPending(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	for name, row := range pendingOf(t, p) {
		t.Run(name, func(t *testing.T) {
			b := begun{called: make(chan *apm.Result, 16)}
			var err error
			b.Result, err = row.begin(func(r *apm.Result) { b.called <- r })
			require.NoError(t, err)
			b.pend(t)
			require.NoError(t, row.s.Close())
			b.wait(t)
			for range 2 {
				err := row.end(b.Result)
				require.ErrorIs(t, err, net.ErrClosed)
				var failure *ops.Error
				require.ErrorAs(t, err, &failure)
				require.Equal(t, ops.OperationAborted, failure.SocketError)
			}
		})
	}
}

func TestClosingThePortEndsWhatIsPending(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	_, s := connection(t, p)
	r, err := apm.BeginReceive(s, make([]byte, 1), 0, nil, nil)
	require.NoError(t, err)
	require.NoError(t, p.Close())
	require.NoError(t, r.Wait(context.Background()))
	_, err = apm.EndReceive(r)
	require.ErrorIs(t, err, net.ErrClosed)
}

func TestAResultThatNobodyEndsLeavesNothing(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p)
	for range 100 {
		_, err := apm.BeginAccept(l, nil, nil)
		require.NoError(t, err)
	}
	require.NoError(t, l.Close()) // newPort looks after the rest
}

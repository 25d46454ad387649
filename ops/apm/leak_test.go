package apm_test

import (
	"io"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/ops/apm"
)

func TestTenThousandResultsLeaveNothing(t *testing.T) {
	const count = 10_000
	p := newPort(t, ops.PortConfig{}) // it looks after descriptors, slots, ops and buffers
	c, s := connection(t, p)
	goroutines := runtime.NumGoroutine()
	echoed := make(chan error, 1)
	go func() {
		// Between two connections as such the copy would splice, through pipes that the process keeps.
		_, err := io.CopyN(struct{ io.Writer }{c}, c, count)
		echoed <- err
	}()
	buf := make([]byte, 1)
	calls := make(chan struct{}, 2*count)
	callback := func(*apm.Result) { calls <- struct{}{} }
	for i := range count {
		send, err := apm.BeginSend(s, []byte{byte(i)}, 0, callback, nil)
		require.NoError(t, err)
		receive, err := apm.BeginReceive(s, buf, 0, callback, nil)
		require.NoError(t, err)
		_, err = apm.EndSend(send)
		require.NoError(t, err)
		n, err := apm.EndReceive(receive)
		require.NoError(t, err)
		require.Equal(t, []byte{byte(i)}, buf[:n])
	}
	for range 2 * count {
		await(t, calls)
	}
	require.NoError(t, await(t, echoed))
	waitUntil(t, p, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= goroutines })
	require.Less(t, p.Stats().Slots, 100, "accepts, a receive and the wake-up poll stay armed, whatever the count")
	require.Zero(t, p.Stats().InFlight)
}

func TestTenThousandPendingResultsEndWithTheirSocket(t *testing.T) {
	const count = 10_000
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p)
	results := make([]*apm.Result, count)
	called := make(chan struct{}, count)
	for i := range results {
		r, err := apm.BeginAccept(l, func(*apm.Result) { called <- struct{}{} }, nil)
		require.NoError(t, err)
		results[i] = r
	}
	require.NoError(t, l.Close())
	for _, r := range results {
		_, err := apm.EndAccept(r)
		require.Error(t, err)
	}
	for range results {
		await(t, called)
	}
}

package apm_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/ops/apm"
)

func TestWaitEndsWithItsContextAndLeavesTheOperation(t *testing.T) {
	c, s := connection(t, newPort(t, ops.PortConfig{}))
	r, err := apm.BeginReceive(s, make([]byte, 4), 0, nil, nil)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, r.Wait(ctx), context.Canceled)
	require.False(t, r.IsCompleted())
	_, err = c.Write([]byte("abcd"))
	require.NoError(t, err)
	require.NoError(t, r.Wait(context.Background()))
	require.NoError(t, r.Wait(ctx), "what is over comes before what has ended")
	n, err := apm.EndReceive(r)
	require.NoError(t, err)
	require.Equal(t, 4, n)
}

func TestDoneIsOneChannelWhetherAskedBeforeOrAfter(t *testing.T) {
	c, s := connection(t, newPort(t, ops.PortConfig{}))
	before, err := apm.BeginReceive(s, make([]byte, 1), 0, nil, nil)
	require.NoError(t, err)
	done := before.Done()
	_, err = c.Write([]byte("a"))
	require.NoError(t, err)
	await(t, done)
	require.Equal(t, done, before.Done())

	after, err := apm.BeginSend(s, []byte{}, 0, nil, nil)
	require.NoError(t, err)
	await(t, after.Done())
	require.Equal(t, after.Done(), after.Done())
}

func TestManyGoroutinesMayWaitForOneResult(t *testing.T) {
	c, s := connection(t, newPort(t, ops.PortConfig{}))
	r, err := apm.BeginReceive(s, make([]byte, 4), 0, nil, nil)
	require.NoError(t, err)
	counts := make(chan int, 50)
	var all sync.WaitGroup
	for range cap(counts) {
		all.Go(func() {
			n, _ := apm.EndReceive(r)
			counts <- n
		})
	}
	_, err = c.Write([]byte("abc"))
	require.NoError(t, err)
	all.Wait()
	for range cap(counts) {
		require.Equal(t, 3, <-counts)
	}
}

func TestTheGoroutineOfThePortDoesNotWaitForItself(t *testing.T) {
	p, other := newPort(t, ops.PortConfig{}), newPort(t, ops.PortConfig{})
	c, s := connection(t, p)
	silent, waiting := connection(t, p)
	otherClient, otherSocket := connection(t, other)

	pending, err := apm.BeginReceive(waiting, make([]byte, 1), 0, nil, nil)
	require.NoError(t, err)
	elsewhere, err := apm.BeginReceive(otherSocket, make([]byte, 1), 0, nil, nil)
	require.NoError(t, err)
	_, err = otherClient.Write([]byte("x"))
	require.NoError(t, err)

	type outcome struct{ pending, inside, elsewhere, own error }
	seen := make(chan outcome, 1)
	_, err = apm.BeginReceive(s, make([]byte, 1), 0, func(r *apm.Result) {
		var o outcome
		_, o.pending = apm.EndReceive(pending)
		_, _ = apm.BeginSend(s, []byte{}, 0, func(*apm.Result) { o.inside = pending.Wait(context.Background()) }, nil)
		_, o.elsewhere = apm.EndReceive(elsewhere)
		_, o.own = apm.EndReceive(r)
		seen <- o
	}, nil)
	require.NoError(t, err)
	_, err = c.Write([]byte("x"))
	require.NoError(t, err)
	o := await(t, seen)
	require.ErrorIs(t, o.pending, ops.ErrState)
	require.ErrorIs(t, o.inside, ops.ErrState)
	require.NoError(t, o.elsewhere, "another port ends that one")
	require.NoError(t, o.own)

	// The refusal was not the result.
	_, err = silent.Write([]byte("x"))
	require.NoError(t, err)
	_, err = apm.EndReceive(pending)
	require.NoError(t, err)
}

func TestACallbackInsideBeginMayWaitForAPort(t *testing.T) {
	p := newPort(t, ops.PortConfig{SyncBudget: 1 << 20})
	c, s := connection(t, p)
	pending, err := apm.BeginReceive(s, make([]byte, 4), 0, nil, nil)
	require.NoError(t, err)
	received := 0
	_, err = apm.BeginSend(s, []byte{}, 0, func(*apm.Result) {
		_, _ = c.Write([]byte("abc"))
		received, _ = apm.EndReceive(pending)
	}, nil)
	require.NoError(t, err)
	require.Equal(t, 3, received)
}

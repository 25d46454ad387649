package apm_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops/apm"
)

func TestTheZeroEventIsNotSet(t *testing.T) {
	var e apm.ManualResetEvent
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, e.WaitContext(ctx), context.Canceled)
}

func TestASetBeforeTheWaitIsNotLost(t *testing.T) {
	var e apm.ManualResetEvent
	e.Set()
	e.Set()
	e.Wait()
	e.Wait() // it stays set
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.NoError(t, e.WaitContext(ctx), "what is set comes before what has ended")
	e.Reset()
	require.ErrorIs(t, e.WaitContext(ctx), context.Canceled)
	e.Set()
	e.Wait()
}

func TestSetWakesAllWhoWait(t *testing.T) {
	var e apm.ManualResetEvent
	var entered, left sync.WaitGroup
	for range 100 {
		entered.Add(1)
		left.Go(func() {
			entered.Done()
			e.Wait()
		})
	}
	entered.Wait()
	e.Set()
	e.Reset()
	// Whoever had not begun to wait at that Set waits for this one.
	e.Set()
	left.Wait()
}

func TestAnEventHandsOverWhatWasDoneBefore(t *testing.T) {
	var ready, taken apm.ManualResetEvent
	value := 0
	go func() {
		for i := range 1000 {
			value = i + 1
			taken.Reset()
			ready.Set()
			taken.Wait()
		}
	}()
	for i := range 1000 {
		ready.Wait()
		ready.Reset()
		require.Equal(t, i+1, value)
		taken.Set()
	}
}

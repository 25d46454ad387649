package server_test

import (
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/server"
)

func TestAMeterLetsASecondsWorthThroughAndThenItsRate(t *testing.T) {
	m := server.NewMeter(1000)
	for _, now := range []time.Duration{0, time.Hour, 200 * 365 * 24 * time.Hour} {
		require.True(t, m.Take(400, now))
		require.False(t, m.Take(601, now), "more than there is, and nothing is spent")
		require.True(t, m.Take(600, now))
		require.False(t, m.Take(1, now))
		require.False(t, m.Take(11, now+10*time.Millisecond))
		require.True(t, m.Take(10, now+10*time.Millisecond))
		require.False(t, m.Take(1, now), "another goroutine's clock may lag")
	}
	require.False(t, m.Take(1001, math.MaxInt64), "never more than a second's")
	require.True(t, m.Take(1000, math.MaxInt64))
}

func TestAMeterWithoutARateLetsEverythingThrough(t *testing.T) {
	for range 3 {
		require.True(t, server.NewMeter(-1).Take(math.MaxInt32, 0))
	}
}

func TestTheHighestRateOfAMeterIsExact(t *testing.T) {
	const rate = 1 << 30
	m := server.NewMeter(rate)
	require.True(t, m.Take(rate, 0))
	require.True(t, m.Take(rate/2, time.Second/2))
	require.False(t, m.Take(1, time.Second/2))
}

func TestManyGoroutinesGetNoMoreOfAMeterThanThereIs(t *testing.T) {
	m := server.NewMeter(1000)
	var passed atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				if m.Take(1, 0) {
					passed.Add(1)
				}
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1000, passed.Load())
}

func TestADatagramThatIsTooMuchInBytesCountsInNeitherTotal(t *testing.T) {
	all := server.NewTotals(server.DatagramConfig{TotalRate: 2, TotalBytes: 1 << 16})
	require.True(t, all.Take(60_000, 0))
	for range 10 {
		require.False(t, all.Take(10_000, 0))
	}
	require.True(t, all.Take(1000, 0))
	require.False(t, all.Take(0, 0))
}

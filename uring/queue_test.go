package uring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/uring"
)

func TestNextSQEIsNilWhenTheQueueIsFull(t *testing.T) {
	ring := ringtest.NewRing(t, uring.Config{Entries: 8, CQEntries: 32})
	for range 3 {
		for i := range 8 {
			require.Equal(t, 8-i, ring.Room())
			sqe := ring.NextSQE()
			require.NotNil(t, sqe)
			sqe.PrepNop(uint64(i))
		}
		require.Zero(t, ring.Room())
		require.Nil(t, ring.NextSQE())
		require.Nil(t, ring.NextSQE(), "asking again changes nothing")
		require.Equal(t, 8, ring.Unsubmitted())
		require.NoError(t, ring.Enter(0, 0))
		require.Equal(t, 8, ring.Room(), "an enter makes room")
		require.Zero(t, ring.Unsubmitted())
		require.Len(t, collect(t, ring, 8), 8)
	}
}

func TestNextSQEIsZeroedOnReuse(t *testing.T) {
	ring := ringtest.NewRing(t, uring.Config{Entries: 8, CQEntries: 8})
	for lap := range 3 {
		for i := range 8 {
			sqe := ring.NextSQE()
			require.Equal(t, make([]byte, 64), bytesOf(sqe), "lap %d, entry %d", lap, i)
			for b := range bytesOf(sqe) {
				bytesOf(sqe)[b] = 0xff // an operation that no kernel knows
			}
			sqe.Flags = 0 // 0xff would link the requests
		}
		require.NoError(t, ring.Enter(0, 0))
		for _, cqe := range collect(t, ring, 8) {
			require.Negative(t, cqe.Res)
		}
	}
}

func TestQueuesKeepTheOrderOverManyLaps(t *testing.T) {
	tests := []struct {
		name    string
		without uring.Flag
	}{
		{"without the index array", 0},
		{"with the index array", uring.FlagNoSQArray},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ring := ringtest.NewRing(t, uring.Config{Entries: 8, CQEntries: 16, Without: test.without})
			var next, got uint64
			cqes := make([]uring.CQE, 7)
			for round := range 200 {
				next += uint64(nops(ring, next, 1+round%8))
				require.NoError(t, ring.Enter(0, 0))
				for ring.Ready() > 0 {
					n := ring.Reap(cqes[:1+round%7])
					for _, cqe := range cqes[:n] {
						require.Equal(t, got, cqe.UserData)
						got++
					}
				}
				require.Equal(t, next, got)
			}
			require.Greater(t, got, uint64(16*50), "the queues went round many times")
			require.Equal(t, got, ring.Stats().SQEs)
			require.Equal(t, got, ring.Stats().CQEs)
			require.Zero(t, ring.Stats().Overflows)
		})
	}
}

func TestReapGivesAtMostWhatFits(t *testing.T) {
	ring := ringtest.NewRing(t, uring.Config{Entries: 8, CQEntries: 8})
	nops(ring, 0, 5)
	require.NoError(t, ring.Enter(0, 0))
	require.Zero(t, ring.Reap(nil))
	require.Equal(t, 5, ring.Ready())
	cqes := make([]uring.CQE, 8)
	require.Equal(t, 2, ring.Reap(cqes[:2]))
	require.Equal(t, 3, ring.Ready())
	require.Equal(t, 3, ring.Reap(cqes[2:]))
	require.Equal(t, []uint64{0, 1, 2, 3, 4}, tokens(cqes[:5]))
	require.Equal(t, uring.CQE{}, cqes[5])
	require.Zero(t, ring.Reap(cqes))
}

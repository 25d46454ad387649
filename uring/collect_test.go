package uring_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/uring"
)

// patience is how long a test waits for a completion that must come. Nothing depends on how fast it comes.
const patience = 20 * time.Second

// collect submits and waits until n completions have come, and gives them.
func collect(t testing.TB, ring *uring.Ring, n int) []uring.CQE {
	t.Helper()
	cqes := make([]uring.CQE, n)
	got := 0
	deadline := time.Now().Add(patience)
	for {
		got += ring.Reap(cqes[got:])
		if got == n {
			return cqes
		}
		require.True(t, time.Now().Before(deadline), "%d completions of %d came: %v", got, n, cqes[:got])
		require.NoError(t, ring.Enter(1, patience))
	}
}

// one submits and waits for one completion.
func one(t testing.TB, ring *uring.Ring) uring.CQE {
	t.Helper()
	return collect(t, ring, 1)[0]
}

// byToken submits, waits for n completions and gives them by their tokens.
func byToken(t testing.TB, ring *uring.Ring, n int) map[uint64]uring.CQE {
	t.Helper()
	all := make(map[uint64]uring.CQE, n)
	for _, cqe := range collect(t, ring, n) {
		all[cqe.UserData] = cqe
	}
	require.Len(t, all, n)
	return all
}

// tokens gives the tokens in the order of the completions.
func tokens(cqes []uring.CQE) []uint64 {
	list := make([]uint64, 0, len(cqes))
	for _, cqe := range cqes {
		list = append(list, cqe.UserData)
	}
	return list
}

// nops prepares nops with the tokens from first on and says how many fitted.
func nops(ring *uring.Ring, first uint64, n int) int {
	for i := range n {
		sqe := ring.NextSQE()
		if sqe == nil {
			return i
		}
		sqe.PrepNop(first + uint64(i))
	}
	return n
}

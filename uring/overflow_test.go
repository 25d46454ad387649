package uring_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/uring"
)

func TestOverflowLosesNothingAndKeepsTheOrder(t *testing.T) {
	ring := ringtest.NewRing(t, uring.Config{Entries: 8, CQEntries: 8})
	require.EqualValues(t, 8, ring.Features().CQEntries)
	for i := range uint64(5) {
		require.Equal(t, 8, nops(ring, i*8, 8))
		require.NoError(t, ring.Enter(0, 0)) // without a reap, so the second batch finds no room
	}
	require.Equal(t, 8, ring.Ready())
	require.False(t, ring.Idle())

	var got []uint64
	var cqes [3]uring.CQE // does not divide 8: the kernel refills a queue that is partly full
	for len(got) < 40 {
		n := ring.Reap(cqes[:])
		require.Positive(t, n, "after %v", got)
		got = append(got, tokens(cqes[:n])...)
		require.NoError(t, ring.Enter(0, 0))
	}
	for i, token := range got {
		require.EqualValues(t, i, token)
	}
	require.Positive(t, ring.Stats().Overflows)
	require.EqualValues(t, 40, ring.Stats().CQEs)
	require.True(t, ring.Idle())
}

func TestABlockingEnterRefillsFromTheOverflow(t *testing.T) {
	ring := ringtest.NewRing(t, uring.Config{Entries: 8, CQEntries: 8})
	for i := range uint64(3) {
		nops(ring, i*8, 8)
		require.NoError(t, ring.Enter(0, 0))
	}
	var cqes [8]uring.CQE
	for i := range uint64(3) {
		require.Equal(t, 8, ring.Reap(cqes[:]))
		require.Equal(t, i*8, cqes[0].UserData)
		require.NoError(t, ring.Enter(1, 0))
	}
	require.Zero(t, ring.Ready())
}

func TestOverflowEndsAMultishotWithItsData(t *testing.T) {
	ring := ringtest.NewRing(t, uring.Config{Entries: 8, CQEntries: 8})
	if !ring.Features().MultishotReceive {
		return // before 6.0 there is nothing that could end
	}
	buffers := newBuffers(t, ring)
	near, far := socketPair(t)
	ring.NextSQE().PrepRecvMultishot(near, uring.TrialGroup, 0, 100)
	require.NoError(t, ring.Enter(0, 0))
	nops(ring, 0, 8)
	require.NoError(t, ring.Enter(0, 0)) // the queue is full
	write(t, far, strings.Repeat("x", 10))
	require.NoError(t, ring.Enter(0, 0))

	cqes := collect(t, ring, 9)
	last := cqes[8]
	require.EqualValues(t, 100, last.UserData)
	require.EqualValues(t, 10, last.Res, "what was received is not lost")
	require.False(t, last.More(), "but it must be armed again")
	id, ok := last.Buffer()
	require.True(t, ok)
	require.Equal(t, strings.Repeat("x", 10), buffers.Take(id, last.Res))
}

package bufring_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/bufring"
)

// lap lets the kernel take every posted buffer and gives all of them back in random order.
func lap(t *testing.T, g *bufring.Group, k *kernel, random *rand.Rand) (ids []uint16) {
	t.Helper()
	var leases []bufring.Buffer
	for {
		id, ok := k.take()
		if !ok {
			break
		}
		ids = append(ids, id)
		leases = append(leases, g.Lease(id, int(id)%g.BufferSize()))
	}
	for _, i := range random.Perm(len(leases)) {
		leases[i].Release()
		k.released(ids[i])
	}
	return ids
}

func TestTheLargestRingGoesRound(t *testing.T) {
	const all = bufring.MaxBuffers
	g, k := newGroup(t, bufring.Config{Buffers: all, Size: 64, Posted: all}, nil)
	random := rand.New(rand.NewPCG(1, 2))
	require.Equal(t, all, k.entries)
	for round := range 5 { // the 16-bit tail starts again after two
		require.Equal(t, all, k.posted(), "round %d", round)
		ids := lap(t, g, k, random)
		require.Len(t, ids, all)
		require.Equal(t, all, g.Publish())
	}
	require.Equal(t, uint64(5*all), g.Stats().Leases)
	require.Equal(t, uint16(6*all%65536), k.tail())
}

// A library that computes the offset of an entry in 16 bits writes entry 4096 over entry 0.
func TestEntriesBeyond4095LieBehindEachOther(t *testing.T) {
	const all = bufring.MaxBuffers
	_, k := newGroup(t, bufring.Config{Buffers: all, Size: 64, Posted: all}, nil)
	require.Len(t, k.queue, all)
	for i, e := range k.queue {
		if int(e.bid) != i || e != k.entry(uint16(i)) {
			require.Failf(t, "a wrong entry", "%d: %+v, published as %+v", i, k.entry(uint16(i)), e)
		}
	}
}

func TestTheTailWrapsWhereTheRingDoesNotEnd(t *testing.T) {
	g, k := newGroup(t, bufring.Config{Buffers: 5, Size: 64, Posted: 3}, nil) // 3 at a time in a ring of 4
	random := rand.New(rand.NewPCG(3, 4))
	published := 3
	for published < 3*65536 {
		require.Len(t, lap(t, g, k, random), 3)
		require.Equal(t, 3, g.Publish())
		published += 3
	}
	require.Equal(t, uint16(published%65536), k.tail())
}

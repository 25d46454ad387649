package ops

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/uring"
)

// arrivals is a buffer group whose kernel puts the stream of every peer into one buffer after the other.
type arrivals struct {
	ring     *fakeRing
	group    *bufring.Group
	position int
}

func newArrivals(t *testing.T, buffers int) *arrivals {
	t.Helper()
	ring := newFakeRing(t, 1)
	group, err := bufring.New(ring, bufring.Config{Buffers: buffers, Size: 64}, nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, group.Close())
		require.Zero(t, group.Stats().Leased, "a buffer was left behind")
	})
	return &arrivals{ring: ring, group: group}
}

// next is a buffer with n bytes.
func (a *arrivals) next(n int) bufring.Buffer {
	c := uring.CQE{Flags: a.ring.take(stream(a.position, n))}
	id, _ := c.Buffer()
	a.position += n
	return a.group.Lease(id, n)
}

func TestReadAheadIsAStream(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	a := newArrivals(t, 64)
	var ahead readAhead
	taken := 0
	for range 5000 {
		held := a.position - taken
		if a.group.Stats().Leased < 40 && random.IntN(3) > 0 {
			ahead.push(a.next(1 + random.IntN(64)))
		} else if held > 0 {
			taken += receiveAhead(t, &ahead, random, taken, held)
		}
		a.group.Publish()
		held = a.position - taken
		require.Equal(t, held, ahead.bytes)
		require.Equal(t, held > 0, ahead.count() > 0)
		require.Equal(t, held >= 500 || ahead.count() >= readAheadBuffers, ahead.full(500))
		require.Equal(t, held <= 250 && ahead.count() <= readAheadBuffers/2, ahead.resumes(500))
		require.Equal(t, ahead.count(), a.group.Stats().Leased)
	}
	ahead.drop()
}

// receiveAhead receives in one of the ways that there are, and tells how much that consumed.
func receiveAhead(t *testing.T, ahead *readAhead, random *rand.Rand, taken, held int) int {
	op := new(Op)
	size := random.IntN(200)
	switch random.IntN(5) {
	case 0:
		n := ahead.give(op)
		require.Positive(t, n)
		require.Equal(t, stream(taken, n), op.Bytes())
		op.dropLease()
		return n
	case 1:
		op.SetBuffer(make([]byte, size))
		op.flags = Peek
		n := ahead.give(op)
		require.Equal(t, min(size, held), n)
		require.Equal(t, stream(taken, n), op.Bytes())
		return 0
	case 2:
		op.SetBuffer([]byte{})
		require.Zero(t, ahead.give(op))
		require.Empty(t, op.Bytes())
		return 0
	case 3:
		whole := make([]byte, size)
		op.SetBufferList(cut(whole, 1+random.IntN(4)))
		n := ahead.give(op)
		require.Equal(t, min(size, held), n)
		require.Equal(t, stream(taken, n), whole[:n])
		require.Nil(t, op.Bytes())
		return n
	default:
		op.SetBuffer(make([]byte, size))
		n := ahead.give(op)
		require.Equal(t, min(size, held), n)
		require.Equal(t, stream(taken, n), op.Bytes())
		return n
	}
}

func TestReadAheadForgetsABurst(t *testing.T) {
	a := newArrivals(t, 64)
	var ahead readAhead
	for range 40 {
		ahead.push(a.next(1))
	}
	op := new(Op)
	op.SetBuffer(make([]byte, 100))
	require.Equal(t, 40, ahead.give(op))
	require.Zero(t, cap(ahead.buffers), "the room for it is not kept")
}

func TestDroppingReadAheadTellsWhetherThereWasAny(t *testing.T) {
	a := newArrivals(t, 4)
	var ahead readAhead
	require.False(t, ahead.drop())
	ahead.push(a.next(10))
	ahead.push(a.next(10))
	require.True(t, ahead.drop())
	require.False(t, ahead.drop())
	require.Zero(t, ahead.bytes)
}

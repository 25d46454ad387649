package bufring_test

import (
	"errors"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/bufring"
)

func TestOnlySomeBuffersArePosted(t *testing.T) {
	g, k := newGroup(t, bufring.Config{ID: 9, Buffers: 100, Size: 64, Posted: 10}, nil)
	require.Equal(t, uint16(9), g.ID())
	require.Equal(t, uint16(9), k.group)
	require.Equal(t, 64, g.BufferSize())
	require.Equal(t, 16, k.entries, "the next power of two")
	require.Equal(t, 10, k.posted())
	require.Equal(t, bufring.Stats{Buffers: 100, Posted: 10, Spare: 90, LowWater: 100}, g.Stats())
}

func TestDefaultsAreUsed(t *testing.T) {
	cfg := bufring.Config{Buffers: bufring.DefaultBuffers, Size: bufring.DefaultSize}
	k := newKernel(t, cfg)
	g, err := bufring.New(k, bufring.Config{}, nil)
	require.NoError(t, err)
	require.Equal(t, bufring.DefaultPosted, k.posted())
	require.Equal(t, bufring.DefaultSize, g.BufferSize())
	require.Equal(t, bufring.DefaultBuffers, g.Stats().Buffers)
	require.NoError(t, g.Close())
}

func TestALeaseShowsWhatTheKernelWrote(t *testing.T) {
	g, k := newGroup(t, bufring.Config{Buffers: 2, Size: 64, Posted: 2}, nil)
	id, ok := k.receive([]byte("completion"))
	require.True(t, ok)
	b := g.Lease(id, len("completion"))
	require.Equal(t, "completion", string(b.Bytes()))
	require.Equal(t, 10, b.Len())
	require.Equal(t, 10, cap(b.Bytes()), "an append must not run into the rest of the buffer")
	require.False(t, b.IsZero())
	b.Release()
}

func TestSkipDropsConsumedBytes(t *testing.T) {
	g, k := newGroup(t, bufring.Config{Buffers: 2, Size: 64, Posted: 2}, nil)
	data := make([]byte, 64)
	copy(data, "head and tail")
	for range 2 { // the last buffer of the block is one of them
		id, _ := k.receive(data)
		b := g.Lease(id, 64)
		require.Equal(t, "tail", string(b.Skip(5).Skip(4).Bytes()[:4]))
		require.Empty(t, b.Skip(64).Bytes())
		require.Zero(t, b.Skip(64).Len())
		require.Panics(t, func() { b.Skip(65) })
		require.Panics(t, func() { b.Skip(-1) })
		b.Skip(60).Release()
		require.Panics(t, b.Release, "what Skip gave is the same lease")
	}
}

func TestReleasedBuffersAreReusedLastInFirstOut(t *testing.T) {
	g, k := newGroup(t, bufring.Config{Buffers: 8, Size: 64, Posted: 3}, nil)
	var leases []bufring.Buffer
	var ids []uint16
	for range 3 {
		id, _ := k.take()
		ids = append(ids, id)
		leases = append(leases, g.Lease(id, 0))
	}
	require.Equal(t, []uint16{0, 1, 2}, ids)
	for i, b := range leases {
		b.Release()
		k.released(ids[i])
	}
	require.Equal(t, 3, g.Publish())
	for _, want := range []uint16{2, 1, 0} {
		id, ok := k.take()
		require.True(t, ok)
		require.Equal(t, want, id)
		g.Lease(id, 0).Release()
	}
}

func TestPublishTellsHowManyArePosted(t *testing.T) {
	g, k := newGroup(t, bufring.Config{Buffers: 3, Size: 64, Posted: 2}, nil)
	first, _ := k.take()
	a := g.Lease(first, 1)
	require.Equal(t, 2, g.Publish(), "the third buffer takes its place")
	second, _ := k.take()
	third, _ := k.take()
	b, c := g.Lease(second, 1), g.Lease(third, 1)
	require.Zero(t, g.Publish(), "all are leased")
	require.Equal(t, bufring.Stats{Buffers: 3, Leased: 3, Leases: 3}, g.Stats())
	_, ok := k.take()
	require.False(t, ok)
	b.Release()
	k.released(second)
	require.Equal(t, 1, g.Publish())
	require.Equal(t, bufring.Stats{Buffers: 3, Posted: 1, Leased: 2, Leases: 3}, g.Stats())
	a.Release()
	c.Release()
}

func TestWhatTheKernelCannotNamePanics(t *testing.T) {
	tests := []struct {
		name string
		id   uint16
		n    int
		want string
	}{
		{"a buffer beyond the group", 4, 1, "the kernel names buffer 4 with 1 bytes"},
		{"too many bytes", 0, 65, "with 65 bytes"},
		{"fewer than none", 0, -1, "with -1 bytes"},
		{"a spare buffer", 3, 1, "buffer 3, which is not posted"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g, _ := newGroup(t, bufring.Config{Buffers: 4, Size: 64, Posted: 2}, nil)
			before := g.Stats()
			requirePanics(t, test.want, func() { g.Lease(test.id, test.n) })
			require.Equal(t, before, g.Stats())
		})
	}
}

func TestLeasingTwicePanics(t *testing.T) {
	g, k := newGroup(t, bufring.Config{Buffers: 4, Size: 64, Posted: 2}, nil)
	id, _ := k.take()
	b := g.Lease(id, 1)
	requirePanics(t, "not posted", func() { g.Lease(id, 1) })
	b.Release()
	requirePanics(t, "not posted", func() { g.Lease(id, 1) })
}

func TestWakeRunsOnlyWhileStarved(t *testing.T) {
	wakes := 0
	g, k := newGroup(t, bufring.Config{Buffers: 4, Size: 64, Posted: 4}, func() { wakes++ })
	release := func() {
		id, _ := k.take()
		g.Lease(id, 1).Release()
		k.released(id)
		g.Publish()
	}
	release()
	require.Zero(t, wakes)
	g.SetStarved(true)
	release()
	release()
	require.Equal(t, 2, wakes)
	g.SetStarved(false)
	release()
	require.Equal(t, 2, wakes)
}

func TestWakeMayUseTheGroup(t *testing.T) {
	var g *bufring.Group
	var spare int
	g, k := newGroup(t, bufring.Config{Buffers: 1, Size: 64, Posted: 1}, func() { spare = g.Stats().Spare })
	id, _ := k.take()
	g.SetStarved(true)
	g.Lease(id, 1).Release()
	require.Equal(t, 1, spare, "no lock is held, and the buffer is there already")
}

func TestARefusedRingIsTheErrorOfNew(t *testing.T) {
	k := newKernel(t, bufring.Config{})
	k.refuse = syscall.ENOMEM
	g, err := bufring.New(k, bufring.Config{}, nil)
	require.Nil(t, g)
	require.ErrorIs(t, err, syscall.ENOMEM)
	require.ErrorContains(t, err, "bufring: ")
}

func requirePanics(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		require.Contains(t, recover(), want)
	}()
	f()
}

var errRetired = errors.New("the ring is gone")

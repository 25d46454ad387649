package bufring_test

import (
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/bufring"
)

func TestCloseUnmapsWhenNothingIsLeased(t *testing.T) {
	g, k := newGroup(t, bufring.Config{Buffers: 4, Size: 64, Posted: 2}, nil)
	require.NoError(t, g.Close())
	require.False(t, g.Mapped())
	require.NoError(t, g.Close())
	require.Equal(t, []string{"register", "unregister"}, k.calls)
}

func TestCloseLeavesTheMemoryToTheLastLease(t *testing.T) {
	wakes := 0
	g, k := newGroup(t, bufring.Config{Buffers: 4, Size: 64, Posted: 3}, func() { wakes++ })
	var leases []bufring.Buffer
	for _, text := range []string{"one", "two"} {
		id, _ := k.receive([]byte(text))
		leases = append(leases, g.Lease(id, 3))
	}
	g.SetStarved(true)
	require.NoError(t, g.Close())
	require.Equal(t, bufring.Stats{Buffers: 4, Leased: 2, Spare: 2, LowWater: 2, Leases: 2}, g.Stats())
	require.Equal(t, "one", string(leases[0].Bytes()))
	leases[0].Release()
	require.True(t, g.Mapped())
	require.Equal(t, "two", string(leases[1].Bytes()))
	leases[1].Release()
	require.False(t, g.Mapped())
	require.Zero(t, wakes, "nobody waits for a buffer of a closed group")
	requirePanics(t, "released twice", leases[1].Release)
}

func TestAClosedGroupPostsAndLeasesNothing(t *testing.T) {
	g, k := newGroup(t, bufring.Config{Buffers: 4, Size: 64, Posted: 2}, nil)
	id, _ := k.take()
	other, _ := k.take()
	b := g.Lease(id, 1)
	tail := k.tail()
	require.NoError(t, g.Close())
	require.Zero(t, g.Publish())
	require.Equal(t, tail, k.tail())
	requirePanics(t, "not posted", func() { g.Lease(other, 1) })
	b.Release()
	require.Zero(t, g.Publish(), "and does not touch memory that is gone")
}

func TestCloseSaysWhatTheKernelAnswered(t *testing.T) {
	g, k := newGroup(t, bufring.Config{Buffers: 4, Size: 64, Posted: 2}, nil)
	k.retire = errRetired
	err := g.Close()
	require.ErrorIs(t, err, errRetired)
	require.ErrorContains(t, err, "bufring: ")
	require.False(t, g.Mapped())
}

func TestClosedGroupsLeaveNoMappings(t *testing.T) {
	cfg := bufring.Config{Buffers: 1024, Size: 16 << 10, Posted: 64} // 16 MiB
	before := virtualKiB(t)
	for i := range 200 {
		k := newKernel(t, cfg)
		g, err := bufring.New(k, cfg, nil)
		require.NoError(t, err)
		if i%2 == 0 {
			require.NoError(t, g.Close())
			continue
		}
		id, _ := k.take()
		b := g.Lease(id, 1)
		require.NoError(t, g.Close())
		b.Release()
	}
	require.Less(t, virtualKiB(t), before+20*16<<10, "200 groups of 16 MiB came and went")
}

// virtualKiB is the size of all mappings of this process.
func virtualKiB(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	found := regexp.MustCompile(`VmSize:\s+(\d+) kB`).FindSubmatch(status)
	require.NotNil(t, found)
	n, err := strconv.Atoi(string(found[1]))
	require.NoError(t, err)
	return n
}

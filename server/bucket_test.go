package server_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/server"
)

func TestASourceHasItsBurstAndThenItsRate(t *testing.T) {
	b := server.NewBuckets(10, 100, 5)
	addr := netip.MustParseAddr("192.0.2.1")
	now := time.Second
	for range 5 {
		require.True(t, b.Take(addr, now))
	}
	require.False(t, b.Take(addr, now))
	require.False(t, b.Take(addr, now+9*time.Millisecond))
	require.True(t, b.Take(addr, now+11*time.Millisecond), "100 a second is one in 10 ms")
	require.False(t, b.Take(addr, now+11*time.Millisecond))
	require.False(t, b.Take(addr, now), "a clock that lags gives nothing")
	for range 5 {
		require.True(t, b.Take(addr, now+time.Hour), "and nobody saves more than the burst")
	}
	require.False(t, b.Take(addr, now+time.Hour))
}

func TestNewLimitsHoldForSourcesThatAreKnown(t *testing.T) {
	b := server.NewBuckets(10, 1, 5)
	addr := netip.MustParseAddr("192.0.2.1")
	require.True(t, b.Take(addr, 0))
	b.Limit(1000, 2)
	require.True(t, b.Take(addr, 0))
	require.True(t, b.Take(addr, 0))
	require.False(t, b.Take(addr, 0), "of what was saved up the new burst is left")
	require.True(t, b.Take(addr, 2*time.Millisecond), "at the new rate")
}

func TestTheSourceThatWasQuietTheLongestIsForgottenFirst(t *testing.T) {
	b := server.NewBuckets(3, 1, 1)
	addr := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}) }
	for i := range 3 {
		require.True(t, b.Take(addr(i), 0))
	}
	require.False(t, b.Take(addr(0), 0), "refused, but heard of")
	require.True(t, b.Take(addr(3), 0), "a new one comes in for 1")
	require.Equal(t, 3, b.Len())
	for _, known := range []int{2, 0, 3} {
		require.False(t, b.Take(addr(known), 0), "%d is known", known)
	}
	require.True(t, b.Take(addr(1), 0), "which was forgotten, and has a full bucket again")
	require.True(t, b.Take(addr(2), 0), "which it took the place of")
}

func TestBucketsNeedNoMemoryOnceTheyAreMade(t *testing.T) {
	b := server.NewBuckets(100, 1000, 10)
	i := uint32(0)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		i += 2654435761
		b.Take(netip.AddrFrom4([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}), time.Duration(i))
	}))
	require.Equal(t, 100, b.Len())
}

// bucketModel does what buckets do, as simply as it can be done.
type bucketModel struct {
	size             int
	perSecond, burst float64
	order            []server.Source // the one that was quiet the longest is first
	tokens           map[server.Source]float64
	at               map[server.Source]time.Duration
}

func (m *bucketModel) take(addr netip.Addr, now time.Duration) bool {
	of := server.SourceOf(addr)
	if i := slices.Index(m.order, of); i >= 0 {
		m.order = slices.Delete(m.order, i, i+1)
	} else {
		if len(m.order) == m.size {
			delete(m.tokens, m.order[0])
			m.order = m.order[1:]
		}
		m.tokens[of], m.at[of] = m.burst, now
	}
	m.order = append(m.order, of)
	if now > m.at[of] {
		m.tokens[of] += m.perSecond * (now - m.at[of]).Seconds()
		m.at[of] = now
	}
	m.tokens[of] = min(m.tokens[of], m.burst)
	if m.tokens[of] < 1 {
		return false
	}
	m.tokens[of]--
	return true
}

// FuzzBuckets compares them with the model, whatever comes and however little room there is.
func FuzzBuckets(f *testing.F) {
	f.Add(uint64(1), uint8(1), uint8(3), uint8(2))
	f.Add(uint64(2), uint8(7), uint8(20), uint8(1))
	f.Add(uint64(3), uint8(64), uint8(255), uint8(10))
	f.Fuzz(func(t *testing.T, seed uint64, size, sources, burst uint8) {
		random := rand.New(rand.NewPCG(seed, 0))
		n, limit := int(size)+1, int(burst)+1
		b := server.NewBuckets(n, 100, limit)
		m := &bucketModel{size: n, perSecond: 100, burst: float64(limit),
			tokens: map[server.Source]float64{}, at: map[server.Source]time.Duration{}}
		var now time.Duration
		for i := range 2000 {
			addr := netip.AddrFrom4([4]byte{10, 0, 0, byte(random.IntN(int(sources) + 1))})
			if random.IntN(2) == 0 {
				addr = netip.MustParseAddr(fmt.Sprintf("2001:db8:0:%x::1", random.IntN(int(sources)+1)))
			}
			now += time.Duration(random.IntN(3)) * time.Millisecond
			require.Equal(t, m.take(addr, now), b.Take(addr, now), "step %d", i)
			require.Equal(t, len(m.order), b.Len())
		}
	})
}

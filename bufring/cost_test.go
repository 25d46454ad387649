package bufring_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/bufring"
)

// clockwork is a kernel that checks nothing, so that it costs next to nothing.
type clockwork struct {
	mem  []byte
	mask int
	head int
}

func (c *clockwork) RegisterBufferRing(mem []byte, entries uint32, _ uint16) error {
	c.mem, c.mask = mem, int(entries)-1
	return nil
}

func (c *clockwork) UnregisterBufferRing(uint16) error { return nil }

// next is the buffer of the next entry; there must be one.
func (c *clockwork) next() uint16 {
	id := binary.NativeEndian.Uint16(c.mem[c.head&c.mask*entrySize+12:])
	c.head++
	return id
}

func newClockwork(tb testing.TB, cfg bufring.Config) (*bufring.Group, *clockwork) {
	tb.Helper()
	c := &clockwork{}
	g, err := bufring.New(c, cfg, func() {})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, g.Close()) })
	return g, c
}

func TestLeasingReleasingAndPublishingAllocateNothing(t *testing.T) {
	for _, starved := range []bool{false, true} {
		g, c := newClockwork(t, bufring.Config{Buffers: 64, Size: 64, Posted: 32})
		g.SetStarved(starved)
		var sink int
		require.Zero(t, testing.AllocsPerRun(1000, func() {
			b := g.Lease(c.next(), 64)
			sink += len(b.Skip(1).Bytes())
			b.Release()
			sink += g.Publish() + g.Stats().Spare
		}))
		require.Positive(t, sink)
	}
}

// BenchmarkRecycle is the whole life of a buffer; the batch is how many go round between two publishes.
func BenchmarkRecycle(b *testing.B) {
	for _, batch := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			g, c := newClockwork(b, bufring.Config{})
			leases := make([]bufring.Buffer, 0, batch)
			b.ReportAllocs()
			for b.Loop() {
				for range batch {
					leases = append(leases, g.Lease(c.next(), 64))
				}
				for _, l := range leases {
					l.Release()
				}
				leases = leases[:0]
				g.Publish()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/buffer")
		})
	}
}

// BenchmarkReleaseElsewhere has the users on other goroutines, as a server that answers from its own does.
func BenchmarkReleaseElsewhere(b *testing.B) {
	const batch = 256
	g, c := newClockwork(b, bufring.Config{})
	leases := make(chan bufring.Buffer, batch)
	released := make(chan struct{}, batch)
	for range 2 {
		go func() {
			for l := range leases {
				l.Release()
				released <- struct{}{}
			}
		}()
	}
	for b.Loop() {
		for range batch {
			leases <- g.Lease(c.next(), 64)
		}
		for range batch {
			<-released
		}
		g.Publish()
	}
	close(leases)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/buffer")
}

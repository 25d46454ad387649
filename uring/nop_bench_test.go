package uring_test

import (
	"testing"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/uring"
)

// BenchmarkNop is one request through the ring and back.
func BenchmarkNop(b *testing.B) { benchmarkNops(b, 1, uring.Config{}) }

// BenchmarkNopRestricted shows what it costs that the kernel looks whether the request is allowed.
func BenchmarkNopRestricted(b *testing.B) { benchmarkNops(b, 1, uring.Config{Allow: []string{"NOP"}}) }

// BenchmarkNopBatch16 is sixteen requests in one enter.
func BenchmarkNopBatch16(b *testing.B) { benchmarkNops(b, 16, uring.Config{}) }

func benchmarkNops(b *testing.B, batch int, cfg uring.Config) {
	ring := ringtest.NewRing(b, cfg)
	cqes := make([]uring.CQE, batch)
	b.ReportAllocs()
	for b.Loop() {
		for i := range batch {
			ring.NextSQE().PrepNop(uint64(i))
		}
		if err := ring.Enter(0, 0); err != nil {
			b.Fatal(err)
		}
		if n := ring.Reap(cqes); n != batch {
			b.Fatalf("%d completions of %d", n, batch)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(batch), "ns/nop")
}

package server_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/server"
)

// BenchmarkEcho measures a server of one shard with clients that send ahead. Beside the time it prints what an echo
// costs the ring. On a machine with few CPUs the clients are slower than the server, which then waits and enters for
// each of them; with work in the handler the server is what everybody waits for.
func BenchmarkEcho(b *testing.B) {
	tests := []struct {
		conns int
		work  time.Duration
	}{{1, 0}, {64, 0}, {1000, 0}, {64, 20 * time.Microsecond}}
	for _, test := range tests {
		b.Run(fmt.Sprintf("conns=%d/work=%v", test.conns, test.work), func(b *testing.B) {
			r := start(b, server.Config{Shards: 1}, working(test.work))
			clients := dialMany(b, r, test.conns)
			before := r.Stats().Shards[0]
			b.ResetTimer()
			echoes := pingPong(b, clients, max(b.N/test.conns, 1))
			b.StopTimer()
			reportCosts(b, before, r.Stats().Shards[0], echoes)
		})
	}
}

func reportCosts(b *testing.B, before, after ops.Stats, echoes int) {
	report := func(before, after uint64, unit string) {
		b.ReportMetric(float64(after-before)/float64(echoes), unit)
	}
	report(before.Ring.Enters, after.Ring.Enters, "enters/echo")
	report(before.Ring.SQEs, after.Ring.SQEs, "SQEs/echo")
	report(before.Ring.CQEs, after.Ring.CQEs, "CQEs/echo")
	b.ReportMetric(entersPerReceive(before, after), "enters/receive")
	b.ReportMetric(float64(after.Ring.EmptyPairs-before.Ring.EmptyPairs), "empty-pairs")
}

func entersPerReceive(before, after ops.Stats) float64 {
	return float64(after.Ring.Enters-before.Ring.Enters) / float64(after.Buffers.Leases-before.Buffers.Leases)
}

// working is an echo that is busy for a while with each piece.
func working(d time.Duration) server.Handler {
	return &handler{received: func(s *server.Session, buffer bufring.Buffer) {
		for begin := time.Now(); d > 0 && time.Since(begin) < d; {
		}
		s.Send(buffer)
	}}
}

// dialMany connects clients that are being served when it returns.
func dialMany(t testing.TB, r *running, n int) []net.Conn {
	t.Helper()
	clients := make([]net.Conn, n)
	for i := range clients {
		clients[i] = r.dial()
		requireEcho(t, clients[i], "served")
	}
	return clients
}

// pingPong has every client echo as many short messages, one after the other, and gives their sum.
func pingPong(t testing.TB, clients []net.Conn, each int) int {
	t.Helper()
	together(t, len(clients), func(i int) error { return echoOften(clients[i], each) })
	return len(clients) * each
}

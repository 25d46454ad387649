package server

import (
	"log/slog"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

// Buckets are the token buckets of a shard.
type Buckets struct{ *buckets }

func NewBuckets(size, perSecond, burst int) Buckets {
	return Buckets{newBuckets(size, perSecond, burst)}
}

func (b Buckets) Take(addr netip.Addr, now time.Duration) bool { return b.take(sourceOf(addr), now) }
func (b Buckets) Limit(perSecond, burst int)                   { b.limit(perSecond, burst) }
func (b Buckets) Len() int                                     { return b.len() }

// Meter is one of the limits of all shards together.
type Meter struct{ *meter }

func NewMeter(perSecond int) Meter                 { return Meter{newMeter(perSecond)} }
func (m Meter) Take(n int, now time.Duration) bool { return m.take(n, now) }

// Totals are both of them.
type Totals struct{ *totals }

func NewTotals(cfg DatagramConfig) Totals               { return Totals{newTotals(cfg)} }
func (t Totals) Take(bytes int, now time.Duration) bool { return t.take(bytes, now) }

// Guard is what decides about datagrams.
type Guard struct{ *guard }

// NewGuard gives one for a server that listens on these ports.
func NewGuard(cfg DatagramConfig, ports ...uint16) Guard {
	g := newGuard(cfg, newTotals(cfg))
	g.own = new(portSet)
	for _, port := range ports {
		g.own.add(port)
	}
	return Guard{g}
}

// Inspect gives "" for what passes.
func (g Guard) Inspect(
	from netip.AddrPort, info ops.PacketInfo, flags ops.SocketFlags, n int, now time.Duration,
) DropReason {
	return dropReasons[g.inspect(from, info, flags, n, now)]
}

// ShutSend makes the kernel refuse whatever the sockets send, behind the back of the server.
func ShutSend(s *Server) {
	for _, b := range s.bounds {
		for _, socket := range b.sockets {
			_ = socket.Control(func(fd uintptr) {
				_ = unix.Shutdown(int(fd), unix.SHUT_WR) // ENOTCONN, and is done nevertheless
			})
		}
	}
}

// DropLog tells of dropped datagrams.
type DropLog struct{ dropLog }

func NewDropLog(log *slog.Logger) *DropLog { return &DropLog{dropLog{log: log}} }

// Drop is what a shard does about a datagram: total were dropped by now. It tells whether a line was written.
func (l *DropLog) Drop(total uint64, now time.Duration) bool {
	due := l.due(dropLoop, now)
	if due {
		l.write(dropLoop, total, netip.AddrPort{}, "udp://127.0.0.1:7")
	}
	return due
}

// DatagramsByShard is what every shard has received.
func DatagramsByShard(s *Server) (received []uint64) {
	for _, sh := range s.shards {
		received = append(received, sh.datagrams.received.Load())
	}
	return received
}

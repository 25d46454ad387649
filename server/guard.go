package server

import (
	"net/netip"
	"time"

	"github.com/ringport/ringport/ops"
)

// answerClass is the traffic class of answers: lower effort (RFC 8622), which hardly anything asks with. So an echo
// server sees of a datagram that it is an answer already, and two that are made to talk fall silent at once.
const answerClass = 1 << 2

// congestionBits are those of the traffic class that routers write to.
const congestionBits = 3

// firstFreePort is the lowest port that a client may have. Below, services answer by themselves.
const firstFreePort = 1024

// guard decides which datagrams a shard answers. Anybody can forge a sender, so that an echo service can be made to
// send to hosts that never asked, and to other services that answer it for ever: see CVE-2024-2169.
type guard struct {
	own     *portSet // ports that this server listens on; set before the first datagram
	buckets *buckets
	each    bool // sources are limited
	totals  *totals
}

func newGuard(cfg DatagramConfig, all *totals) *guard {
	g := &guard{buckets: newBuckets(cfg.Sources, cfg.SourceRate, cfg.SourceBurst)}
	g.limit(cfg, all)
	return g
}

// limit changes the rates.
func (g *guard) limit(cfg DatagramConfig, all *totals) {
	g.each, g.totals = cfg.SourceRate > 0, all
	g.buckets.limit(cfg.SourceRate, cfg.SourceBurst)
}

// inspect tells why a datagram is not to be answered, or passed. What looks at the datagram alone comes before what
// counts, so that forged ones use up nobody's share.
func (g *guard) inspect(
	from netip.AddrPort, info ops.PacketInfo, flags ops.SocketFlags, n int, now time.Duration,
) drop {
	switch {
	case from.Port() < firstFreePort:
		return dropPrivilegedPort
	case g.own.has(from.Port()):
		return dropOwnPort
	case info.Broadcast, !isHost(from.Addr()), !isHost(info.Address):
		return dropMulticast
	case flags&(ops.Truncated|ops.ControlDataTruncated) != 0:
		return dropTruncated
	case info.TrafficClass&^congestionBits == answerClass:
		return dropLoop
	case g.each && !g.buckets.take(sourceOf(from.Addr()), now):
		return dropSourceRate
	case !g.totals.take(n, now):
		return dropTotalRate
	}
	return passed
}

// isHost tells whether an address can be that of one host.
func isHost(addr netip.Addr) bool {
	addr = addr.Unmap()
	switch {
	case !addr.IsValid(), addr.IsUnspecified(), addr.IsMulticast():
		return false
	case addr.Is4():
		first := addr.As4()[0]
		return first != 0 && first < 240 // this network (RFC 1122), and what was kept for later, with 255.255.255.255
	}
	return true
}

// portSet is a set of port numbers.
type portSet [1 << 16 / 64]uint64

func (p *portSet) add(port uint16)      { p[port/64] |= 1 << (port % 64) }
func (p *portSet) has(port uint16) bool { return p[port/64]>>(port%64)&1 != 0 }

// portsOf gives the ports of endpoints that have one.
func portsOf(endpoints []ops.Endpoint) *portSet {
	p := new(portSet)
	for _, ep := range endpoints {
		p.add(ep.Port()) // 0 of those that have none is nobody's
	}
	return p
}

package matrix

import (
	"fmt"

	"github.com/ringport/ringport/internal/load"
)

// Catalogue is the loads that every comparison knows. The first are what the closing table is made of, the last ones
// what the plots of latency over offered load need.
func Catalogue() []Load {
	loads := []Load{
		{Name: "tcp-64b-1", Title: "TCP, 64 B, 1 connection", Network: "tcp", Conns: 1},
		{Name: "tcp-64b-64", Title: "TCP, 64 B, 64 connections", Network: "tcp", Conns: 64},
		{Name: "tcp-64b-1000", Title: "TCP, 64 B, 1000 connections", Network: "tcp", Conns: 1000},
		{Name: "tcp-64b-10000", Title: "TCP, 64 B, 10,000 connections", Network: "tcp", Conns: 10000},
		{Name: "tcp-16k-64", Title: "TCP, 16 KiB, 64 connections", Network: "tcp", Conns: 64, Size: 16 << 10},
		{Name: "tcp-pipelined-64", Title: "TCP, 64 B, 64 connections, 16 messages each at a time", Network: "tcp",
			Pattern: load.Pipelined, Conns: 64},
		{Name: "tcp-stream-8", Title: "TCP stream, 256 KiB messages, 8 connections", Network: "tcp",
			Pattern: load.Stream, Conns: 8},
		{Name: "unix-64b-64", Title: "Unix socket, 64 B, 64 connections", Network: "unix", Conns: 64},
		{Name: "udp-64b-64", Title: "UDP, 64 B, 64 clients", Network: "udp", Conns: 64},
		{Name: "tcp-churn-64", Title: "TCP churn: connect, one echo of 64 B, close; 64 at a time", Network: "tcp",
			Pattern: load.Churn, Conns: 64},
		{Name: "tcp-idle-1000", Title: "TCP, 1000 connections, idle after an echo", Network: "tcp",
			Pattern: load.Idle, Idle: 1000},
		{Name: "tcp-idle-10000", Title: "TCP, 10,000 connections, idle after an echo", Network: "tcp",
			Pattern: load.Idle, Idle: 10000},
	}
	for i := range loads {
		if loads[i].Pattern == "" {
			loads[i].Pattern = load.PingPong
		}
	}
	for _, percent := range []int{10, 30, 50, 70, 80, 90} {
		loads = append(loads, offered(64, percent))
	}
	return append(loads, offered(1000, 70))
}

// offered is an open loop at so many percent of the best other server's capacity.
func offered(conns, percent int) Load {
	return Load{
		Name:     fmt.Sprintf("tcp-open-%d-%d", conns, percent),
		Title:    fmt.Sprintf("TCP, 64 B, %d connections, open loop at %d %% of the best other server", conns, percent),
		Network:  "tcp",
		Pattern:  load.PingPong,
		Conns:    conns,
		Arrivals: load.Poisson,
		RateOf:   fmt.Sprintf("tcp-64b-%d", conns),
		RatePart: float64(percent) / 100,
	}
}

// Quick is the loads of a look that takes two minutes.
func Quick() []string {
	return []string{"tcp-64b-1", "tcp-64b-64", "tcp-64b-1000", "tcp-16k-64", "tcp-stream-8", "unix-64b-64", "udp-64b-64",
		"tcp-churn-64", "tcp-idle-1000", "tcp-open-64-30", "tcp-open-64-70", "tcp-open-64-90"}
}

package server

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ringport/ringport/bufring"
)

// Defaults of a Config.
const (
	DefaultListen                      = "tcp://127.0.0.1:7007"
	DefaultMaxConns                    = 10000
	DefaultIdleTimeout   time.Duration = 0 // none
	DefaultWriteTimeout  time.Duration = 0 // none
	DefaultBufferSize                  = bufring.DefaultSize
	DefaultBuffers                     = bufring.DefaultBuffers
	DefaultHighWater                   = 256 << 10
	DefaultLingerTimeout               = 2 * time.Second
	DefaultBacklog                     = 1024
	DefaultLifetime      time.Duration = 0 // none
	DefaultAcceptRate                  = 0 // as fast as they come
	DefaultMaxQueued                   = 0 // HighWater of each session is the only limit
)

// Defaults of a DatagramConfig.
const (
	DefaultSourceRate  = 1000
	DefaultSourceBurst = 2000
	DefaultSources     = 4096
	DefaultTotalRate   = 100_000
	DefaultTotalBytes  = 64 << 20
)

// Limits of a Config, far beyond what is useful: they catch slips, and keep sums from overflowing.
const (
	maxShards    = 1024
	maxMaxConns  = 1 << 24
	maxHighWater = 1 << 30
	minHighWater = 1 << 10
	maxBacklog   = 65535
	maxTimeout   = 365 * 24 * time.Hour
	maxRate      = 1 << 30
	maxMaxQueued = 1 << 40
	maxSources   = 1 << 20
)

// Config says where a server listens and what it may use. The zero value of a field is its default.
type Config struct {
	// Listen has the addresses to listen on, such as "tcp://127.0.0.1:7007", "tcp://[::1]:7007" or "tcp://:7007",
	// which is every address of this machine, IPv4 and IPv6; "udp://127.0.0.1:7007"; "unix:///run/echo.sock", and
	// "unix://@name" in the abstract name space. Port 0 takes a free port. None, and nothing Inherited: DefaultListen.
	Listen []string
	// Inherited has sockets that listen already, made by systemd or by the process before this one.
	Inherited []Inherited
	// TakeOver lets the server listen where another server of the same user listens: the kernel gives each a part of
	// the connections until the other one stops. Not so for Unix sockets, which must be Inherited.
	TakeOver bool
	// Shards is the number of ports, each with a goroutine and a thread, 1..1024; 0: the number of CPUs that the
	// process may use.
	Shards int
	// MaxConns is how many connections are served at a time, over all shards, 1..16777216; 0: DefaultMaxConns. More
	// wait in the listeners' backlog.
	MaxConns int
	// MaxConnsPerIP is how many connections one IPv4 address, or one IPv6 network of 64 bits, may have,
	// 1..16777216; 0: as many as it likes. More are closed at once.
	MaxConnsPerIP int
	// AcceptRate is how many connections are accepted in a second, over all shards, 1..1073741824; 0: as many as come.
	// More wait in the listeners' backlog.
	AcceptRate int
	// AcceptBurst is how many connections are accepted at once after a quiet time, 1..1073741824; 0: AcceptRate. In any
	// time no more than the burst and what the rate allows are let in. A listener may have taken a few more from its
	// backlog, which wait in the server for their turn.
	AcceptBurst int
	// IdleTimeout closes a session on which nothing was received or sent for so long, up to a year; 0: never.
	IdleTimeout time.Duration
	// WriteTimeout closes a session when so long nothing was taken of what is queued for its peer, up to a year;
	// 0: never. Progress is seen in steps of 64 KiB, or of all that is queued when that is less, so that a peer which
	// reads a byte now and then is closed as well.
	WriteTimeout time.Duration
	// Lifetime ends a session so long after it was opened, up to a year: it sends what is queued and closes; 0: never.
	// A peer that takes nothing of that for WriteTimeout, or without one for LingerTimeout, does not get it.
	Lifetime time.Duration
	// BufferSize is the size of a receive buffer in bytes, 64..1048576; 0: DefaultBufferSize. With UDP listeners it is
	// 480 at least, and datagrams longer than BufferSize without ops.DatagramOverhead are dropped.
	BufferSize int
	// Buffers is the number of receive buffers of each shard, 1..32768; 0: DefaultBuffers. Memory is used for those
	// that were needed at one time.
	Buffers int
	// HighWater is how many bytes may be queued for a session before its receiving pauses, 1024..1073741824; 0:
	// DefaultHighWater. What one turn of the port delivers may go beyond it.
	HighWater int
	// MaxQueued is how many bytes may be queued for all sessions together before receiving pauses, 1024..1099511627776;
	// 0: as many as HighWater of every session allows. Only sessions for which something is queued pause, until half of
	// it is left. What they receive until they are found to be blocked may go beyond it.
	MaxQueued int
	// LingerTimeout is how long a session that was ended by this side reads on until the peer ends its side, up to
	// a year; 0: DefaultLingerTimeout.
	LingerTimeout time.Duration
	// Backlog is how many connections may wait in the kernel for each listener, 1..65535, and not more than
	// net.core.somaxconn; 0: DefaultBacklog.
	Backlog int
	// Nagle leaves Nagle's algorithm on, which holds back small segments. It is off otherwise.
	Nagle bool
	// PinCPUs keeps each shard's thread on one of the CPUs that the process may use.
	PinCPUs bool
	// Datagrams limits what is done for UDP.
	Datagrams DatagramConfig
	// Logger is told of failures, and at level debug of every session; nil: nobody is.
	Logger *slog.Logger
}

// DatagramConfig limits what a server does for datagrams, whose senders anybody may forge. The zero value of a field
// is its default.
type DatagramConfig struct {
	// Public allows UDP listeners on addresses that other machines reach. Without it only loopback addresses are taken.
	Public bool
	// SourceRate is how many datagrams of one IPv4 address, or one IPv6 network of 64 bits, are answered in a second,
	// 1..1073741824; 0: DefaultSourceRate; negative: any number.
	SourceRate int
	// SourceBurst is how many are answered at once after a quiet time, 1..1073741824; 0: DefaultSourceBurst.
	SourceBurst int
	// Sources is how many sources are kept in mind by each shard, 1..1048576; 0: DefaultSources. The one that was quiet
	// the longest is forgotten first.
	Sources int
	// TotalRate is how many datagrams are answered in a second, over all sources and shards, 1..1073741824, and as many
	// at once after a quiet second; 0: DefaultTotalRate; negative: any number.
	TotalRate int
	// TotalBytes is how many bytes of datagrams are answered in a second, over all sources and shards,
	// 65536..1073741824, and as many at once after a quiet second; 0: DefaultTotalBytes; negative: any number.
	TotalBytes int
}

// Validate names every field and every address that is wrong, all at once. Names in addresses are not looked up.
func (c Config) Validate() error {
	c = c.withDefaults()
	var wrong []error
	count := func(name string, value, low, high int) {
		if value < low || value > high {
			wrong = append(wrong, fmt.Errorf("server: %s is %d, want %d to %d", name, value, low, high))
		}
	}
	timeout := func(name string, value time.Duration) {
		if value < 0 || value > maxTimeout {
			wrong = append(wrong, fmt.Errorf("server: %s is %v, want 0s to %v", name, value, maxTimeout))
		}
	}
	for _, address := range c.Listen {
		if err := c.checkAddress(address); err != nil {
			wrong = append(wrong, err)
		}
	}
	count("Shards", c.Shards, 1, maxShards)
	count("MaxConns", c.MaxConns, 1, maxMaxConns)
	count("MaxConnsPerIP", c.MaxConnsPerIP, 0, maxMaxConns)
	count("AcceptRate", c.AcceptRate, 0, maxRate)
	count("AcceptBurst", c.AcceptBurst, 0, maxRate)
	timeout("IdleTimeout", c.IdleTimeout)
	timeout("WriteTimeout", c.WriteTimeout)
	timeout("Lifetime", c.Lifetime)
	count("BufferSize", c.BufferSize, c.minBufferSize(), bufring.MaxBufferSize)
	count("Buffers", c.Buffers, 1, bufring.MaxBuffers)
	count("HighWater", c.HighWater, minHighWater, maxHighWater)
	if c.MaxQueued != 0 {
		count("MaxQueued", c.MaxQueued, minHighWater, maxMaxQueued)
	}
	timeout("LingerTimeout", c.LingerTimeout)
	count("Backlog", c.Backlog, 1, maxBacklog)
	d := c.Datagrams
	if d.SourceRate >= 0 {
		count("Datagrams.SourceRate", d.SourceRate, 1, maxRate)
	}
	count("Datagrams.SourceBurst", d.SourceBurst, 1, maxRate)
	count("Datagrams.Sources", d.Sources, 1, maxSources)
	if d.TotalRate >= 0 {
		count("Datagrams.TotalRate", d.TotalRate, 1, maxRate)
	}
	if d.TotalBytes >= 0 {
		count("Datagrams.TotalBytes", d.TotalBytes, 1<<16, maxRate)
	}
	return errors.Join(wrong...)
}

func (c Config) withDefaults() Config {
	if len(c.Listen) == 0 && len(c.Inherited) == 0 {
		c.Listen = []string{DefaultListen}
	}
	c.Shards = orElse(c.Shards, len(usableCPUs()))
	c.MaxConns = orElse(c.MaxConns, DefaultMaxConns)
	c.BufferSize = orElse(c.BufferSize, DefaultBufferSize)
	c.Buffers = orElse(c.Buffers, DefaultBuffers)
	c.HighWater = orElse(c.HighWater, DefaultHighWater)
	c.LingerTimeout = orElse(c.LingerTimeout, DefaultLingerTimeout)
	c.Backlog = orElse(c.Backlog, DefaultBacklog)
	c.AcceptBurst = orElse(c.AcceptBurst, c.AcceptRate)
	d := &c.Datagrams
	d.SourceRate = orElse(d.SourceRate, DefaultSourceRate)
	d.SourceBurst = orElse(d.SourceBurst, DefaultSourceBurst)
	d.Sources = orElse(d.Sources, DefaultSources)
	d.TotalRate = orElse(d.TotalRate, DefaultTotalRate)
	d.TotalBytes = orElse(d.TotalBytes, DefaultTotalBytes)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// orElse is value, or its default when it is zero.
func orElse[T int | time.Duration](value, byDefault T) T {
	if value == 0 {
		return byDefault
	}
	return value
}

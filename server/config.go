package server

import (
	"log/slog"
	"time"

	"github.com/ringport/ringport/bufring"
)

// Defaults of a Config.
const (
	DefaultListen                        = "tcp://127.0.0.1:7007"
	DefaultMaxConns                      = 10000
	DefaultIdleTimeout     time.Duration = 0 // none
	DefaultWriteTimeout    time.Duration = 0 // none
	DefaultBufferSize                    = bufring.DefaultSize
	DefaultBuffers                       = bufring.DefaultBuffers
	DefaultDatagramSize                  = 64 << 10 // any datagram fits into it
	DefaultDatagramBuffers               = 1024     // as much memory as with the defaults for streams
	DefaultHighWater                     = 256 << 10
	DefaultLingerTimeout                 = 2 * time.Second
	DefaultBacklog                       = 1024
	DefaultLifetime        time.Duration = 0 // none
	DefaultAcceptRate                    = 0 // as fast as they come
	DefaultMaxQueued                     = 0 // HighWater of each session is the only limit
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
	// BufferSize is how many bytes a receive buffer takes, 64..1048576; 0: DefaultBufferSize, or with UDP listeners
	// DefaultDatagramSize. With UDP listeners it is 256 at least, and longer datagrams are dropped.
	BufferSize int
	// Buffers is the number of receive buffers of each shard, 1..32768; 0: DefaultBuffers, or DefaultDatagramBuffers
	// where BufferSize is DefaultDatagramSize by default. Memory is used for those that were needed at one time.
	Buffers int
	// HighWater is how many bytes may be queued for a session before its receiving pauses, 1024..1073741824; 0:
	// DefaultHighWater. What one turn of the port delivers goes beyond it: as a rule all that the kernel had received for
	// the session; with less than DefaultHighWater, from Linux 6.18 on, at most as much again.
	HighWater int
	// MaxQueued is how many bytes may be queued for all sessions together before receiving pauses, 1024..1099511627776;
	// 0: as many as HighWater of every session allows. Only sessions for which something is queued pause, until half of
	// it is left. What one turn of the ports delivers goes beyond it, and then at most BufferSize for each session, before
	// Linux 6.18 what the kernel had received for it.
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
	// Spin is how long a shard watches its ring before it sleeps, up to 10ms; 0: it sleeps at once. See ops.PortConfig.
	Spin time.Duration
	// Datagrams limits what is done for UDP.
	Datagrams DatagramConfig
	// Logger is told of failures, and at level debug of every session; nil: nobody is.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if len(c.Listen) == 0 && len(c.Inherited) == 0 {
		c.Listen = []string{DefaultListen}
	}
	c.Shards = orElse(c.Shards, len(usableCPUs()))
	c.MaxConns = orElse(c.MaxConns, DefaultMaxConns)
	c.sizeBuffers()
	c.HighWater = orElse(c.HighWater, DefaultHighWater)
	c.LingerTimeout = orElse(c.LingerTimeout, DefaultLingerTimeout)
	c.Backlog = orElse(c.Backlog, DefaultBacklog)
	c.AcceptBurst = orElse(c.AcceptBurst, c.AcceptRate)
	c.Datagrams = c.Datagrams.withDefaults()
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

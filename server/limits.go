package server

import "time"

// limits are what Reload changes. A value is never written to once it is in use: shards and other goroutines see the
// old or the new one, as a whole.
type limits struct {
	maxConns, maxConnsPerIP   int
	acceptRate, acceptBurst   int
	idle, write, life, linger time.Duration
	highWater                 int
	maxQueued                 int64
	datagrams                 DatagramConfig
}

// limits gives those of a configuration whose defaults are filled in.
func (c *Config) limits() *limits {
	return &limits{
		maxConns: c.MaxConns, maxConnsPerIP: c.MaxConnsPerIP,
		acceptRate: c.AcceptRate, acceptBurst: c.AcceptBurst,
		idle: c.IdleTimeout, write: c.WriteTimeout, life: c.Lifetime, linger: c.LingerTimeout,
		highWater: c.HighWater, maxQueued: int64(c.MaxQueued),
		datagrams: c.Datagrams,
	}
}

// timed tells whether the end of a session depends on when bytes moved.
func (l *limits) timed() bool { return l.idle > 0 || l.write > 0 || l.life > 0 }

package server

import (
	"errors"
	"fmt"
	"time"

	"github.com/ringport/ringport/bufring"
)

// Limits of a Config, far beyond what is useful: they catch slips, and keep sums from overflowing.
const (
	maxShards    = 1024
	maxMaxConns  = 1 << 24
	maxHighWater = 1 << 30
	minHighWater = 1 << 10
	maxBacklog   = 65535
	maxTimeout   = 365 * 24 * time.Hour
	maxSpin      = 10 * time.Millisecond
	maxRate      = 1 << 30
	maxMaxQueued = 1 << 40
	maxSources   = 1 << 20
	minBytes     = 1 << 16 // any datagram fits into it
)

// faults is what is wrong with a configuration.
type faults []error

func (f *faults) count(name string, value, low, high int) {
	if value < low || value > high {
		*f = append(*f, fmt.Errorf("server: %s is %d, want %d to %d", name, value, low, high))
	}
}

func (f *faults) timeout(name string, value time.Duration) { f.time(name, value, maxTimeout) }

func (f *faults) time(name string, value, high time.Duration) {
	if value < 0 || value > high {
		*f = append(*f, fmt.Errorf("server: %s is %v, want 0s to %v", name, value, high))
	}
}

// Validate names every field and every address that is wrong, all at once. Names in addresses are not looked up.
func (c Config) Validate() error {
	c = c.withDefaults()
	var wrong faults
	for _, address := range c.Listen {
		if err := c.checkAddress(address); err != nil {
			wrong = append(wrong, err)
		}
	}
	wrong.count("Shards", c.Shards, 1, maxShards)
	wrong.count("MaxConns", c.MaxConns, 1, maxMaxConns)
	wrong.count("MaxConnsPerIP", c.MaxConnsPerIP, 0, maxMaxConns)
	wrong.count("AcceptRate", c.AcceptRate, 0, maxRate)
	wrong.count("AcceptBurst", c.AcceptBurst, 0, maxRate)
	wrong.timeout("IdleTimeout", c.IdleTimeout)
	wrong.timeout("WriteTimeout", c.WriteTimeout)
	wrong.timeout("Lifetime", c.Lifetime)
	wrong.count("BufferSize", c.BufferSize, c.minBufferSize(), bufring.MaxBufferSize)
	wrong.count("Buffers", c.Buffers, 1, bufring.MaxBuffers)
	wrong.count("HighWater", c.HighWater, minHighWater, maxHighWater)
	if c.MaxQueued != 0 {
		wrong.count("MaxQueued", c.MaxQueued, minHighWater, maxMaxQueued)
	}
	wrong.timeout("LingerTimeout", c.LingerTimeout)
	wrong.time("Spin", c.Spin, maxSpin)
	wrong.count("Backlog", c.Backlog, 1, maxBacklog)
	c.Datagrams.check(&wrong)
	return errors.Join(wrong...)
}

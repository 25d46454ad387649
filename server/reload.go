package server

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Reload makes the limits of cfg those of the server, at once and for sessions that are open, too: MaxConns,
// MaxConnsPerIP, AcceptRate, AcceptBurst, IdleTimeout, WriteTimeout, Lifetime, HighWater, MaxQueued, LingerTimeout, and
// of Datagrams the rates. A limit below what is in use cuts nobody: no more are let in until it is kept. Logger and
// Inherited stay what they are, whatever cfg says, and so do Shards, BufferSize and Buffers when they are 0.
//
// Any goroutine may call it, at any time. When it returns an error nothing has changed: what Config.Validate finds
// wrong; the names of other fields that differ from what the server was made with, which need another one; or an error
// that matches net.ErrClosed when the server has ended.
func (s *Server) Reload(cfg Config) error {
	cfg.Inherited, cfg.Logger = s.cfg.Inherited, s.cfg.Logger
	cfg.Shards = orElse(cfg.Shards, s.cfg.Shards)
	cfg.BufferSize = orElse(cfg.BufferSize, s.cfg.BufferSize) // Inherited may be closed, so that the default is unknown
	cfg.Buffers = orElse(cfg.Buffers, s.cfg.Buffers)
	if err := cfg.Validate(); err != nil {
		return err
	}
	cfg = cfg.withDefaults()
	if fixed := s.cfg.fixedFields(&cfg); len(fixed) > 0 {
		return fmt.Errorf("server: reload: %s cannot change while the server runs; restart it for that",
			strings.Join(fixed, ", "))
	}
	s.reloading.Lock()
	defer s.reloading.Unlock()
	select {
	case <-s.done:
		return errServerClosed
	default:
	}
	s.apply(cfg.limits())
	return nil
}

// apply makes limits those of the server. Under the lock of reloads, so that every shard ends with the same.
func (s *Server) apply(l *limits) {
	s.resteer(l.datagrams)
	s.limits.Store(l)
	s.totals.Store(s.totals.Load().with(l.datagrams))
	s.gate.limit(l)
	s.sources.limit(l.maxConnsPerIP)
	s.budget.limit(l.maxQueued)
	for _, sh := range s.shards {
		sh.post(sh.relimit)
	}
}

// relimit takes the newest limits, and has every session keep them.
func (sh *shard) relimit() {
	before := sh.limits
	sh.limits = sh.server.limits.Load()
	sh.relimitDatagrams()
	now := clock()
	sh.each(func(s *Session) {
		if !before.timed() {
			s.touch(now)
		}
		s.relimit(now)
	})
}

// touch has the times of a session begin now: no limit has concerned them so far.
func (s *Session) touch(now time.Duration) {
	s.active = now
	if s.queue != nil {
		s.queue.progress = now
	}
}

// relimit looks at the session by limits that have changed.
func (s *Session) relimit(now time.Duration) {
	s.countSource()
	s.relimitTurn()
	if s.phase == phaseLingering {
		s.part().until = min(s.part().until, now+s.shard.limits.linger)
	}
	s.throttle()
	s.schedule()
}

// fixedFields names the fields in which the configurations differ and that are used once, when the server is made.
func (c *Config) fixedFields(other *Config) (names []string) {
	for _, field := range []struct {
		name string
		same bool
	}{
		{"Listen", slices.Equal(c.Listen, other.Listen)},
		{"TakeOver", c.TakeOver == other.TakeOver},
		{"Shards", c.Shards == other.Shards},
		{"BufferSize", c.BufferSize == other.BufferSize},
		{"Buffers", c.Buffers == other.Buffers},
		{"Backlog", c.Backlog == other.Backlog},
		{"Nagle", c.Nagle == other.Nagle},
		{"PinCPUs", c.PinCPUs == other.PinCPUs},
		{"Spin", c.Spin == other.Spin},
		{"Datagrams.Public", c.Datagrams.Public == other.Datagrams.Public},
		{"Datagrams.Sources", c.Datagrams.Sources == other.Datagrams.Sources},
	} {
		if !field.same {
			names = append(names, field.name)
		}
	}
	return names
}

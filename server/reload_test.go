package server_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/server"
)

// base is what the servers of these tests are made with.
func base() server.Config {
	return server.Config{Listen: []string{"tcp://127.0.0.1:0"}, Shards: 2, Buffers: 1024}
}

// reload changes some limits.
func (r *running) reload(cfg server.Config, change func(*server.Config)) {
	r.t.Helper()
	change(&cfg)
	require.NoError(r.t, r.Reload(cfg))
}

func TestABrokenConfigurationIsNotReloaded(t *testing.T) {
	r := start(t, base(), server.Echo{})
	cfg := base()
	cfg.MaxConns, cfg.IdleTimeout, cfg.Lifetime = 1, -1, -2
	err := r.Reload(cfg)
	require.Equal(t, cfg.Validate(), err)
	require.ErrorContains(t, err, "IdleTimeout")
	require.ErrorContains(t, err, "Lifetime")
	requireEcho(t, r.dial(), "one")
	requireEcho(t, r.dial(), "two: MaxConns is what it was")
}

func TestAReloadNamesTheFieldsThatNeedARestart(t *testing.T) {
	tests := []struct {
		field  string
		change func(*server.Config)
	}{
		{"Listen", func(c *server.Config) { c.Listen = []string{"tcp://127.0.0.1:1"} }},
		{"TakeOver", func(c *server.Config) { c.TakeOver = true }},
		{"Shards", func(c *server.Config) { c.Shards = 3 }},
		{"BufferSize", func(c *server.Config) { c.BufferSize = 1000 }},
		{"Buffers", func(c *server.Config) { c.Buffers = 7 }},
		{"Backlog", func(c *server.Config) { c.Backlog = 7 }},
		{"Nagle", func(c *server.Config) { c.Nagle = true }},
		{"PinCPUs", func(c *server.Config) { c.PinCPUs = true }},
		{"Spin", func(c *server.Config) { c.Spin = time.Microsecond }},
		{"Datagrams.Public", func(c *server.Config) { c.Datagrams.Public = true }},
		{"Datagrams.Sources", func(c *server.Config) { c.Datagrams.Sources = 5 }},
	}
	r := start(t, base(), server.Echo{})
	all := base()
	for _, test := range tests {
		cfg := base()
		cfg.MaxConns = 1
		test.change(&cfg)
		test.change(&all)
		require.EqualError(t, r.Reload(cfg), "server: reload: "+test.field+
			" cannot change while the server runs; restart it for that")
	}
	err := r.Reload(all)
	require.Error(t, err)
	for _, test := range tests {
		require.Contains(t, err.Error(), test.field)
	}
	require.Len(t, strings.Split(err.Error(), ", "), len(tests))
	requireEcho(t, r.dial(), "one")
	requireEcho(t, r.dial(), "two: nothing has changed")
}

func TestAReloadWithoutShardsAndLoggerKeepsThem(t *testing.T) {
	r := start(t, base(), server.Echo{})
	cfg := base()
	cfg.Shards, cfg.Logger = 0, nil
	require.NoError(t, r.Reload(cfg))
	require.Len(t, r.Stats().Shards, 2)
	requireEcho(t, r.dial(), "hello")
}

func TestMoreConnsLetInThoseThatWait(t *testing.T) {
	cfg := base()
	cfg.MaxConns = 1
	r := start(t, cfg, server.Echo{})
	first := r.dial()
	requireEcho(t, first, "one")
	waiting := []*net.TCPConn{r.dial(), r.dial()}
	for _, c := range waiting {
		_, err := c.Write([]byte("I wait"))
		require.NoError(t, err)
	}
	requireEcho(t, first, "one is alone")
	require.Equal(t, 1, r.Stats().Sessions)
	r.reload(cfg, func(c *server.Config) { c.MaxConns = 3 })
	for _, c := range waiting {
		_, err := io.ReadFull(c, make([]byte, len("I wait")))
		require.NoError(t, err)
	}
	require.Equal(t, 3, r.Stats().Sessions)
}

func TestFewerConnsCutNobody(t *testing.T) {
	r := start(t, base(), server.Echo{})
	conns := make([]*net.TCPConn, 4)
	for i := range conns {
		conns[i] = r.dial()
		requireEcho(t, conns[i], "let in")
	}
	r.reload(base(), func(c *server.Config) { c.MaxConns = 2 })
	require.EqualValues(t, 1, r.Stats().ConnLimited)
	require.ErrorContains(t, r.Ready(), "at the limit of 2 connections")
	waiting := r.dial()
	_, err := waiting.Write([]byte("I wait"))
	require.NoError(t, err)
	for i, c := range conns {
		requireEcho(t, c, "still served")
		require.LessOrEqual(t, r.Stats().Sessions, 4)
		if i < 2 {
			require.NoError(t, c.Close())
		}
	}
	r.until("two are left", func(s server.Stats) bool { return s.Sessions == 2 })
	requireEcho(t, conns[3], "the limit is reached, not passed below")
	require.Equal(t, 2, r.Stats().Sessions)
	require.NoError(t, conns[2].Close())
	_, err = io.ReadFull(waiting, make([]byte, len("I wait")))
	require.NoError(t, err)
	require.Equal(t, 2, r.Stats().Sessions)
}

func TestALimitOfConnsPerIPCountsThoseThatAreThere(t *testing.T) {
	r := start(t, base(), server.Echo{})
	first, second := r.dial(), r.dial()
	requireEcho(t, first, "one")
	requireEcho(t, second, "two")
	r.reload(base(), func(c *server.Config) { c.MaxConnsPerIP = 2 })
	require.Eventually(t, func() bool { return !r.letsIn() }, patience, time.Millisecond, "the shards know")
	requireEcho(t, first, "one is served")
	require.NoError(t, second.Close())
	require.Eventually(t, r.letsIn, patience, time.Millisecond, "there is room again")
	r.reload(base(), func(c *server.Config) { c.MaxConnsPerIP = 0 })
	require.Eventually(t, r.letsIn, patience, time.Millisecond, "as many as it likes")
	r.reload(base(), func(c *server.Config) { c.MaxConnsPerIP = 1 })
	require.Eventually(t, func() bool { return !r.letsIn() }, patience, time.Millisecond)
	requireEcho(t, first, "one is served")
}

// letsIn tells whether a client is served, which leaves again.
func (r *running) letsIn() bool {
	c, err := net.Dial("tcp", r.addr())
	require.NoError(r.t, err)
	defer c.Close()
	require.NoError(r.t, c.SetDeadline(time.Now().Add(patience)))
	return echoOften(c, 1) == nil
}

func TestTimeoutsOfOpenSessionsAreReloaded(t *testing.T) {
	tests := []struct {
		name   string
		before server.Config
		change func(*server.Config)
		want   error
	}{
		{"idle, from none", server.Config{},
			func(c *server.Config) { c.IdleTimeout = time.Millisecond }, server.ErrIdleTimeout},
		{"idle, from a long one", server.Config{IdleTimeout: time.Hour},
			func(c *server.Config) { c.IdleTimeout = time.Millisecond }, server.ErrIdleTimeout},
		{"lifetime, from none", server.Config{},
			func(c *server.Config) { c.Lifetime = time.Millisecond }, server.ErrLifetime},
		{"lifetime, from a long one", server.Config{Lifetime: time.Hour},
			func(c *server.Config) { c.Lifetime = time.Millisecond }, server.ErrLifetime},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h, ends := endings()
			test.before.Listen, test.before.Shards, test.before.Buffers = base().Listen, 2, 1024
			r := start(t, test.before, h)
			c := r.dial()
			requireEcho(t, c, "open")
			r.reload(test.before, test.change)
			requireEnd(t, c)
			require.NoError(t, c.Close())
			require.ErrorIs(t, <-ends, test.want)
		})
	}
}

func TestAWriteTimeoutIsReloadedForAPeerThatDoesNotRead(t *testing.T) {
	h, ends := endings()
	r := start(t, base(), h)
	c := r.dial()
	go func() { _ = sendSource(c, 1, 1<<30, 64<<10) }() // until it is reset
	r.until("it is paused", func(s server.Stats) bool { return s.Paused == 1 })
	r.reload(base(), func(c *server.Config) { c.WriteTimeout = 20 * time.Millisecond })
	require.ErrorIs(t, <-ends, server.ErrWriteTimeout)
}

func TestAHigherWaterLetsPausedSessionsGoOn(t *testing.T) {
	const size = 16 << 20
	for name, limits := range map[string]func(c *server.Config){
		"HighWater": func(c *server.Config) { c.HighWater = 64 << 10 },
		"MaxQueued": func(c *server.Config) { c.HighWater, c.MaxQueued = 1<<30, 64<<10 },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := base()
			limits(&cfg)
			r := start(t, cfg, server.Echo{})
			c := r.dialNarrow()
			wrote := make(chan error, 1)
			go func() { wrote <- sendSource(c, 1, size, 100_000) }()
			r.until("it is paused", func(s server.Stats) bool { return s.Paused == 1 })
			r.reload(base(), func(c *server.Config) { c.HighWater = 1 << 30 })
			require.NoError(t, <-wrote, "all of it is taken, and queued")
			r.until("nothing is left behind", func(s server.Stats) bool { return s.BytesIn == size && s.Paused == 0 })
			requireSource(t, c, 1, size)
		})
	}
}

func TestARateIsReloaded(t *testing.T) {
	cfg := base()
	cfg.AcceptRate, cfg.AcceptBurst = 1, 1
	r := start(t, cfg, server.Echo{})
	requireEcho(t, r.dial(), "the only one of this second")
	r.reload(cfg, func(c *server.Config) { c.AcceptRate, c.AcceptBurst = 0, 0 })
	together(t, 20, func(i int) error { return echoOnceAt(r.addr(), i) })
	require.EqualValues(t, 1, r.Stats().RateLimited, "by the one before")
	r.reload(cfg, func(*server.Config) {})
	requireEcho(t, r.dial(), "the only one again")
	require.EqualValues(t, 2, r.Stats().RateLimited)
	r.reload(cfg, func(c *server.Config) { c.AcceptRate, c.AcceptBurst = 1000, 1000 })
	together(t, 20, func(i int) error { return echoOnceAt(r.addr(), i) })
}

func TestAReloadMayComeAtAnyTime(t *testing.T) {
	r := start(t, base(), server.Echo{})
	limits := []func(*server.Config){
		func(c *server.Config) { c.MaxConns, c.MaxConnsPerIP, c.HighWater = 3, 2, 2048 },
		func(c *server.Config) { c.MaxConns, c.AcceptRate, c.AcceptBurst = 2, 1000, 1 },
		func(c *server.Config) { c.IdleTimeout, c.Lifetime, c.WriteTimeout = time.Hour, time.Hour, time.Hour },
		func(c *server.Config) { c.MaxQueued, c.LingerTimeout = 1024, time.Millisecond },
		func(*server.Config) {},
	}
	together(t, 24, func(i int) error {
		if i == 23 {
			r.until("some were served", func(s server.Stats) bool { return s.Closed() > 50 })
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			return r.Shutdown(ctx)
		}
		for j := range 1000 {
			if i%2 == 0 {
				cfg := base()
				limits[(i+j)%len(limits)](&cfg)
				if err := r.Reload(cfg); err != nil && !errors.Is(err, net.ErrClosed) {
					return err
				}
			} else if echoOnceAt(r.addr(), i) != nil && r.Ready() != nil && errors.Is(r.Ready(), net.ErrClosed) {
				return nil // it has been shut down
			}
		}
		return nil
	})
	require.ErrorIs(t, r.Reload(base()), net.ErrClosed)
}

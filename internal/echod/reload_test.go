package echod

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/internal/size"
	"github.com/ringport/ringport/server"
)

// reloads notes what a server is told.
type reloads struct {
	told []server.Config
	err  error
}

func (r *reloads) Reload(cfg server.Config) error {
	r.told = append(r.told, cfg)
	return r.err
}

// rig is a daemon that seems to run, with its options and its log.
type rig struct {
	running
	options serveOptions
	reloads *reloads
	log     *bytes.Buffer
}

func newRig(t *testing.T, args ...string) *rig {
	t.Helper()
	r := &rig{options: parsed(t, args...), reloads: &reloads{}, log: &bytes.Buffer{}}
	log, threshold := r.options.Log.logger(r.log)
	r.running = running{process: quiet(args...), server: r.reloads, log: log, threshold: threshold}
	return r
}

// reload takes the place of the signal.
func (r *rig) reload() {
	r.log.Reset()
	r.options = r.running.reload(r.options)
}

func TestReloadingTakesWhatTheFileSaysNow(t *testing.T) {
	path := configFile(t, `max-conns = 5`, `buffers = 64`)
	r := newRig(t, "--config="+path, "--backlog=9")
	rewrite(t, path, `max-conns = 6`, `buffers = 64`, `idle-timeout = "7s"`, `udp-total-rate = 0`, `drain-timeout = "8s"`,
		`log-level = "warn"`)
	r.reload()
	require.Len(t, r.reloads.told, 1)
	cfg := r.reloads.told[0]
	require.Equal(t, 6, cfg.MaxConns)
	require.Equal(t, 7*time.Second, cfg.IdleTimeout)
	require.Negative(t, cfg.Datagrams.TotalRate)
	require.Equal(t, 64, cfg.Buffers, "as before")
	require.Equal(t, 9, cfg.Backlog, "the same command line")
	require.Zero(t, cfg.Shards, "those that there are")
	require.Equal(t, 8*time.Second, r.options.Timeouts.DrainTimeout)
	require.Equal(t, slog.LevelWarn, r.threshold.Level())

	rewrite(t, path, `buffers = 64`, `log-level = "debug"`)
	r.reload()
	require.Equal(t, server.DefaultMaxConns, r.reloads.told[1].MaxConns, "a key that has gone has its default")
	require.Equal(t, slog.LevelDebug, r.threshold.Level())
	require.Contains(t, r.log.String(), `level=INFO msg="configuration reloaded" changed=`)
	require.Contains(t, r.log.String(), "max-conns,idle-timeout,drain-timeout,udp-total-rate,log-level")
}

func TestReloadingKeepsTheOrderOfFlagsEnvironmentAndFile(t *testing.T) {
	path := configFile(t)
	r := newRig(t, "--config="+path, "--max-conns=5")
	r.lookupEnv = lookup(map[string]string{"ECHOD_HIGH_WATER": "2MiB"})
	rewrite(t, path, `max-conns = 6`, `high-water = "3MiB"`, `max-queued = "4MiB"`)
	r.reload()
	require.Equal(t, 5, r.reloads.told[0].MaxConns)
	require.Equal(t, 2<<20, r.reloads.told[0].HighWater)
	require.Equal(t, 4<<20, r.reloads.told[0].MaxQueued)
}

func TestABrokenFileChangesNothing(t *testing.T) {
	path := configFile(t, `max-conns = 5`)
	r := newRig(t, "--config="+path)
	before := r.options
	for _, lines := range [][]string{
		{`max-conns = 6`, `max-con = 7`}, {`max-conns = 6`, `backlog = 0`}, {`max-conns = `},
		{`log-level = "debug"`, `[more]`},
	} {
		rewrite(t, path, lines...)
		r.reload()
		require.Equal(t, before, r.options)
		require.Empty(t, r.reloads.told)
		require.Equal(t, slog.LevelInfo, r.threshold.Level())
		require.Regexp(t, `^time=\S+ level=ERROR msg="the configuration is not reloaded, the old one stays" error="`+path+
			`:\d: .*"\n$`, r.log.String())
	}
}

func TestAServerThatRefusesChangesNothing(t *testing.T) {
	path := configFile(t, `max-conns = 5`)
	r := newRig(t, "--config="+path)
	before := r.options
	r.reloads.err = errors.New("server: closed")
	rewrite(t, path, `max-conns = 6`, `log-level = "debug"`)
	r.reload()
	require.Equal(t, before, r.options)
	require.Equal(t, slog.LevelInfo, r.threshold.Level())
	require.Contains(t, r.log.String(), `level=ERROR`)
	require.Contains(t, r.log.String(), `server: closed`)
}

func TestWhatNeedsARestartIsNamedAndTheRestChanges(t *testing.T) {
	path := configFile(t, `max-conns = 5`)
	r := newRig(t, "--config="+path)
	rewrite(t, path, `max-conns = 6`, `backlog = 7`, `listen = ["tcp://:9"]`, `handler = "discard"`, `shards = 3`,
		`admin = "127.0.0.1:9"`, `pprof = true`, `log-format = "json"`)
	for range 2 { // it is said again, since it is so still
		r.reload()
		require.Contains(t, r.log.String(), `level=WARN msg="some settings change only by a restart" `+
			`settings=listen,handler,shards,backlog,admin,pprof,log-format`)
	}
	for _, cfg := range r.reloads.told {
		require.Equal(t, 6, cfg.MaxConns)
		require.Equal(t, server.DefaultBacklog, cfg.Backlog)
		require.Empty(t, cfg.Listen)
	}
	require.Equal(t, echoService, r.options.Addresses.Handler)
	require.Empty(t, r.options.Admin)
}

func TestWithoutAFileThereIsNothingToReload(t *testing.T) {
	r := newRig(t, "--max-conns=5")
	before := r.options
	r.reload()
	require.Equal(t, before, r.options)
	require.Empty(t, r.reloads.told)
	require.Contains(t, r.log.String(), `level=WARN msg="there is nothing to reload: no --config was given"`)
}

func TestTheServerReloadsWhatIsMarkedAndNothingElse(t *testing.T) {
	ringtest.Require(t)
	base := []string{"--listen=tcp://127.0.0.1:0", "--shards=1", "--buffers=64"}
	o := parsed(t, base...)
	s, err := server.New(o.config(nil), server.Echo{})
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(t.Context()) }()
	t.Cleanup(func() {
		require.NoError(t, s.Shutdown(context.Background()))
		<-served
	})
	own := []string{"handler", "admin", "pprof", "drain-timeout", "log-level", "log-format"} // not the server's
	var c commands
	for _, flag := range settings(&c) {
		if slices.Contains(own, flag.Name) {
			continue
		}
		value := map[string]string{"listen": "tcp://127.0.0.1:1"}[flag.Name]
		switch flag.Target.Interface().(type) {
		case bool:
			value = "true"
		case int:
			value = "2"
		case size.Size:
			value = "128KiB"
		case time.Duration:
			value = "3ms"
		}
		args := slices.DeleteFunc(slices.Clone(base), func(arg string) bool {
			return strings.HasPrefix(arg, "--"+flag.Name+"=")
		})
		changed := parsed(t, append(args, "--"+flag.Name+"="+value)...)
		err := s.Reload(changed.config(nil))
		require.Equal(t, reloadable(flag), err == nil, "--%s: %v", flag.Name, err)
	}
}

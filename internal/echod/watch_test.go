package echod

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/server"
)

// watched is a watch over shards that lag, and what it says.
type watched struct {
	watch
	log      bytes.Buffer
	messages []string
	err      error // of the shards
}

func newWatched() *watched {
	w := &watched{}
	log := slog.New(slog.NewTextHandler(&w.log, nil))
	w.watch = watch{
		lag: func(context.Context) ([]time.Duration, error) {
			return []time.Duration{time.Millisecond, 3 * time.Millisecond}, w.err
		},
		latency: newLatency(), log: log, watchdog: time.Minute,
		manager: &manager{log: log, send: func(state string) error {
			w.messages = append(w.messages, state)
			return nil
		}},
	}
	return w
}

func TestEveryShardsLagIsMeasured(t *testing.T) {
	w := newWatched()
	w.measure(t.Context())
	registry := newRegistry(collectorOf(server.Stats{}, server.Config{}, nil), w.latency, "")
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() == "echod_turn_latency_seconds" {
			require.EqualValues(t, 2, family.GetMetric()[0].GetHistogram().GetSampleCount())
			require.InDelta(t, 0.004, family.GetMetric()[0].GetHistogram().GetSampleSum(), 1e-9)
		}
	}
	require.Equal(t, 1, testutil.CollectAndCount(w.latency))
	require.Empty(t, w.log.String())
}

func TestAStuckShardIsLoggedOnceAndWhenItIsOver(t *testing.T) {
	w := newWatched()
	w.err = errors.New("server: shard 1 has not turned")
	w.measure(t.Context())
	w.measure(t.Context())
	require.Equal(t, 1, strings.Count(w.log.String(), "\n"))
	require.Contains(t, w.log.String(), "level=ERROR")
	require.Contains(t, w.log.String(), "shard 1")
	w.err = nil
	w.measure(t.Context())
	w.measure(t.Context())
	require.Equal(t, 2, strings.Count(w.log.String(), "\n"))
	require.Contains(t, w.log.String(), "comes round again")
}

func TestTheWatchdogIsNotFedWhileAShardIsStuck(t *testing.T) {
	w := newWatched()
	w.feed(t.Context())
	require.Equal(t, []string{"WATCHDOG=1"}, w.messages)
	w.err = errors.New("server: shard 1 has not turned")
	w.feed(t.Context())
	w.feed(t.Context())
	require.Len(t, w.messages, 1)
	require.Equal(t, 1, strings.Count(w.log.String(), "the watchdog is not fed"))
	w.err = nil
	w.feed(t.Context())
	require.Len(t, w.messages, 2)
}

func TestAWatchThatEndsBlamesNoShard(t *testing.T) {
	w := newWatched()
	ctx, cancel := context.WithCancel(t.Context())
	w.lag = func(context.Context) ([]time.Duration, error) {
		cancel()
		return nil, context.Canceled
	}
	w.measure(ctx)
	w.feed(ctx)
	require.Empty(t, w.log.String())
	require.Empty(t, w.messages)
}

// stuck is a handler that blocks its shard.
type stuck struct {
	server.Echo
	entered, leave chan struct{}
}

func (h stuck) Received(s *server.Session, b bufring.Buffer) {
	close(h.entered)
	<-h.leave
	h.Echo.Received(s, b)
}

func TestAServersStuckShardIsNotFedAndNamed(t *testing.T) {
	ringtest.Require(t)
	h := stuck{entered: make(chan struct{}), leave: make(chan struct{})}
	s, err := server.New(server.Config{Listen: []string{"tcp://127.0.0.1:0"}, Shards: 1}, h)
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	client := dialAddress(t, s.Addrs()[0].String())
	_, err = client.Write([]byte("stop"))
	require.NoError(t, err)
	<-h.entered

	w := newWatched()
	w.lag, w.watchdog = s.Lag, 40*time.Millisecond
	w.feed(t.Context())
	require.Empty(t, w.messages)
	require.Contains(t, w.log.String(), "shard 0")

	close(h.leave)
	w.watchdog = patience
	w.feed(t.Context())
	require.Equal(t, []string{"WATCHDOG=1"}, w.messages)
	require.NoError(t, client.Close())
	require.NoError(t, s.Close())
	require.NoError(t, <-served)
}

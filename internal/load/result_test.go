package load_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/load"
)

func TestAResultIsReadBackFromItsJSON(t *testing.T) {
	for _, cfg := range []load.Config{
		{Conns: 2, PID: ownPID()},
		{Conns: 2, Rate: 500, Arrivals: load.Poisson},
		{Pattern: load.Churn, Conns: 2},
	} {
		cfg.Address = serveWith(t, "tcp", echo)
		r := run(t, cfg)
		text, err := json.Marshal(r)
		require.NoError(t, err)
		var back load.Result
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, r.Latency.Count(), back.Latency.Count())
		require.True(t, r.Latency.HDR().Equals(back.Latency.HDR()))
		require.Equal(t, r.Latency.Percentile(99), back.Latency.Percentile(99))
		again, err := json.Marshal(back)
		require.NoError(t, err)
		require.JSONEq(t, string(text), string(again))
	}
}

func TestTheJSONOfAResultHasItsNames(t *testing.T) {
	r := run(t, load.Config{Address: serveWith(t, "tcp", echo), Conns: 2, Rate: 500, PID: ownPID()})
	text, err := json.Marshal(r)
	require.NoError(t, err)
	var tree map[string]any
	require.NoError(t, json.Unmarshal(text, &tree))
	for _, name := range []string{
		"config", "start", "seconds", "connect_seconds", "window", "total", "rate", "bytes_per_second", "latency",
		"connect", "schedule", "generator", "server", "gates", "void",
	} {
		require.Contains(t, tree, name)
	}
	require.NotContains(t, tree, "failure")
	require.Equal(t, "ping-pong", tree["config"].(map[string]any)["pattern"])
	require.IsType(t, true, tree["void"])
	latency := tree["latency"].(map[string]any)
	for _, name := range []string{
		"count", "min_ns", "mean_ns", "p50_ns", "p90_ns", "p99_ns", "p99_9_ns", "max_ns", "hdr",
	} {
		require.Contains(t, latency, name)
	}
	for _, gate := range tree["gates"].([]any) {
		for _, name := range []string{"name", "ok", "voids", "value", "want", "limit", "detail"} {
			require.Contains(t, gate, name)
		}
	}
}

func TestAnEmptyHistogramIsReadBack(t *testing.T) {
	text, err := json.Marshal(load.Histogram{})
	require.NoError(t, err)
	require.JSONEq(t, `{"count":0}`, string(text))
	var h load.Histogram
	require.NoError(t, json.Unmarshal(text, &h))
	require.Zero(t, h.Count()+uint64(h.Percentile(50)+h.Min()+h.Max()+h.Mean()))
	require.Error(t, json.Unmarshal([]byte(`{"count":3}`), &h), "values, but nothing that holds them")
	require.Error(t, json.Unmarshal([]byte(`{"count":3,"hdr":"nonsense"}`), &h))
	require.Error(t, json.Unmarshal([]byte(`[]`), &h))
}

func TestHistogramsAreMerged(t *testing.T) {
	address := serveWith(t, "tcp", echo)
	first, second := run(t, load.Config{Address: address}), run(t, load.Config{Address: address})
	var sum load.Histogram
	sum.Merge(load.Histogram{})
	sum.Merge(first.Latency)
	sum.Merge(second.Latency)
	require.Equal(t, first.Latency.Count()+second.Latency.Count(), sum.Count())
	require.Equal(t, max(first.Latency.Max(), second.Latency.Max()), sum.Max())
}

func TestTheHDRLogIsReadBack(t *testing.T) {
	r := run(t, load.Config{Address: serveWith(t, "tcp", echo), Conns: 2, Rate: 500})
	var log bytes.Buffer
	require.NoError(t, r.WriteHDR(&log))
	reader := hdrhistogram.NewHistogramLogReader(&log)
	found := map[string]*hdrhistogram.Histogram{}
	for {
		h, err := reader.NextIntervalHistogram()
		require.NoError(t, err)
		if h == nil {
			break
		}
		require.InDelta(t, r.Start.UnixMilli(), h.StartTimeMs(), 2)
		require.InDelta(t, r.Seconds*1000, h.EndTimeMs()-h.StartTimeMs(), 3)
		found[h.Tag()] = h
	}
	require.True(t, r.Latency.HDR().Equals(found[load.TagLatency]))
	require.True(t, r.Connect.HDR().Equals(found[load.TagConnect]))
	require.True(t, r.Schedule.Lag.HDR().Equals(found[load.TagLag]))
	require.Len(t, found, 3)
}

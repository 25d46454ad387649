package echod

import (
	"errors"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/server"
	"github.com/ringport/ringport/uring"
)

// collectorOf shows figures as they are given.
func collectorOf(s server.Stats, limits server.Config, ready error) collector {
	return collector{
		stats:  func() server.Stats { return s },
		limits: func() server.Config { return limits },
		ready:  func() error { return ready },
	}
}

// requireMetric holds that the collector gives the values, written as Prometheus writes them.
func requireMetric(t *testing.T, c collector, name, want string) {
	t.Helper()
	got, err := testutil.CollectAndFormat(c, expfmt.TypeTextPlain, name)
	require.NoError(t, err)
	require.Contains(t, string(got), want)
}

func TestTheLinterFindsNothingInTheMetrics(t *testing.T) {
	s := server.Stats{
		Rejected:  map[server.RejectReason]uint64{server.RejectedPerIP: 1},
		Ended:     map[server.EndReason]uint64{server.EndedByPeer: 1},
		Datagrams: server.DatagramStats{Dropped: map[server.DropReason]uint64{server.DroppedLoop: 1}},
		Shards:    make([]ops.Stats, 2),
	}
	registry := newRegistry(collectorOf(s, server.Config{}, nil), newLatency(), "kernel 6.18")
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems)
	count, err := testutil.GatherAndCount(registry, "echod_build_info", "echod_ring_features_info",
		"echod_turn_latency_seconds", "process_open_fds", "go_goroutines")
	require.NoError(t, err)
	require.Equal(t, 5, count)
}

func TestEveryMetricHasAValueAndAHelp(t *testing.T) {
	s := server.Stats{
		Rejected:  map[server.RejectReason]uint64{server.RejectedPerIP: 1},
		Ended:     map[server.EndReason]uint64{server.EndedByPeer: 1},
		Datagrams: server.DatagramStats{Dropped: map[server.DropReason]uint64{server.DroppedLoop: 1}},
		Shards:    make([]ops.Stats, 1),
	}
	now := moment{Stats: s}
	for _, m := range metrics {
		values := 0
		m.read(now, func(float64, ...string) { values++ })
		require.Positive(t, values, "%v", m.desc)
		require.NotContains(t, m.desc.String(), `help: ""`)
	}
}

func TestTheMetricsAreTheServersFigures(t *testing.T) {
	c := collectorOf(server.Stats{
		Sessions: 7, Parked: 3, Paused: 2, Accepted: 100, Queued: 4096,
		Rejected:    map[server.RejectReason]uint64{server.RejectedPerIP: 11, server.RejectedDraining: 0},
		Ended:       map[server.EndReason]uint64{server.EndedIdle: 12, server.EndedByCut: 0},
		ConnLimited: 21, RateLimited: 22, QueueLimited: 23, Pauses: 24,
		BytesIn: 31, BytesOut: 32,
		Datagrams: server.DatagramStats{
			Received: 41, Answered: 42, BytesIn: 43, BytesOut: 44,
			Dropped: map[server.DropReason]uint64{server.DroppedLoop: 45},
		},
		Shards: []ops.Stats{{}, {
			Turns: 51, ShortSends: 52, NoBuffers: 53, NoDescriptors: 54, Cancels: 55, InFlight: 56,
			Ring:    uring.Stats{Enters: 61, EmptyEnters: 62, SQEs: 63, CQEs: 64, Overflows: 65},
			Buffers: bufring.Stats{Posted: 71, Leased: 72, Spare: 73},
		}},
	}, server.Config{MaxConns: 9, MaxQueued: 10}, nil)
	for name, values := range map[string][]string{
		"echod_ready":           {"echod_ready 1"},
		"echod_max_connections": {"echod_max_connections 9"},
		"echod_max_queue_bytes": {"echod_max_queue_bytes 10"},
		"echod_connections": {`echod_connections{state="open"} 5`, `echod_connections{state="paused"} 2`,
			`echod_connections{state="parked"} 3`},
		"echod_connections_accepted_total": {"echod_connections_accepted_total 100"},
		"echod_connections_rejected_total": {`{reason="per_ip"} 11`, `{reason="draining"} 0`},
		"echod_connections_ended_total":    {`{reason="idle_timeout"} 12`, `{reason="cut"} 0`},
		"echod_limit_reached_total": {`{limit="max_conns"} 21`, `{limit="accept_rate"} 22`, `{limit="max_queued"} 23`,
			`{limit="high_water"} 24`},
		"echod_received_bytes_total":     {`{transport="stream"} 31`, `{transport="datagram"} 43`},
		"echod_sent_bytes_total":         {`{transport="stream"} 32`, `{transport="datagram"} 44`},
		"echod_queue_bytes":              {"echod_queue_bytes 4096"},
		"echod_datagrams_received_total": {"echod_datagrams_received_total 41"},
		"echod_datagrams_answered_total": {"echod_datagrams_answered_total 42"},
		"echod_datagrams_dropped_total":  {`{reason="loop"} 45`},
		"echod_turns_total":              {`{shard="0"} 0`, `{shard="1"} 51`},
		"echod_short_sends_total":        {`{shard="1"} 52`},
		"echod_no_buffers_total":         {`{shard="1"} 53`},
		"echod_no_descriptors_total":     {`{shard="1"} 54`},
		"echod_cancels_total":            {`{shard="1"} 55`},
		"echod_ops_in_flight":            {`{shard="1"} 56`},
		"echod_ring_enters_total":        {`{shard="1"} 61`},
		"echod_ring_empty_enters_total":  {`{shard="1"} 62`},
		"echod_ring_sqes_total":          {`{shard="1"} 63`},
		"echod_ring_cqes_total":          {`{shard="1"} 64`},
		"echod_ring_overflows_total":     {`{shard="1"} 65`},
		"echod_buffers": {`{shard="1",state="posted"} 71`, `{shard="1",state="leased"} 72`,
			`{shard="1",state="spare"} 73`},
	} {
		for _, value := range values {
			requireMetric(t, c, name, value)
		}
	}
}

func TestAServerThatIsNotReadyShowsIt(t *testing.T) {
	requireMetric(t, collectorOf(server.Stats{}, server.Config{}, errors.New("at the limit")), "echod_ready",
		"echod_ready 0")
}

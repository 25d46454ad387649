package load_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/load"
	"github.com/ringport/ringport/internal/ringtest"
)

// requireSound holds what is true of every run of a closed loop that did not fail.
func requireSound(t *testing.T, r load.Result) {
	t.Helper()
	require.Positive(t, r.Seconds)
	require.False(t, r.Start.IsZero())
	require.Positive(t, r.Total.Echoes)
	require.Equal(t, r.Total.Sent, r.Total.Echoes+r.Total.Lost)
	require.Equal(t, r.Total.Sent*uint64(r.Config.Size), r.Total.BytesSent)
	for _, name := range []string{load.GatePayload, load.GateTotals} {
		gate, found := r.Gate(name)
		require.True(t, found, name)
		require.True(t, gate.OK, "%s: %s", name, gate.Detail)
	}
}

// What is on its way then takes hours at this rate.
func TestASlowReaderHurriesInTheDrain(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		r := run(t, load.Config{Address: serveWith(t, network, echo), Pattern: load.Slow, Conns: 2, ReadRate: 10})
		require.Equal(t, r.Total.Sent, r.Total.Echoes)
		require.Greater(t, r.Total.BytesReceived, uint64(1<<20))
	}
}

func TestEveryPatternRunsOnStreams(t *testing.T) {
	patterns := []load.Config{
		{Pattern: load.PingPong, Conns: 3},
		{Pattern: load.PingPong, Conns: 2, Size: 16},
		{Pattern: load.PingPong, Conns: 2, Size: 100_000},
		{Pattern: load.Pipelined, Conns: 3},
		{Pattern: load.Pipelined, Conns: 2, Depth: 5, Size: 10_000},
		{Pattern: load.Stream, Conns: 2},
		{Pattern: load.Churn, Conns: 3},
		{Pattern: load.Churn, Conns: 2, Size: 200_000},
		{Pattern: load.Idle, Conns: 2, Idle: 100},
		{Pattern: load.Slow, Conns: 2, ReadRate: 1 << 20},
		{Pattern: load.PingPong, Conns: 2, Spin: warmup},
	}
	for _, network := range []string{"tcp", "unix"} {
		address := serveWith(t, network, echo)
		for _, cfg := range patterns {
			t.Run(network+" "+string(cfg.Pattern), func(t *testing.T) {
				ringtest.Descriptors(t)
				cfg.Address = address
				r := run(t, cfg)
				requireSound(t, r)
				require.Equal(t, r.Total.Sent*uint64(r.Config.Size), r.Total.BytesReceived)
				require.Nil(t, r.Schedule)
			})
		}
	}
}

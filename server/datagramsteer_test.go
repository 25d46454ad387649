package server_test

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/server"
)

// busyShards sends datagrams from so many ports, each of the next of the hosts, and counts the shards that got any.
func busyShards(r *running, ports int, hosts ...string) (busy int) {
	r.t.Helper()
	before := server.DatagramsByShard(r.Server)
	for i := range ports {
		c := r.udpFromHost(hosts[i%len(hosts)])
		c.send(r, "where to")
		c.requireAnswer("where to")
		require.NoError(r.t, c.Close())
	}
	for i, n := range server.DatagramsByShard(r.Server) {
		if n > before[i] {
			busy++
		}
	}
	return busy
}

func TestASourceStaysWithAShardWhileSourcesAreLimited(t *testing.T) {
	cfg := server.Config{Listen: udp4, Shards: 3, Buffers: 64}
	r := start(t, cfg, server.Echo{})
	hosts := make([]string, 64)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("127.0.1.%d", i+1)
	}
	require.Equal(t, 3, busyShards(r, len(hosts), hosts...), "sources are spread")
	for _, host := range hosts[:8] {
		require.Equal(t, 1, busyShards(r, 16, host), "ports are not")
	}
	cfg.Datagrams.SourceRate = -1
	require.NoError(t, r.Reload(cfg))
	require.Equal(t, 3, busyShards(r, 200, hosts[0]), "without a limit they are")
	cfg.Datagrams.SourceRate = 1000
	require.NoError(t, r.Reload(cfg))
	require.Equal(t, 1, busyShards(r, 16, hosts[0]))
}

func TestAReloadWhileTheServerDrainsSteersNothing(t *testing.T) {
	log := new(logBuffer)
	cfg := server.Config{
		Listen: []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0"}, Shards: 2, Buffers: 64, LingerTimeout: patience,
		Logger: slog.New(slog.NewTextHandler(log, nil)),
	}
	r := start(t, cfg, server.Echo{})
	c := connect(t, r.Listeners()[1])
	requireEcho(t, c, "I keep the server")
	down := r.shutdown(patience)
	r.until("only the session is left", func(s server.Stats) bool {
		return s.Shards[0].Sockets+s.Shards[1].Sockets == 1
	})
	cfg.Datagrams.SourceRate = -1
	require.NoError(t, r.Reload(cfg))
	require.Empty(t, log.lines("level=WARN"))
	require.NoError(t, c.Close())
	require.NoError(t, <-down)
}

func TestAnIPv6SourceStaysWithAShard(t *testing.T) {
	requireIPv6(t)
	r := start(t, server.Config{Listen: []string{"udp://[::1]:0"}, Shards: 3}, server.Echo{})
	require.Equal(t, 1, busyShards(r, 32, "[::1]"))
}

package server_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/server"
)

func TestADatagramAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	// The buckets are looked at, and never empty.
	generous := server.DatagramConfig{SourceRate: 1 << 30, SourceBurst: 1 << 30, TotalRate: 1 << 30, Public: true}
	h := &datagramHandler{answer: func(_ ops.Endpoint, payload []byte) int {
		if payload[0] == 'n' {
			return server.NoAnswer
		}
		return len(payload)
	}}
	for _, listen := range []string{"udp://127.0.0.1:0", "udp://0.0.0.0:0", "udp://:0"} {
		t.Run(listen, func(t *testing.T) {
			r := start(t, server.Config{Listen: []string{listen}, Shards: 1, Datagrams: generous}, h)
			client, twin := rawUDP(t, r, 0), rawUDP(t, r, r.Addrs()[0].Port())
			answered, unanswered, got := []byte("answered"), []byte("not answered"), make([]byte, 8)
			round := func() {
				twin.mustWrite(t, answered) // dropped
				client.mustWrite(t, unanswered)
				client.echo(t, answered, got)
			}
			const before, rounds = 500, 5000
			for range before {
				round()
			}
			var first, last runtime.MemStats
			runtime.ReadMemStats(&first)
			for range rounds {
				round()
			}
			runtime.ReadMemStats(&last)
			// The runtime itself allocates a few times in a second.
			require.Less(t, last.Mallocs-first.Mallocs, uint64(rounds/100))
			require.EqualValues(t, before+rounds, r.Stats().Datagrams.Dropped[server.DroppedOwnPort])
		})
	}
}

// rawUDP gives a blocking socket that is connected to the server, without anything of Go's around it. port is its own;
// 0: any.
func rawUDP(t testing.TB, r *running, port uint16) rawClient {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	if port != 0 {
		require.NoError(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
		require.NoError(t, unix.Bind(fd, &unix.SockaddrInet4{Port: int(port), Addr: [4]byte{127, 0, 0, 8}}))
	}
	to := &unix.SockaddrInet4{Port: int(r.Addrs()[0].Port()), Addr: [4]byte{127, 0, 0, 1}}
	require.NoError(t, unix.Connect(fd, to))
	return rawClient(fd)
}

func (c rawClient) mustWrite(t testing.TB, message []byte) {
	if _, err := c.Write(message); err != nil {
		t.Fatal(err)
	}
}

package echod

import (
	"encoding/json"
	"io"
	"net"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOneLineSaysThatItIsReadyAndWhere(t *testing.T) {
	d := start(t, "--listen", "tcp://127.0.0.1:0", "--shards", "2")
	match := d.awaitLine(`^time=\S+ level=INFO msg=ready listen=tcp://(127\.0\.0\.1:\d+) shards=2 ring="(.*)"$`)
	require.NotEqual(t, "127.0.0.1:0", match[1], "the port that it got")
	require.Regexp(t, `^kernel \d+\.\d+.*, sq \d+, cq \d+, .*CQSIZE`, match[2])
	requireEcho(t, dialAddress(t, match[1]), "hello")
	require.Len(t, d.log(), 1)
}

func TestConnectionsWriteNothingToTheLog(t *testing.T) {
	d := start(t)
	for range 5 {
		conn := d.dial()
		requireEcho(t, conn, "hello")
		require.NoError(t, conn.Close())
	}
	reset := d.dial()
	requireEcho(t, reset, "hello")
	require.NoError(t, reset.SetLinger(0))
	require.NoError(t, reset.Close())
	d.signal(syscall.SIGTERM)
	require.Equal(t, exitDone, d.exit())
	log := d.log()
	require.Len(t, log, 3)
	require.Contains(t, log[0], "msg=ready")
	require.Contains(t, log[1], "msg=stopping signal=terminated")
	require.Contains(t, log[2], "msg=stopped")
	require.Empty(t, d.stdout.String())
}

func TestJSONLogLinesAreObjects(t *testing.T) {
	d := start(t, "--log-format", "json")
	port := d.awaitLine(`"listen":"tcp://127\.0\.0\.1:(\d+)"`)[1]
	requireEcho(t, dialAddress(t, "127.0.0.1:"+port), "hello")
	d.signal(syscall.SIGINT)
	require.Equal(t, exitDone, d.exit())
	var messages []any
	for _, line := range d.log() {
		var record map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &record), "%s", line)
		require.Equal(t, "INFO", record["level"])
		require.NotEmpty(t, record["time"])
		messages = append(messages, record["msg"])
	}
	require.Equal(t, []any{"ready", "stopping", "stopped"}, messages)
}

func TestEveryAddressIsServed(t *testing.T) {
	listen := envPrefix + "LISTEN=tcp://127.0.0.1:0,tcp://127.0.0.1:0"
	for name, d := range map[string]*daemon{
		"flags":       start(t, "serve", "--listen=tcp://127.0.0.1:0", "--listen=tcp://127.0.0.1:0"),
		"environment": startAs(t, roleDaemon, []string{listen}),
	} {
		t.Run(name, func(t *testing.T) {
			addresses := d.awaitLine(`msg=ready listen=tcp://([^ ,]+),tcp://([^ ,]+) `)[1:]
			require.NotEqual(t, addresses[0], addresses[1])
			for _, address := range addresses {
				requireEcho(t, dialAddress(t, address), "hello")
			}
		})
	}
}

func TestAClientThatEndsItsSideGetsEverythingAndTheEnd(t *testing.T) {
	conn := start(t).dial()
	_, err := io.WriteString(conn, "last words")
	require.NoError(t, err)
	require.NoError(t, conn.CloseWrite())
	reply, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Equal(t, "last words", string(reply))
}

func TestAQuietLogSaysNothing(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	d := start(t, "--log-level=warn", "--listen=tcp://"+address)
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		requireEcho(t, conn, "hello")
		return conn.Close() == nil
	}, patience, patience/1000)
	d.signal(syscall.SIGTERM)
	require.Equal(t, exitDone, d.exit())
	require.Empty(t, d.log())
}

func TestEveryShardHasAThreadAndOneIsLeft(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
	allowThreads(before + 3)
	require.Equal(t, before+4, runtime.GOMAXPROCS(0))
	allowThreads(1)
	require.Equal(t, before+4, runtime.GOMAXPROCS(0), "it takes none away")
}

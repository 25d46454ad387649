package server_test

import (
	"bytes"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/server"
)

// logBuffer is a log that several goroutines write to and a test reads.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) lines(part string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, part) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

func TestDropsAreLoggedOnceAMinuteForEachReason(t *testing.T) {
	begun, log := time.Now(), new(logBuffer)
	cfg := server.Config{Listen: udp4, Logger: slog.New(slog.NewTextHandler(log, nil)), BufferSize: 1024}
	r := start(t, cfg, server.Echo{})
	twin := udpFrom(t, net.JoinHostPort("127.0.0.8", strconv.Itoa(int(r.Addrs()[0].Port()))))
	client := udpFrom(t, "127.0.0.1:0")
	for i := range 20 {
		twin.send(r, "dropped")
		client.send(r, ofLength(1025))
		r.untilDropped(server.DroppedOwnPort, uint64(i+1))
		r.untilDropped(server.DroppedTruncated, uint64(i+1))
	}
	minutes := int(time.Since(begun).Minutes()) + 1
	for _, reason := range []string{"own_port", "truncated"} {
		lines := log.lines("reason=" + reason)
		require.NotEmpty(t, lines)
		require.LessOrEqual(t, len(lines), minutes)
		for _, part := range []string{"level=WARN", "count=1", "last_from=127.0.0.", "listener=udp://" + r.addr()} {
			require.Contains(t, lines[0], part)
		}
	}
	require.Contains(t, log.lines("reason=truncated")[0], "raise Config.BufferSize (--buffer-size)")
	require.NotContains(t, log.lines("reason=own_port")[0], "--buffer-size")
}

func TestALineOfTheLogCountsWhatWasDroppedSinceTheLast(t *testing.T) {
	log := new(logBuffer)
	l := server.NewDropLog(slog.New(slog.NewTextHandler(log, nil)))
	require.True(t, l.Drop(1, 0))
	for _, at := range []time.Duration{0, time.Second, time.Minute - 1} {
		require.False(t, l.Drop(5, at))
	}
	require.True(t, l.Drop(6, time.Minute+time.Second))
	require.False(t, l.Drop(7, time.Minute+2*time.Second))
	require.Len(t, log.lines("count=1 "), 1)
	require.Len(t, log.lines("count=5 "), 1)
	require.Len(t, log.lines("reason="), 2)
}

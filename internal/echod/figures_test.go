package echod

import (
	"bytes"
	"errors"
	"log/slog"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/server"
	"github.com/ringport/ringport/uring"
)

func TestFiguresAreOneLine(t *testing.T) {
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("figures", figures(server.Stats{
		Sessions: 1, Parked: 2, Paused: 3, Queued: 4, Accepted: 5,
		Rejected:    map[server.RejectReason]uint64{server.RejectedPerIP: 6, server.RejectedDraining: 0},
		Ended:       map[server.EndReason]uint64{server.EndedByPeer: 7, server.EndedIdle: 8, server.EndedByCut: 0},
		ConnLimited: 9, RateLimited: 10, QueueLimited: 11, Pauses: 12, BytesIn: 13, BytesOut: 14,
		Datagrams: server.DatagramStats{Received: 15, Answered: 16, BytesIn: 17, BytesOut: 18,
			Dropped: map[server.DropReason]uint64{server.DroppedLoop: 19}},
		Shards: []ops.Stats{
			{Turns: 100, Ring: uring.Stats{Enters: 200}, Buffers: bufring.Stats{Leased: 300}},
			{Turns: 1, Ring: uring.Stats{Enters: 2}, Buffers: bufring.Stats{Leased: 3}},
		},
	}, "5ms")...)
	require.Equal(t, 1, bytes.Count(log.Bytes(), []byte("\n")))
	for _, words := range []string{
		" connections=1 parked=2 paused=3 queued_bytes=4 accepted=5 ",
		" rejected=6 rejected_by.per_ip=6 ended=15 ended_by.idle_timeout=8 ended_by.peer=7 ",
		" limits.max_conns=9 limits.accept_rate=10 limits.max_queued=11 limits.high_water=12 ",
		" received_bytes=13 sent_bytes=14 datagrams.received=15 datagrams.answered=16 datagrams.received_bytes=17 " +
			"datagrams.sent_bytes=18 datagrams.dropped=19 dropped_by.loop=19 ",
		" rings.turns=101 ", " rings.enters=202 ", " rings.buffers_leased=303 ", " lag=5ms\n",
	} {
		require.Contains(t, log.String(), words)
	}
}

func TestASignalLogsTheFigures(t *testing.T) {
	d := start(t)
	requireEcho(t, d.dial(), "hello")
	d.signal(syscall.SIGUSR1)
	d.awaitLine(`level=INFO msg=figures connections=1 .* accepted=1 .* received_bytes=5 sent_bytes=5 .*lag=[0-9.µm]*s`)
	d.signal(syscall.SIGUSR1)
	d.awaitLines(2, `msg=figures`)
}

func TestTheLagIsTheLongestOrTheReason(t *testing.T) {
	require.Equal(t, "3ms", describeLag([]time.Duration{time.Millisecond, 3 * time.Millisecond, 0}, nil))
	require.Equal(t, "shard 0; shard 1",
		describeLag(nil, errors.Join(errors.New("shard 0"), errors.New("shard 1"))))
}

package load_test

import (
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/load"
)

// requireScheduled holds what is true of every run of an open loop that did not fail.
func requireScheduled(t *testing.T, r load.Result) {
	t.Helper()
	requireSound(t, r)
	s := r.Schedule
	require.NotNil(t, s)
	require.Positive(t, s.Intended)
	require.LessOrEqual(t, s.Sent, s.Intended)
	require.Equal(t, s.Sent, s.Lag.Count())
	require.Equal(t, s.Sent, r.Latency.Count(), "every message of the window, also when it came back later")
	for _, name := range []string{load.GateSchedule, load.GateOffered, load.GateAchieved} {
		gate, found := r.Gate(name)
		require.True(t, found, name)
		require.True(t, gate.Voids)
		if !gate.OK {
			require.True(t, r.Void)
		}
	}
}

func TestAnOpenLoopSendsOnSchedule(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		address := serveWith(t, network, echo)
		for _, arrivals := range []load.Arrivals{load.Constant, load.Poisson} {
			for _, pattern := range []load.Pattern{load.PingPong, load.Pipelined} {
				r := run(t, load.Config{
					Address: address, Pattern: pattern, Conns: 3, Rate: 1000, Arrivals: arrivals, Duration: 2 * brief,
				})
				requireScheduled(t, r)
				if arrivals == load.Constant {
					require.InDelta(t, 1000*r.Seconds, r.Schedule.Intended, 1)
					require.InDelta(t, 1000, r.Schedule.OfferedRate, 1/r.Seconds)
				}
			}
		}
	}
}

func TestAnOpenLoopOfManyConnectionsTakesTurns(t *testing.T) {
	var mu sync.Mutex
	served := 0
	address := serveWith(t, "tcp", func(conn net.Conn) {
		first := make([]byte, 1)
		if n, _ := conn.Read(first); n > 0 {
			mu.Lock()
			served++
			mu.Unlock()
			_, _ = conn.Write(first)
		}
		echo(conn)
	})
	r := run(t, load.Config{Address: address, Conns: 20, Rate: 1000, Duration: 2 * brief})
	requireScheduled(t, r)
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, 20, served, "each of them carried a message")
}

func TestAServerThatStallsVoidsARunOnSchedule(t *testing.T) {
	release := make(chan struct{})
	address := serveWith(t, "tcp", func(conn net.Conn) {
		<-release
		echo(conn)
	})
	var once sync.Once
	r := run(t, load.Config{
		Address: address, Conns: 1, Depth: 4, Rate: 1000, Warmup: -1, Duration: brief,
		Progress: func(p load.Progress) {
			if p.Phase == load.Draining {
				once.Do(func() { close(release) })
			}
		},
	})
	requireScheduled(t, r)
	require.True(t, r.Void)
	for _, name := range []string{load.GateSchedule, load.GateOffered, load.GateAchieved} {
		gate, _ := r.Gate(name)
		require.False(t, gate.OK, "%s: %s", name, gate.Detail)
	}
	require.LessOrEqual(t, r.Schedule.Sent, uint64(4), "no more than the depth")
	require.Equal(t, uint64(4), r.Total.Sent)
	require.InDelta(t, 1000*r.Seconds, r.Schedule.Intended, 1)
	require.Positive(t, r.Schedule.Late)
}

func TestAServerThatDoesNotKeepUpMarksARunHoweverDeepItsQueueIs(t *testing.T) {
	release := make(chan struct{})
	address := serveWith(t, "tcp", func(conn net.Conn) {
		echoFirst(conn, 64)
		<-release
		echo(conn)
	})
	var once sync.Once
	r := run(t, load.Config{
		Address: address, Conns: 2, Rate: 1000, Warmup: -1, Duration: brief,
		Progress: func(p load.Progress) {
			if p.Phase == load.Draining {
				once.Do(func() { close(release) })
			}
		},
	})
	requireScheduled(t, r)
	achieved, _ := r.Gate(load.GateAchieved)
	require.True(t, achieved.OK, "all of them came back in the end: %s", achieved.Detail)
	keptUp, found := r.Gate(load.GateKeptUp)
	require.True(t, found)
	require.False(t, keptUp.OK, keptUp.Detail)
	require.False(t, keptUp.Voids)
}

func TestAnImpossibleRateVoidsARun(t *testing.T) {
	r := run(t, load.Config{Address: serveWith(t, "tcp", echo), Conns: 2, Rate: 10_000_000})
	requireScheduled(t, r)
	require.True(t, r.Void)
	offered, _ := r.Gate(load.GateOffered)
	require.False(t, offered.OK, "%s", offered.Detail)
	require.Equal(t, offered.Value, float64(r.Schedule.Sent))
}

func TestLatenciesCountFromTheIntendedMoment(t *testing.T) {
	// The server holds the first message back until the schedule has many more, which one connection of depth 1 must
	// send late: their latencies contain the wait.
	release := make(chan struct{})
	address := serveWith(t, "tcp", func(conn net.Conn) {
		<-release
		echo(conn)
	})
	var once sync.Once
	r := run(t, load.Config{
		Address: address, Conns: 1, Depth: 1, Rate: 100, Warmup: -1, Duration: 4 * brief,
		Progress: func(p load.Progress) {
			if p.Elapsed >= 2*brief {
				once.Do(func() { close(release) })
			}
		},
	})
	requireScheduled(t, r)
	require.GreaterOrEqual(t, r.Latency.Max(), brief)
	require.GreaterOrEqual(t, r.Latency.Percentile(90), brief/2, "not the first message alone")
	require.GreaterOrEqual(t, r.Schedule.Lag.Max(), brief)
}

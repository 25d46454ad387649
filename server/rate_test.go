package server_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/server"
)

func TestABucketGivesNeverMoreThanItsBurstAndWhatCameIn(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		perSecond, burst := 1+random.IntN(5000), 1+random.IntN(5000)
		bucket := server.NewRate(perSecond, burst)
		var now time.Duration
		given := 0
		for range 100 {
			now += time.Duration(random.Int64N(int64(50 * time.Millisecond)))
			given += bucket.Take(random.IntN(500), now)
			require.LessOrEqual(t, float64(given), float64(burst)+float64(perSecond)*now.Seconds()+1e-6)
		}
	}
}

func TestABucketIsFullAtFirstAndFillsUpToItsBurst(t *testing.T) {
	bucket := server.NewRate(10, 30)
	require.Equal(t, 30, bucket.Take(server.Everything, 0))
	require.Zero(t, bucket.Take(1, 0))
	require.Equal(t, 5, bucket.Take(server.Everything, 500*time.Millisecond))
	require.Equal(t, 30, bucket.Take(server.Everything, time.Hour))
}

func TestAnEmptyBucketTellsWhenToComeBack(t *testing.T) {
	tests := []struct{ perSecond, burst int }{{1, 1}, {3, 1}, {1000, 1}, {1000, 1000}, {1 << 30, 1}, {7, 1 << 20}}
	for _, test := range tests {
		bucket := server.NewRate(test.perSecond, test.burst)
		now := time.Duration(0)
		bucket.Take(server.Everything, now)
		for range 10 {
			wait := bucket.Wait()
			require.Positive(t, wait)
			require.LessOrEqual(t, wait, time.Second+time.Microsecond)
			now += wait.Truncate(time.Millisecond) + time.Millisecond // as timers round
			require.Positive(t, bucket.Take(server.Everything, now), "%+v", test)
		}
	}
}

func TestAnotherRateKeepsWhatWasSavedUp(t *testing.T) {
	bucket := server.NewRate(10, 100)
	require.Equal(t, 90, bucket.Take(90, 0))
	bucket.Set(1, 100, time.Second) // 10 were left, and 10 have come in
	require.Equal(t, 20, bucket.Take(server.Everything, time.Second))
	bucket.Set(1, 5, time.Hour)
	require.Equal(t, 5, bucket.Take(server.Everything, time.Hour), "and no more than the new burst")
}

// paced are the clients that come faster than a server accepts.
type paced struct {
	name                 string
	rate, burst, clients int
	cfg                  server.Config
}

func TestNeverMoreIsAcceptedThanTheRateAllowsAndNobodyIsRefused(t *testing.T) {
	tests := []paced{
		{name: "a burst at first", rate: 50, burst: 5, clients: 25},
		{name: "fewer tokens than listeners", rate: 100, burst: 1, clients: 20, cfg: server.Config{Shards: 4}},
		{name: "in bulk at first", rate: 100, burst: 120, clients: 150, cfg: server.Config{Shards: 1, Backlog: 100}},
		{name: "with few places", rate: 100, burst: 10, clients: 40, cfg: server.Config{MaxConns: 2}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.cfg.AcceptRate, test.cfg.AcceptBurst = test.rate, test.burst
			begin := time.Now()
			r := start(t, test.cfg, server.Echo{})
			together(t, test.clients, func(i int) error {
				if err := echoOnceAt(r.addr(), i); err != nil {
					return err
				}
				accepted := r.Stats().Accepted
				if allowed := float64(test.burst) + float64(test.rate)*time.Since(begin).Seconds(); float64(accepted) > allowed {
					return fmt.Errorf("%d are accepted, %.1f may be", accepted, allowed)
				}
				return nil
			})
			s := r.Stats()
			require.EqualValues(t, test.clients, s.Accepted)
			if test.burst == 1 {
				require.EqualValues(t, test.clients, s.RateLimited, "each took the only token")
			}
			for _, p := range s.Shards {
				require.Less(t, p.Turns, uint64(1000*test.clients), "who waits does not spin")
			}
		})
	}
}

// echoOnceAt dials, and has a little echoed.
func echoOnceAt(addr string, seed int) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if err := echoOnce(c, seed, 1000, 1000); err != nil {
		return err
	}
	return reset(c.(*net.TCPConn))
}

func TestAServerThatAcceptsNothingForNowSleeps(t *testing.T) {
	r := start(t, server.Config{AcceptRate: 4, AcceptBurst: 1}, server.Echo{})
	requireEcho(t, r.dial(), "the only one for now")
	r.until("accepting has stopped", func(s server.Stats) bool { return s.RateLimited == 1 })
	requireEcho(t, r.dial(), "the next one")
	for _, p := range r.Stats().Shards {
		require.Less(t, p.Turns, uint64(1000))
	}
}

package server_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/server"
)

func TestABudgetIsOverUntilHalfOfItIsLeft(t *testing.T) {
	b := server.NewBudget(100)
	steps := []struct {
		add  int
		over bool
	}{{99, false}, {1, true}, {50, true}, {-99, true}, {-1, false}, {49, false}, {1, true}, {-100, false}}
	total := 0
	for _, step := range steps {
		b.Add(step.add)
		total += step.add
		require.Equal(t, step.over, b.Over(), "at %d", total)
	}
	b.Add(60)
	b.Limit(50)
	require.True(t, b.Over(), "another limit counts at once")
	b.Limit(0)
	require.False(t, b.Over(), "none as well")
}

func TestABudgetIsRightHoweverManyUseItAtOnce(t *testing.T) {
	b := server.NewBudget(1000)
	for round := range 20 {
		var users sync.WaitGroup
		for i := range 8 {
			users.Go(func() {
				random := rand.New(rand.NewPCG(uint64(round), uint64(i)))
				for range 2000 {
					n := random.IntN(400)
					b.Add(n)
					b.Add(-n)
				}
			})
		}
		users.Wait()
		require.False(t, b.Over(), "nothing is queued")
		b.Add(1000)
		require.True(t, b.Over())
		b.Add(-1000)
	}
}

func TestABudgetRefusesWhatDoesNotFit(t *testing.T) {
	b := server.NewBudget(100)
	b.Add(60)
	require.NoError(t, b.Refuse(40))
	require.Equal(t, &server.QueueFullError{Queued: 60, Limit: 100, Total: true}, b.Refuse(41))
	b.Add(40)
	b.Add(-30)
	require.ErrorContains(t, b.Refuse(1), "70 of 100 bytes", "too much was queued, and more than half of it is left")
	b.Limit(0)
	require.NoError(t, b.Refuse(server.Everything))
}

// dialNarrow connects a client of whose unread bytes little fits into the kernel.
func (r *running) dialNarrow() *net.TCPConn {
	r.t.Helper()
	c := r.dial()
	require.NoError(r.t, c.SetReadBuffer(64<<10))
	return c
}

func TestWithTooMuchQueuedForAllOnlyThoseWithAQueueWait(t *testing.T) {
	const slow, highWater, maxQueued, each = 8, 16 << 20, 1 << 20, 12 << 20
	r := start(t, server.Config{HighWater: highWater, MaxQueued: maxQueued}, server.Echo{})
	conns := make([]*net.TCPConn, slow)
	var writers sync.WaitGroup
	for i := range conns {
		conns[i] = r.dialNarrow()
		writers.Go(func() { _ = sendSource(conns[i], i, 1<<30, 32<<10) }) // ends when it is closed
	}
	r.until("all slow ones are held back, without buffers", func(s server.Stats) bool {
		return s.Paused == slow && leased(s) == 0
	})
	s := r.Stats()
	require.GreaterOrEqual(t, s.QueueLimited, uint64(slow), "though none has queued HighWater")
	// It takes a turn to see that a session is blocked, one to cancel its receive, and one for the cancel's answer.
	require.LessOrEqual(t, s.Queued, int64(maxQueued+3*slow*perTurn))
	together(t, 4, func(i int) error {
		c, err := net.Dial("tcp", r.addr())
		if err != nil {
			return err
		}
		defer c.Close()
		return echoOften(c, 100)
	})
	together(t, slow, func(i int) error { // nobody is forgotten
		at, err := differs(conns[i], i, each)
		if at >= 0 && err == nil {
			err = errors.New("a byte is lost, doubled or out of place")
		}
		return errors.Join(err, conns[i].Close())
	})
	writers.Wait()
	r.until("all are gone", func(s server.Stats) bool { return s.Sessions == 0 && s.Queued == 0 })
}

func TestSlowReadersTakeLittleMoreThanWhatMayBeQueuedForAll(t *testing.T) {
	const slow, maxQueued, buffers = 100, 1 << 20, 256
	r := start(t, server.Config{Shards: 1, MaxQueued: maxQueued, Buffers: buffers}, server.Echo{})
	if !r.limitsTurns() {
		t.Skip("the kernel does not limit multishot receives; that needs 6.18")
	}
	var writers sync.WaitGroup
	conns := make([]*net.TCPConn, slow)
	for i := range conns {
		conns[i] = r.dialNarrow()
		writers.Go(func() { _ = sendSource(conns[i], i, 1<<30, 64<<10) }) // ends when it is closed
	}
	r.until("all are paused", func(s server.Stats) bool { return s.Paused == slow })
	turn := buffers * server.DefaultBufferSize // that made it too much
	require.LessOrEqual(t, r.Stats().Queued, int64(maxQueued+turn+slow*server.DefaultBufferSize))
	for _, c := range conns {
		require.NoError(t, c.Close())
	}
	writers.Wait()
	r.until("they are gone", func(s server.Stats) bool { return s.Sessions == 0 })
}

func TestASlowReaderThatIsHeldBackGoesOnWhenAnotherLeaves(t *testing.T) {
	const highWater, maxQueued = 8 << 20, 64 << 10
	r := start(t, server.Config{HighWater: highWater, MaxQueued: maxQueued}, server.Echo{})
	var writers sync.WaitGroup
	send := func(seed int) *net.TCPConn {
		c := r.dialNarrow()
		writers.Go(func() { _ = sendSource(c, seed, 1<<30, 32<<10) })
		return c
	}
	first, second := send(1), send(2)
	r.until("both are held back", func(s server.Stats) bool { return s.Paused == 2 })
	before := r.Stats()
	require.NoError(t, first.Close())
	requireSource(t, second, 2, 12<<20)
	require.Greater(t, r.Stats().BytesIn, before.BytesIn)
	require.NoError(t, second.Close())
	writers.Wait()
}

func TestAWriteIsRefusedWhenTooMuchIsQueuedForAll(t *testing.T) {
	const highWater, maxQueued = 32 << 20, 64 << 10
	h, opened, _ := sessions()
	h.received = func(_ *server.Session, b bufring.Buffer) { b.Release() }
	r := start(t, server.Config{HighWater: highWater, MaxQueued: maxQueued}, h)
	slow := r.dialNarrow()
	s := <-opened
	wrote, refused := 0, error(nil)
	require.Eventually(t, func() bool {
		for {
			n, err := s.Write(make([]byte, 10_000))
			wrote += n
			if refused = err; err != nil {
				break
			}
		}
		var full *server.QueueFullError
		return errors.As(refused, &full) && full.Total
	}, patience, time.Millisecond, "the total is reached")
	var full *server.QueueFullError
	require.ErrorAs(t, refused, &full)
	require.Equal(t, maxQueued, full.Limit)

	good := r.dial()
	_, err := (<-opened).Write([]byte("nothing is queued for me"))
	require.NoError(t, err)
	_, err = io.ReadFull(good, make([]byte, len("nothing is queued for me")))
	require.NoError(t, err)

	_, err = io.CopyN(io.Discard, slow, int64(wrote))
	require.NoError(t, err, "what was taken is sent")
	require.Eventually(t, func() bool {
		_, err := s.Write([]byte("again"))
		return err == nil
	}, patience, time.Millisecond)
}

package echod

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	lagInterval    = time.Second      // between two looks at how fast the shards turn
	statusInterval = 10 * time.Second // between two status lines for the service manager
)

// watch looks after the shards while they serve: it measures how long they take to come round, tells the log when one
// is stuck or finds no descriptor, and feeds the service manager's watchdog as long as all of them turn.
type watch struct {
	lag      func(ctx context.Context) ([]time.Duration, error)
	latency  prometheus.Histogram
	manager  *manager
	log      *slog.Logger
	watchdog time.Duration // how long the service manager waits for food; 0: it has no watchdog
	status   func() string
	shortage *shortage

	stop    context.CancelFunc
	running sync.WaitGroup
	stuck   bool // the last look found a shard that does not turn; for the goroutine that looks
	hungry  bool // the watchdog got nothing the last time; for the goroutine that feeds it
}

// begin starts to look.
func (w *watch) begin() {
	ctx, cancel := context.WithCancel(context.Background())
	w.stop = cancel
	w.running.Go(func() { every(ctx, lagInterval, w.measure) })
	w.running.Go(func() { every(ctx, lagInterval, w.shortage.look) })
	w.running.Go(func() { every(ctx, statusInterval, func(context.Context) { w.manager.status(w.status()) }) })
	if w.watchdog > 0 {
		w.running.Go(func() { every(ctx, w.watchdog/2, w.feed) })
	}
}

// end waits until nobody looks any more.
func (w *watch) end() {
	w.stop()
	w.running.Wait()
}

// every calls fn once in an interval until ctx ends. When fn takes longer, calls are left out.
func every(ctx context.Context, interval time.Duration, fn func(context.Context)) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			fn(ctx)
		}
	}
}

// look asks every shard to come round, and how long it took. ended tells that nobody wants to know any more.
func (w *watch) look(ctx context.Context, limit time.Duration) (lags []time.Duration, ended bool, err error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	lags, err = w.lag(limited)
	return lags, ctx.Err() != nil, err
}

// measure notes how long the shards take, and logs when one is stuck, and when it is over.
func (w *watch) measure(ctx context.Context) {
	lags, ended, err := w.look(ctx, turnLimit)
	if ended {
		return
	}
	for _, d := range lags {
		w.latency.Observe(d.Seconds())
	}
	switch {
	case err != nil && !w.stuck:
		w.log.Error("a shard does not come round; its clients wait", "limit", turnLimit.String(), "error", oneLine(err))
	case err == nil && w.stuck:
		w.log.Info("every shard comes round again")
	}
	w.stuck = err != nil
}

// feed feeds the watchdog if every shard turns. If not, the service manager shall restart the service: the one thing
// that helps.
func (w *watch) feed(ctx context.Context) {
	_, ended, err := w.look(ctx, w.watchdog/4) // so that a late answer still is in time
	switch {
	case ended:
		return
	case err == nil:
		w.manager.feed()
	case !w.hungry:
		w.log.Error("the watchdog is not fed, since a shard does not come round", "error", oneLine(err))
	}
	w.hungry = err != nil
}

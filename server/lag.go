package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// turnProbe finds out when a shard comes round to what is posted to it.
type turnProbe struct {
	begun time.Time
	done  chan struct{} // closed when it has, or when it could not be posted
	took  time.Duration // valid then
	err   error         // why it could not be posted; valid then
}

// probe posts a probe to the shard, or gives the one that it has not come round to yet, so that a shard that is stuck
// does not pile them up. Any goroutine may call it.
func (sh *shard) probe() *turnProbe {
	sh.mu.Lock()
	p := sh.probing
	if p != nil {
		sh.mu.Unlock()
		return p
	}
	p = &turnProbe{begun: time.Now(), done: make(chan struct{})}
	sh.probing = p
	sh.mu.Unlock()
	if err := sh.port.Post(func() { sh.probed(p, nil) }); err != nil {
		sh.probed(p, err)
	}
	return p
}

func (sh *shard) probed(p *turnProbe, err error) {
	sh.mu.Lock()
	sh.probing = nil
	sh.mu.Unlock()
	p.took, p.err = time.Since(p.begun), err
	close(p.done)
}

// Lag posts something to every shard and tells how long each took to come round to it: microseconds when all is well,
// more when its handler is slow. The error names each shard that did not before ctx ended, since a handler blocks
// there, and wraps ctx's cause; the shard's time is then what was waited so far. It names each shard that has stopped,
// too, and matches net.ErrClosed when the server is closed. Any goroutine may call it, but no handler, which would wait
// for itself.
func (s *Server) Lag(ctx context.Context) ([]time.Duration, error) {
	probes := make([]*turnProbe, len(s.shards))
	for i, sh := range s.shards { // all at once, so that one shard's time is not added to the next one's
		probes[i] = sh.probe()
	}
	lags, errs := make([]time.Duration, len(s.shards)), make([]error, len(s.shards))
	for i, sh := range s.shards {
		err := sh.await(ctx, probes[i])
		lags[i] = probes[i].waited()
		if err != nil {
			errs[i] = fmt.Errorf("server: shard %d %w", i, sh.diagnose(lags[i], err))
		}
	}
	return lags, errors.Join(errs...)
}

// await waits until the shard has come round to a probe. Any goroutine may call it.
func (sh *shard) await(ctx context.Context, p *turnProbe) error {
	select {
	case <-p.done:
	case <-sh.port.Done():
	case <-ctx.Done():
	}
	switch {
	case p.isDone() && p.err == nil: // perhaps at the same moment
		return nil
	case p.isDone() && !errors.Is(p.err, net.ErrClosed):
		return p.err
	case !p.isDone() && !sh.stopped():
		return context.Cause(ctx)
	}
	select {
	case <-sh.port.Done(): // then it tells why
	case <-ctx.Done():
	}
	return errServerClosed
}

func (sh *shard) stopped() bool {
	select {
	case <-sh.port.Done():
		return true
	default:
		return false
	}
}

func (p *turnProbe) isDone() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// waited is how long the probe took, or has been waiting.
func (p *turnProbe) waited() time.Duration {
	if p.isDone() {
		return p.took
	}
	return time.Since(p.begun)
}

// diagnose says what is the matter with a shard that did not come round to a probe.
func (sh *shard) diagnose(waited time.Duration, err error) error {
	switch lost := sh.port.Err(); {
	case lost != nil:
		return fmt.Errorf("has stopped: %w", lost)
	case err == errServerClosed:
		return fmt.Errorf("has stopped: %w", err)
	}
	return fmt.Errorf("has not turned for %v: a handler blocks: %w", waited.Round(time.Millisecond), err)
}

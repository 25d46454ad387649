package load

import (
	"context"
	"errors"
	"fmt"

	"github.com/ringport/ringport/ops"
)

// Run makes one run and tells what it found. It ends when the run has, which takes the warm-up, the duration and a
// moment, or with ctx. An error is a *Failure, or matches ErrConfig, or says why there is no ring; the result is then
// what was found until it came. A void run is no error: Result.Void tells.
func Run(ctx context.Context, cfg Config) (Result, error) {
	if err := cfg.Validate(); err != nil {
		return Result{Config: cfg}, err
	}
	cfg = cfg.WithDefaults()
	g, err := prepare(ctx, cfg)
	if err != nil {
		return Result{Config: cfg, Void: true, Failure: err.Error()}, err
	}
	if err := g.port.Post(g.start); err != nil {
		return Result{Config: cfg}, errors.Join(err, g.port.Close())
	}
	g.await(ctx)
	closed := g.port.Close()
	r := g.result()
	if g.failure != nil {
		return r, g.failure
	}
	return r, closed
}

// prepare finds the server and makes the port.
func prepare(ctx context.Context, cfg Config) (*generator, error) {
	if f := checkDescriptors(cfg.Conns + cfg.Idle); f != nil {
		return nil, f
	}
	t, f := findTarget(ctx, cfg)
	if f != nil {
		return nil, f
	}
	g := newGenerator(cfg, t)
	if cfg.PID != 0 {
		var err error
		if g.before, err = readProcess(processFolder(cfg.PID)); err != nil {
			problem := fmt.Sprintf("is %d, of which nothing can be read: %v", cfg.PID, err)
			return nil, &FieldError{Field: "PID", Problem: problem}
		}
	}
	port, err := ops.NewPort(portConfig(cfg, t.network))
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	g.port = port
	return g, nil
}

// await passes progress on until the run is over.
func (g *generator) await(ctx context.Context) {
	stop := ctx.Done()
	for {
		select {
		case p := <-g.progress:
			if g.cfg.Progress != nil {
				g.cfg.Progress(p)
			}
		case <-stop:
			stop = nil
			_ = g.port.Post(func() { // refused when the port has stopped, and then it is over
				g.fail(&Failure{Kind: Stopped, Conn: -1, Err: fmt.Errorf("stopped: %w", context.Cause(ctx))})
			})
		case <-g.done:
			return
		case <-g.port.Done():
			return
		}
	}
}

// result puts together what was found. The port is closed.
func (g *generator) result() Result {
	w := &g.window
	r := Result{
		Config:  g.cfg,
		Seconds: g.seconds(),
		Total:   g.total,
		Latency: g.latency,
		Connect: g.connect,
		Errors:  g.errors,
	}
	if g.loadAt > 0 {
		r.ConnectSeconds = g.loadAt.Seconds()
	}
	if g.windowStart != never {
		r.Start = g.epoch.Add(g.windowStart)
	}
	if g.stopped > 0 {
		r.Window = w.closed.minus(w.opened)
		r.Generator = w.usage[1].figures(w.usage[0], r.Seconds)
	}
	r.Rate = perSecond(float64(r.Window.Echoes), r.Seconds)
	r.BytesPerSecond = perSecond(float64(r.Window.BytesReceived), r.Seconds)
	if g.schedule != nil {
		r.Schedule = g.schedule.figures(r.Seconds)
	}
	if first, last := w.server[0], w.server[1]; first != nil && last != nil {
		r.Server = last.figures(g.cfg.PID, first, g.before, r.Seconds, r.Window.Echoes)
	}
	if g.failure != nil {
		r.Failure = g.failure.Error()
	}
	r.judge(g)
	return r
}

// judge says whether the run counts.
func (r *Result) judge(g *generator) {
	r.Void = r.Failure != "" || r.Seconds == 0
	if r.Seconds == 0 {
		return // there is nothing to check
	}
	r.Gates = r.gates(g)
	for _, gate := range r.Gates {
		r.Void = r.Void || gate.Voids && !gate.OK
	}
}

package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"strings"

	"github.com/ringport/ringport/server"
)

// run serves until it is told to stop, or cannot; it returns the exit status.
func (o serveOptions) run(p process) (status int) {
	log, threshold := o.Log.logger(p.stderr)
	cfg := o.config(log)
	allowThreads(cfg.Shards)
	// Looking up a name can take long. Who does not want to wait for it may say so.
	opened := make(chan error, 1)
	var s *server.Server
	go func() {
		var err error
		s, err = server.New(cfg, o.Addresses.Handler.handler())
		opened <- err
	}()
	select {
	case sig := <-p.signals:
		log.Info("stopped before it was ready", "signal", sig.String())
		return exitDone
	case err := <-opened:
		if err != nil {
			return failed(log, err)
		}
	}
	return o.serve(running{process: p, server: s, log: log, threshold: threshold}, s)
}

// serve has the server accept, until a signal ends it. SIGHUP changes its options.
func (o serveOptions) serve(r running, s *server.Server) (status int) {
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	r.log.Info("ready", "listen", addressesOf(s), "shards", len(s.Stats().Shards), "ring", s.Features().String())
	for {
		select {
		case <-r.hangups:
			o = r.reload(o)
		case sig := <-r.signals:
			return o.stop(r.process, r.log, s, sig)
		case err := <-served:
			return failed(r.log, err)
		}
	}
}

// allowThreads lets every shard run while other goroutines do, so that none of them stalls a shard.
func allowThreads(shards int) {
	if threads := shards + 1; runtime.GOMAXPROCS(0) < threads {
		runtime.GOMAXPROCS(threads)
	}
}

// addressesOf is where the server listens, written as --listen takes it, with the ports that :0 became.
func addressesOf(s *server.Server) string {
	var all []string
	for _, ep := range s.Addrs() {
		all = append(all, "tcp://"+ep.String())
	}
	return strings.Join(all, ",")
}

// stop drains the server, until the timeout or another signal ends the patience.
func (o serveOptions) stop(p process, log *slog.Logger, s *server.Server, sig os.Signal) (status int) {
	timeout := o.Timeouts.DrainTimeout
	log.Info("stopping", "signal", sig.String(), "connections", s.Stats().Sessions, "drain_timeout", timeout.String())
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- s.Shutdown(ctx) }()

	select {
	case sig := <-p.signals:
		// Nothing is waited for any more, not even for the shards to close: whoever signals twice means it.
		log.Error("quitting at once; what clients had not taken yet is lost", "signal", sig.String())
		return exitFailure
	case err := <-drained:
		return stopped(log, err, s.Stats().Cut())
	}
}

// stopped tells how the drain ended. Running out of time is what the timeout is for, and no failure.
func stopped(log *slog.Logger, err error, cut uint64) (status int) {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		log.Warn("stopped; clients that did not take what was theirs within the drain timeout were cut off", "cut", cut)
	case err != nil:
		return failed(log, err)
	default:
		log.Info("stopped")
	}
	return exitDone
}

// failed tells in one line what failed, why, and what to do.
func failed(log *slog.Logger, err error) (status int) {
	log.Error(explain(err))
	return exitFailure
}

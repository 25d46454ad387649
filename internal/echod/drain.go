package echod

import (
	"context"
	"os"
	"time"
)

// drainExtension is how much more time the service manager is asked for again and again in a long drain. It is a few
// times the interval, so that a message may be late.
const drainExtension = 3 * statusInterval

// stop drains the server, until the timeout or another signal ends the patience.
func (i *instance) stop(sig os.Signal) (status int) {
	i.log.Info("stopping", "signal", sig.String(), "connections", i.server.Stats().Sessions,
		"drain_timeout", i.options.Timeouts.DrainTimeout.String())
	i.manager.stopping(i.draining(), drainExtension)
	i.next.stop()
	return i.drain(i.server.Shutdown, 1)
}

// retire leaves the service to the successor, and drains.
func (i *instance) retire() (status int) {
	pid := i.next.command.Process.Pid
	i.log.Info("retiring", "successor", pid, "connections", i.server.Stats().Sessions,
		"drain_timeout", i.options.Timeouts.DrainTimeout.String())
	i.manager.handOver(pid)
	ctx, cancel := context.WithCancel(context.Background())
	left := make(chan struct{})
	go func() {
		defer close(left)
		if i.admin != nil {
			i.admin.leave(ctx)
		}
	}()
	defer func() {
		cancel() // whoever still reads a page shall not keep the process
		<-left
	}()
	return i.drain(i.server.Retire, 0)
}

// draining is the status of a drain, on a line for people.
func (i *instance) draining() string { return statusLine("draining", i.server.Stats()) }

// drain ends the server, and tells how it went. asked is how many signals have asked this process to stop; the second
// one ends everything at once.
func (i *instance) drain(end func(context.Context) error, asked int) (status int) {
	i.watch.end() // shards end now, and a service that stops has no watchdog any more
	ctx, cancel := context.WithTimeout(context.Background(), i.options.Timeouts.DrainTimeout)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- end(ctx) }()
	ticker := time.NewTicker(statusInterval)
	defer ticker.Stop()
	for {
		select {
		case sig := <-i.process.signals:
			if asked++; asked > 1 {
				// Nothing is waited for any more, not even for the shards to close: whoever signals twice means it.
				i.log.Error("quitting at once; what clients had not taken yet is lost", "signal", sig.String())
				return exitFailure
			}
			i.log.Info("draining already; a second signal ends it at once", "signal", sig.String())
		case <-i.process.snapshots:
			i.snapshot()
		case <-ticker.C:
			if ctx.Err() == nil { // beyond the drain timeout nothing is asked for
				i.manager.extend(i.draining(), drainExtension)
			}
		case err := <-drained:
			return stopped(i.log, err, i.server.Stats().Cut())
		}
	}
}

package echod

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"

	"github.com/ringport/ringport/server"
)

// run serves until it is told to stop, or cannot; it returns the exit status.
func (o serveOptions) run(p process) (status int) {
	if p.unserved != nil {
		fmt.Fprintln(p.stderr, oneLine(p.unserved))
		return exitFailure
	}
	direct, _ := o.Log.logger(p.stderr)
	out := newOutlet(p.stderr, func(lines uint64) {
		direct.Warn("the log took no lines for a while, and some are lost", "lines", lines)
	})
	defer out.close()
	log, threshold := o.Log.logger(out)

	cfg := o.config(log)
	o.divide(&cfg, &p.inheritance)
	i := &instance{
		options: o, process: p, log: log, threshold: threshold, flags: p.inheritance.flags(),
		manager: &manager{send: p.notify, log: log},
	}
	return i.run(cfg)
}

// divide has the server use the sockets that there are, and listen itself where there is none. The default address is
// listened on when nobody said where, and that is what the service manager does by its sockets.
func (o serveOptions) divide(cfg *server.Config, i *inheritance) {
	if len(cfg.Listen) == 0 && !i.isActivated() {
		cfg.Listen = []string{server.DefaultListen}
	}
	cfg.Listen = i.split(cfg.Listen)
	for _, s := range i.sockets {
		cfg.Inherited = append(cfg.Inherited, s.Inherited)
	}
}

// allowThreads lets every shard run while other goroutines do, so that none of them stalls a shard.
func allowThreads(shards int) {
	if threads := shards + 1; runtime.GOMAXPROCS(0) < threads {
		runtime.GOMAXPROCS(threads)
	}
}

// opening is a server that is being made.
type opening struct {
	server *server.Server
	err    error
	done   chan struct{} // closed when one of the others is there
}

// open makes the server. Looking up a name can take long: who does not want to wait for it may send a signal, which is
// returned then.
func open(cfg server.Config, h server.Handler, signals <-chan os.Signal) (*server.Server, os.Signal, error) {
	o := &opening{done: make(chan struct{})}
	go func() {
		defer close(o.done)
		o.server, o.err = server.New(cfg, h)
	}()
	select {
	case sig := <-signals:
		go o.abandon()
		return nil, sig, nil
	case <-o.done:
		return o.server, nil, o.err
	}
}

// abandon frees the server that nobody waits for any more.
func (o *opening) abandon() {
	<-o.done
	if o.err == nil {
		_ = o.server.Close() // nobody is left to hear of it
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

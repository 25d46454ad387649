package echod

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ringport/ringport/server"
)

// instance is one echod at work: the server, and what tells others about it. All of it is decided on one goroutine,
// which waits for signals and for the server.
type instance struct {
	options   serveOptions
	process   process
	log       *slog.Logger
	threshold *slog.LevelVar                // of the log
	flags     map[string]string             // the --listen flag of each address; none for those that the service manager made
	limits    atomic.Pointer[server.Config] // with as many connections as there are descriptors for

	descriptors descriptors // but for the limit

	server  *server.Server
	served  chan error
	admin   *adminServer // nil without --admin
	manager *manager
	watch   *watch
	next    *successor // nil while nobody is to succeed
}

// run serves with a configuration that is valid; it returns the exit status.
func (i *instance) run(cfg server.Config) (status int) {
	allowThreads(cfg.Shards)
	if flag := i.options.Admin.Admin; flag != "" {
		var err error
		if i.admin, err = openAdmin(flag, i.process.inheritance.takeAdmin(flag)); err != nil {
			return failed(i.log, err)
		}
		defer i.admin.close()
	}
	asked := cfg.MaxConns
	i.descriptors = descriptors{
		shards: cfg.Shards, listeners: len(cfg.Listen) + i.process.inheritance.addresses(), admin: i.admin != nil,
	}
	d := i.descriptorsNow()
	cfg.MaxConns = d.lower(asked)
	i.limits.Store(&cfg)
	s, sig, err := open(cfg, i.options.Addresses.Handler.handler(), i.process.signals)
	switch {
	case err != nil:
		return failed(i.log, err)
	case sig != nil:
		i.log.Info("stopped before it was ready", "signal", sig.String())
		return exitDone
	}
	d.tellLowered(i.log, asked)
	i.process.inheritance.release()
	i.server = s
	for n, flag := range cfg.Listen {
		i.flags[s.Listeners()[n]] = flag
	}
	return i.serve()
}

// serve has the server accept, tells everybody, and goes on until it is told to stop.
func (i *instance) serve() (status int) {
	i.served = make(chan error, 1)
	go func() { i.served <- i.server.Serve(context.Background()) }()
	i.watch = &watch{
		lag: i.server.Lag, latency: newLatency(), manager: i.manager, log: i.log, watchdog: i.process.watchdog,
		status:   func() string { return statusLine("serving", i.server.Stats()) },
		shortage: &shortage{refused: i.refusedAccepts, log: i.log, now: time.Now},
	}
	i.openPages()
	if err := i.awaitTurns(); err != nil {
		return failed(i.log, err)
	}
	i.tellReady()
	i.watch.begin()
	defer i.watch.end()
	for {
		select {
		case sig := <-i.process.signals:
			return i.stop(sig)
		case <-i.process.hangups:
			i.reload()
		case <-i.process.snapshots:
			i.snapshot()
		case <-i.process.successions:
			i.startSuccessor()
		case err := <-i.next.outcome():
			if i.succeeds(err) {
				return i.retire()
			}
		case err := <-i.served:
			return failed(i.log, err)
		}
	}
}

// openPages serves the admin pages.
func (i *instance) openPages() {
	if i.admin == nil {
		return
	}
	figures := collector{
		stats:  i.server.Stats,
		limits: func() server.Config { return *i.limits.Load() },
		ready:  i.server.Ready,
	}
	i.admin.serve(pages{
		registry: newRegistry(figures, i.watch.latency, i.server.Features().String()),
		alive:    i.alive,
		limit:    turnLimit,
		ready:    i.server.Ready,
		pprof:    i.options.Admin.Pprof,
		log:      i.log,
	}.handler(), i.descriptorsNow().adminConns(), i.log)
	if !i.admin.private() {
		i.log.Warn("the admin pages are open to other machines, and ask nobody who they are", "admin", i.admin.address())
	}
}

// alive is whether every shard turns, as it finds out before ctx ends.
func (i *instance) alive(ctx context.Context) error {
	_, err := i.server.Lag(ctx)
	return err
}

// awaitTurns waits until every shard of a successor turns: once the process before it has gone, it is too late to find
// out that one does not.
func (i *instance) awaitTurns() error {
	if i.process.inheritance.ready == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), successionLimit)
	defer cancel()
	return i.alive(ctx)
}

// tellReady tells the log, the service manager and the process before this one that it serves.
func (i *instance) tellReady() {
	about := []any{
		"listen", strings.Join(i.server.Listeners(), ","),
		"shards", len(i.server.Stats().Shards),
		"ring", i.server.Features().String(),
	}
	if i.admin != nil {
		about = append(about, "admin", i.admin.address())
	}
	i.log.Info("ready", about...)
	i.manager.ready(statusLine("serving", i.server.Stats()))
	i.process.inheritance.tellReady()
}

// reload reads the configuration again, and tells the service manager when it begins and ends.
func (i *instance) reload() {
	i.manager.reloading()
	i.options = running{process: i.process, server: relimited{i}, log: i.log, threshold: i.threshold}.reload(i.options)
	i.manager.ready(statusLine("serving", i.server.Stats()))
}

// relimited is an instance whose server gets other limits. The addresses stay what they are, whoever made the sockets.
type relimited struct{ *instance }

// Reload gives the server the limits of cfg.
func (i relimited) Reload(cfg server.Config) error {
	cfg.Listen = i.limits.Load().Listen
	asked, d := cfg.MaxConns, i.descriptorsNow()
	cfg.MaxConns = d.lower(asked)
	err := i.server.Reload(cfg)
	if err == nil {
		i.limits.Store(&cfg)
		d.tellLowered(i.log, asked)
	}
	return err
}

// descriptorsNow is how the descriptors are divided, by the limit that holds now: it can be changed from outside.
func (i *instance) descriptorsNow() descriptors {
	d := i.descriptors
	d.limit = openFiles()
	return d
}

// refusedAccepts is how many accepts found no free descriptor so far.
func (i *instance) refusedAccepts() (n uint64) {
	for _, shard := range i.server.Stats().Shards {
		n += shard.NoDescriptors
	}
	return n
}

// snapshot writes the figures to the log.
func (i *instance) snapshot() {
	const limit = time.Second // a shard that takes longer is in trouble, and signals wait meanwhile
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	lags, err := i.server.Lag(ctx)
	i.log.Info("figures", figures(i.server.Stats(), describeLag(lags, err))...)
}

// describeLag is the longest of the times that shards took to come round, or why there is none.
func describeLag(lags []time.Duration, err error) string {
	if err != nil {
		return oneLine(err)
	}
	var longest time.Duration
	for _, lag := range lags {
		longest = max(longest, lag)
	}
	return longest.String()
}

// startSuccessor starts a process that is to take over from this one.
func (i *instance) startSuccessor() {
	if i.next != nil {
		i.log.Warn("a successor is being started already")
		return
	}
	var err error
	if i.next, err = i.successor(); err != nil {
		i.log.Error("there is no successor; this process goes on serving", "error", err)
		return
	}
	i.log.Info("a successor is being started", "program", i.process.program.path, "pid", i.next.command.Process.Pid)
}

// successor starts the program again and leaves it the listeners.
func (i *instance) successor() (*successor, error) {
	if os.Getpid() == 1 {
		return nil, fmt.Errorf("echod: process 1 cannot hand over, since with it all others end; restart the container")
	}
	will, err := i.bequest()
	defer will.release()
	if err != nil {
		return nil, err
	}
	return i.process.program.start(will, successionLimit)
}

// bequest is what this process leaves to its successor.
func (i *instance) bequest() (will inheritance, err error) {
	sockets, err := i.server.ListenerFiles()
	if err != nil {
		return will, err
	}
	for _, s := range sockets {
		will.sockets = append(will.sockets, heirloom{Inherited: s, flag: i.flags[s.Name]})
	}
	if i.admin == nil {
		return will, nil
	}
	file, err := i.admin.file()
	will.admin = heirloom{Inherited: server.Inherited{File: file}, flag: i.options.Admin.Admin}
	return will, err
}

// succeeds is whether the successor serves. If not, this process goes on.
func (i *instance) succeeds(err error) bool {
	if err == nil {
		return true
	}
	i.next = nil
	i.log.Error("there is no successor; this process goes on serving", "error", err)
	return false
}

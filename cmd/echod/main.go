// Command echod sends back what it receives, over TCP, UDP (RFC 862) and Unix sockets, on io_uring. It can discard
// instead (RFC 863).
//
//	echod                                         on tcp://127.0.0.1:7007
//	echod --listen tcp://:7007 --max-conns 10000  on every address
//	echod --admin 127.0.0.1:9107                  with /metrics, /livez and /readyz
//	echod --config /etc/echod/echod.toml          as the file says
//	echod --help                                  all flags; each is an ECHOD_ variable and a key of the file as well
//	echod healthcheck tcp://127.0.0.1:7007        asks whether it works
//
// It logs one line to stderr when it is ready, with the addresses really bound. A log that is full or closed costs
// lines, never the service.
//
// Signals:
//
//	SIGTERM, SIGINT  end it: it accepts no more connections, sends what is still queued, and closes what is left after
//	                 --drain-timeout; a second one ends it at once
//	SIGHUP           reads the file of --config again: limits and the log level change, everything else waits for a
//	                 restart
//	SIGUSR1          logs one line of figures
//	SIGUSR2          starts the program again, from the path by which it was started, leaves the listeners to the new
//	                 process, and ends as after SIGTERM once that serves; no connection is refused. If it does not
//	                 serve within half a minute, this process goes on.
//
// With --take-over, a second echod may also be started beside one that is told to stop afterwards. The kernel divides
// the connections between the two, and those that wait for the one that ends may be reset: SIGUSR2 is the better way.
//
// Under systemd it says when it is ready, reloads and stops, feeds the watchdog as long as every shard turns, and
// serves on sockets that were made for it (Type=notify or notify-reload, WatchdogSec=, socket units).
//
// The exit status:
//
//	0  it served and was told to stop
//	1  it could not serve, or was told to quit at once
//	2  the command line, the environment or the file is wrong
package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
)

const (
	exitDone    = 0
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	// A write to a log whose reader has gone is an error like others, and not the end.
	signal.Ignore(syscall.SIGPIPE)
	p := process{
		args:      os.Args[1:],
		lookupEnv: os.LookupEnv,
		stdout:    os.Stdout,
		stderr:    os.Stderr,
		// Two fit: the first one starts the drain, the second one ends it.
		signals: notified(2, syscall.SIGTERM, syscall.SIGINT),
		// Of these, several at once are as good as one.
		hangups:     notified(1, syscall.SIGHUP),
		snapshots:   notified(1, syscall.SIGUSR1),
		successions: notified(1, syscall.SIGUSR2),
		notify:      notify,
		program:     ownProgram(os.Args),
	}
	if err := p.complete(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitFailure)
	}
	os.Exit(run(p))
}

// notified is a channel on which so many of the signals may wait.
func notified(room int, signals ...os.Signal) <-chan os.Signal {
	c := make(chan os.Signal, room)
	signal.Notify(c, signals...)
	return c
}

// process is what the daemon sees of the world.
type process struct {
	args           []string
	lookupEnv      func(name string) (value string, found bool)
	stdout, stderr io.Writer

	signals     <-chan os.Signal // those that ask to stop
	hangups     <-chan os.Signal // that ask to read the configuration again
	snapshots   <-chan os.Signal // that ask for figures
	successions <-chan os.Signal // that ask to hand over to a new process

	notify      func(state string) error // tells the service manager; nil: there is none
	watchdog    time.Duration            // how long the service manager waits for a sign of life; 0: it does not
	inheritance inheritance              // sockets that are there already
	program     program                  // to be started again
}

// complete finds out what the process was started with.
func (p *process) complete() (err error) {
	if p.inheritance, err = inherit(); err != nil {
		return err
	}
	if p.watchdog, err = systemd.SdWatchdogEnabled(false); err != nil {
		return fmt.Errorf("echod: read the service manager's WATCHDOG_USEC: %w", err)
	}
	return nil
}

// run is the whole program; it returns the exit status.
func run(p process) int {
	var c commands
	chosen, status := parse(&c, p)
	if chosen == nil {
		return status
	}
	return chosen.run(p)
}

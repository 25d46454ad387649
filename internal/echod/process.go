package echod

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

// Main is the program, with the arguments, the environment and the streams of this process; it returns the exit status.
func Main() (status int) {
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
	p.unserved = p.complete()
	return run(p)
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
	unserved    error                    // what of this could not be found out; only who serves needs it
	inheritance inheritance              // sockets that are there already
	program     program                  // to be started again
}

// complete finds out what the process was started with.
func (p *process) complete() (err error) {
	if p.inheritance, err = inherit(); err != nil {
		return err
	}
	if p.watchdog, err = systemd.SdWatchdogEnabled(false); err != nil {
		return fmt.Errorf("echod: read the service manager's WATCHDOG_USEC: %w; leave it unset without one", err)
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

// Command echod sends back what it receives, over TCP (RFC 862), on io_uring.
//
//	echod                                         on tcp://127.0.0.1:7007
//	echod --listen tcp://:7007 --max-conns 10000  on every address
//	echod --config /etc/echod/echod.toml          as the file says
//	echod --help                                  all flags; each is an ECHOD_ variable and a key of the file as well
//	echod healthcheck tcp://127.0.0.1:7007        asks whether it works
//
// It logs one line to stderr when it is ready, with the addresses really bound. SIGTERM and SIGINT end it: it accepts
// no more connections, sends what is still queued, and closes what is left after --drain-timeout; a second one ends it
// at once. SIGHUP reads the file again.
//
// The exit status:
//
//	0  it served and was told to stop
//	1  it could not serve, or was told to quit at once
//	2  the command line, the environment or the file is wrong
package main

import (
	"io"
	"os"
	"os/signal"
	"syscall"
)

const (
	exitDone    = 0
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	// Two fit: the first one starts the drain, the second one ends it.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	// One fits: whatever changed while the file is read is seen by the reload after it.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	os.Exit(run(process{
		args:      os.Args[1:],
		lookupEnv: os.LookupEnv,
		stdout:    os.Stdout,
		stderr:    os.Stderr,
		signals:   signals,
		hangups:   hangups,
	}))
}

// process is what the daemon sees of the world.
type process struct {
	args           []string
	lookupEnv      func(name string) (value string, found bool)
	stdout, stderr io.Writer
	signals        <-chan os.Signal // those that ask to stop
	hangups        <-chan os.Signal // those that ask to read the configuration again
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

// Command echobench measures echo servers, on io_uring.
//
//	echobench run tcp://127.0.0.1:7007                            one connection, one message at a time
//	echobench run tcp://127.0.0.1:7007 --conns 1000 --pid 4711    and what it costs the server
//	echobench run tcp://127.0.0.1:7007 --conns 64 --rate 50000    latencies at a load, counted from the schedule
//	echobench run --help                                          all flags
//	echobench compare --servers servers.toml                      several servers under several loads, and a report
//
// It verifies every byte that comes back, and checks its own figures: a run in which the generator was late, or in
// which counts do not agree, is void and says so.
//
// The exit status:
//
//	0  the run is sound
//	1  it failed, or is void
//	2  the command line is wrong
package main

import (
	"context"
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
	// The first signal ends the run, and what was found so far is told. The second one ends the program.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop)
	os.Exit(run(process{ctx: ctx, args: os.Args[1:], stdout: os.Stdout, stderr: os.Stderr}))
}

// process is what the program sees of the world.
type process struct {
	ctx            context.Context // ends when somebody asks to stop
	args           []string
	stdout, stderr io.Writer
}

// run is the whole program; it returns the exit status.
func run(p process) (status int) {
	var c commands
	chosen, status := parse(&c, p)
	if chosen == nil {
		return status
	}
	return chosen.run(p)
}

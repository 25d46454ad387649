package echobench

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

// Main is the program, with the arguments and the streams of this process; it returns the exit status.
func Main() (status int) {
	// The first signal ends the run, and what was found so far is told. The second one ends the program.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop)
	return run(process{ctx: ctx, args: os.Args[1:], stdout: os.Stdout, stderr: os.Stderr})
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

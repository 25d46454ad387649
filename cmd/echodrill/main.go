// Command echodrill is the other side of scripts/drill.sh: clients of an echo service that a shell cannot be. Some are
// honest and check every byte that they get back, some are what an exposed service has to live with.
//
//	echodrill steady tcp://127.0.0.1:7007   connections that stay, and check every echo until SIGTERM
//	echodrill visit tcp://127.0.0.1:7007    a connection for each echo, until SIGTERM
//	echodrill hold tcp://127.0.0.1:7007     connections that are silent until SIGTERM
//	echodrill drain tcp://127.0.0.1:7007    clients that are owed echoes when the service is told to stop
//	echodrill slow tcp://127.0.0.1:7007     clients that send and do not read, until the service closes them
//	echodrill storm resets 127.0.0.1:7007   connections that are reset; half, left or syns for other storms
//	echodrill datagrams 127.0.0.1:7007      datagrams from a port that --source names; it counts the answers
//	echodrill forge FROM TO                 one datagram to TO that claims to be from FROM
//
// Each prints one line that tells what happened. The exit status:
//
//	0   nothing was lost
//	1   an echo was lost or wrong, or the service could not be reached
//	2   the command line is wrong
//	77  this needs a privilege that the user does not have
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

const (
	exitDone         = 0
	exitLost         = 1
	exitUsage        = 2
	exitUnprivileged = 77 // EX_NOPERM of sysexits.h
)

// commands is the command line.
type commands struct {
	Steady    steady    `cmd:"" help:"Connections that stay and check every echo, until SIGTERM."`
	Visit     visit     `cmd:"" help:"A connection for each echo, until SIGTERM."`
	Hold      hold      `cmd:"" help:"Connections that are silent, until SIGTERM."`
	Drain     drain     `cmd:"" help:"Clients that are owed echoes when the service stops, and want them all."`
	Slow      slow      `cmd:"" help:"Clients that send and do not read, until the service has closed them."`
	Storm     storm     `cmd:"" help:"Connections that end as soon as they begin."`
	Datagrams datagrams `cmd:"" help:"Datagrams, with a count of the answers."`
	Forge     forge     `cmd:"" help:"One datagram with another sender's address; needs CAP_NET_RAW."`
}

// drill is one command. It ends early, without an error, when the context does.
type drill interface {
	run(ctx context.Context) (report string, err error)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole command; it returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (status int) {
	var c commands
	done := false
	parser, err := kong.New(&c,
		kong.Name("echodrill"),
		kong.Description("Clients of an echo service: honest ones that check every byte, and hostile ones."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { status, done = code, true }),
	)
	if err != nil {
		panic(err) // the commands above are wrong
	}
	parsed, err := parser.Parse(args)
	if done {
		return status
	}
	if err != nil {
		fmt.Fprintf(stderr, "echodrill: usage: %v; see echodrill --help\n", err)
		return exitUsage
	}
	report, err := parsed.Selected().Target.Addr().Interface().(drill).run(ctx)
	if report != "" {
		fmt.Fprintln(stdout, report)
	}
	if err != nil {
		fmt.Fprintf(stderr, "echodrill: %v\n", err)
	}
	return statusOf(err)
}

// statusOf is the exit status that says how a drill ended.
func statusOf(err error) int {
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, os.ErrPermission):
		return exitUnprivileged
	}
	return exitLost
}

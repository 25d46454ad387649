// Command apm is the asynchronous server of .NET's Begin/End documentation on ringport: a listener that waits on an
// event, a callback that accepts, one that reads, and a state object between them. It gathers what a client sends and
// prints it when the client is done.
//
//	apm                          on 127.0.0.1:11000
//	apm -listen '[::1]:11000'    on another address; port 0 takes one that is free
//
// Try it with: echo hello | socat - TCP:127.0.0.1:11000
//
// SIGINT and SIGTERM end it. The exit status is 0 then, 1 when it cannot listen, and 2 when the command line is wrong.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"syscall"

	"github.com/ringport/ringport/ops"
)

const (
	exitDone    = 0
	exitFailure = 1
	exitUsage   = 2
)

// defaultAddress has the port of the documentation. Unlike there, nobody outside this machine is served unasked.
const defaultAddress = "127.0.0.1:11000"

func main() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr, signals))
}

// run is the whole program; it returns the exit status.
func run(args []string, stdout, stderr io.Writer, signals <-chan os.Signal) int {
	endpoint, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitDone
	case err != nil:
		return exitUsage
	}
	port, err := ops.NewPort(ops.PortConfig{})
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitFailure
	}
	server := NewSocketListener(port, stdout, stderr)
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-signals:
			server.Stop()
		case <-ended:
		}
	}()
	err = server.StartListening(endpoint)
	if closeErr := port.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitFailure
	}
	return exitDone
}

// parse reads the command line. What is wrong with it has been said on stderr already.
func parse(args []string, stderr io.Writer) (ops.Endpoint, error) {
	flags := flag.NewFlagSet("apm", flag.ContinueOnError)
	flags.SetOutput(stderr)
	address := netip.MustParseAddrPort(defaultAddress)
	flags.TextVar(&address, "listen", address, "`address` and port to listen on; port 0 takes one that is free")
	if err := flags.Parse(args); err != nil {
		return ops.Endpoint{}, err
	}
	if flags.NArg() > 0 {
		err := fmt.Errorf("apm: unexpected argument %q; see apm -h", flags.Arg(0))
		fmt.Fprintln(stderr, err)
		return ops.Endpoint{}, err
	}
	return ops.IPEndpoint(address), nil
}

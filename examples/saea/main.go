package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/ringport/ringport/ops"
)

const (
	exitDone    = 0
	exitFailure = 1
	exitUsage   = 2
)

const usage = `usage: saea <#connections> <receive size in bytes> <ipv4|ipv6> <port>
for example: saea 500 1024 ipv4 8000; port 0 takes one that is free
`

// drainTimeout is how long clients have to leave by themselves once the server is told to stop.
const drainTimeout = 5 * time.Second

func main() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, signals))
}

// run is the whole program; it returns the exit status.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer, signals <-chan os.Signal) int {
	o, err := parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "saea: %v\n%s", err, usage)
		return exitUsage
	}
	server := NewServer(o.connections, o.receiveSize)
	if err = server.Init(); err == nil {
		err = server.Start(o.endpoint)
	}
	if err == nil {
		fmt.Fprintf(stdout, "listening on %s; Enter or Ctrl-C ends the server\n", server.LocalEndpoint())
		wait(server, stdin, signals)
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	go func() {
		<-signals // a second one does not wait
		cancel()
	}()
	stopErr := server.Stop(ctx)
	for _, err := range []error{err, stopErr} {
		if err != nil {
			fmt.Fprintln(stderr, err)
		}
	}
	if err != nil || stopErr != nil {
		return exitFailure
	}
	fmt.Fprintf(stdout, "read %d bytes in %d receives; %d operations were done at once\n",
		server.TotalBytesRead(), server.numReceives.Load(), server.numSynchronous.Load())
	return exitDone
}

// wait returns when somebody wants the server to end, or it has ended by itself.
func wait(server *Server, stdin io.Reader, signals <-chan os.Signal) {
	enter := make(chan struct{})
	go func() {
		if _, err := bufio.NewReader(stdin).ReadString('\n'); err == nil { // its end means nothing: nobody is there
			close(enter)
		}
	}()
	select {
	case <-enter:
	case <-signals:
	case <-server.Done():
	}
}

// options are the command line.
type options struct {
	connections, receiveSize int
	endpoint                 ops.Endpoint
}

func parse(args []string) (o options, err error) {
	if len(args) != 4 {
		return o, fmt.Errorf("%d arguments, want 4", len(args))
	}
	if o.connections, err = positive("#connections", args[0]); err != nil {
		return o, err
	}
	if o.receiveSize, err = positive("receive size", args[1]); err != nil {
		return o, err
	}
	address := map[string]netip.Addr{"ipv4": netip.IPv4Unspecified(), "ipv6": netip.IPv6Unspecified()}[args[2]]
	if !address.IsValid() {
		return o, fmt.Errorf("the address family is %q, want ipv4 or ipv6", args[2])
	}
	port, err := strconv.ParseUint(args[3], 10, 16)
	if err != nil {
		return o, fmt.Errorf("the port is %q, want a number from 0 to 65535", args[3])
	}
	o.endpoint = ops.IPEndpoint(netip.AddrPortFrom(address, uint16(port)))
	return o, nil
}

func positive(what, s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s is %q, want a number from 1 on", what, s)
	}
	return n, nil
}

package matrix

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ringport/ringport/internal/agent"
	"github.com/ringport/ringport/internal/child"
)

// readyPatience is how long a server may take to be ready.
const readyPatience = 30 * time.Second

// program is a program that runs: a child of this process, or of an agent.
type program interface {
	PID() int
	Ended() <-chan struct{}
	Err() error // how it ended: nil with status 0
	Stop()
}

// process is a server that runs.
type process struct {
	program
	output  *output
	address string // where it is ready
}

// startServer starts a server on the CPUs and waits until it is ready to be connected to. Folder is for the path of a
// Unix socket.
func startServer(ctx context.Context, s Server, network, folder string, cpus []int) (*process, error) {
	socket := filepath.Join(folder, "echo.sock")
	_ = os.Remove(socket) // what the server before left there, when there was one
	argv := s.commandFor(s.listenOn(network, socket))
	out := newOutput(network)
	started, err := s.start(argv, cpus, out)
	if err != nil {
		return nil, fmt.Errorf("matrix: start server %s: %w", s.Name, err)
	}
	p := &process{program: started, output: out}
	if err := p.waitReady(ctx); err != nil {
		p.Stop()
		return nil, fmt.Errorf("matrix: server %s (%s): %w", s.Name, strings.Join(argv, " "), err)
	}
	return p, nil
}

// start starts a program where the server's programs run.
func (s Server) start(argv []string, cpus []int, output io.Writer) (program, error) {
	if s.Agent != "" {
		return agent.Start(s.Agent, argv, cpus, output)
	}
	return child.Start(argv, cpus, output)
}

// listenOn is the address that the server is given: the kernel chooses a port, so that no run meets what is left of
// another's connections.
func (s Server) listenOn(network, socket string) string {
	if network == "unix" {
		return "unix://" + socket
	}
	host := s.Host
	if host == "" {
		host = "127.0.0.1"
	}
	return network + "://" + net.JoinHostPort(host, "0")
}

// waitReady waits for the line that says where the server is.
func (p *process) waitReady(ctx context.Context) error {
	timeout := time.NewTimer(readyPatience)
	defer timeout.Stop()
	select {
	case p.address = <-p.output.ready:
		return nil
	case <-p.Ended():
		return fmt.Errorf("it ended before it was ready (%s); it said: %s", ending(p.Err()), p.output.tail())
	case <-timeout.C:
		return fmt.Errorf("it was not ready after %v: no line of its output has the word ready and the address; "+
			"it said: %s", readyPatience, p.output.tail())
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ending is how a program ended, in words.
func ending(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}

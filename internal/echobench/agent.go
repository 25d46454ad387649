package echobench

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/ringport/ringport/internal/agent"
)

// agentCommand waits in a container for a comparison in another one.
type agentCommand struct {
	Socket string `arg:"" placeholder:"PATH" help:"Where the comparison finds it, in a folder that both can reach."`
}

// Help is what --help says beside the flags.
func (agentCommand) Help() string {
	return `It starts the servers of a comparison in the container that it runs in: those with agent = "PATH". Both share ` +
		`process numbers (docker run --pid container:NAME). Each server ends when the comparison hangs up.

Whoever may open the socket may run any program as this user; it is made for this user alone.

The exit status is 0 when it was told to end by SIGTERM or SIGINT.`
}

// run waits until somebody asks to stop; it returns the exit status.
func (a agentCommand) run(p process) (status int) {
	path, err := filepath.Abs(a.Socket)
	if err != nil {
		return failed(p.stderr, fmt.Errorf("agent: %w", err))
	}
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	if err := agent.Serve(ctx, path, func() { fmt.Fprintf(p.stdout, "ready unix://%s\n", path) }); err != nil {
		return failed(p.stderr, err)
	}
	return exitDone
}

package echobench

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/agent"
)

func TestAnAgentStartsProgramsUntilItIsToldToEnd(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "agent.sock")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	said, stdout := io.Pipe()
	status := make(chan int, 1)
	go func() {
		status <- run(process{ctx: ctx, args: []string{"agent", socket}, stdout: stdout, stderr: io.Discard})
	}()
	want := "ready unix://" + socket + "\n"
	line := make([]byte, len(want))
	_, err := io.ReadFull(said, line)
	require.NoError(t, err)
	require.Equal(t, want, string(line))
	var output bytes.Buffer
	p, err := agent.Start(socket, []string{"echo", "here"}, nil, &output)
	require.NoError(t, err)
	require.NoError(t, p.Err())
	require.Equal(t, "here\n", output.String())
	cancel()
	require.Equal(t, exitDone, <-status)
	require.NoFileExists(t, socket)
}

func TestAnAgentThatCannotListenSaysSo(t *testing.T) {
	o := bench(t, "agent", filepath.Join(t.TempDir(), "missing", "agent.sock"))
	require.Equal(t, exitFailure, o.status)
	require.Contains(t, o.stderr, "is the folder there")
	require.Equal(t, exitUsage, bench(t, "agent").status)
}

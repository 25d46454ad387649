package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/agent"
)

// patience is how long a loaded machine may take for anything.
const patience = 60 * time.Second

// serve runs an agent. Stop ends it and gives what Serve returned; the end of the test does, too.
func serve(t *testing.T) (socket string, stop func() error) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "agent.sock")
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- agent.Serve(ctx, socket, func() { close(ready) }) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { _ = stop() })
	select {
	case <-ready:
	case err := <-ended:
		require.NoError(t, err)
	}
	return socket, stop
}

// printed takes what a program prints, and tells when something has come.
type printed struct {
	bytes.Buffer
	come chan struct{}
}

func newPrinted() *printed { return &printed{come: make(chan struct{}, 1)} }

func (p *printed) Write(b []byte) (int, error) {
	if len(b) > 0 {
		select {
		case p.come <- struct{}{}:
		default:
		}
	}
	return p.Buffer.Write(b)
}

func shell(script string) []string { return []string{"sh", "-c", script} }

// isGone says whether the process has ended and was waited for.
func isGone(pid int) bool { return syscall.Kill(pid, 0) == syscall.ESRCH }

func TestAnAgentTellsWhatAProgramPrintedAndHowItEnded(t *testing.T) {
	socket, _ := serve(t)
	for script, want := range map[string]string{"echo one; echo two >&2": "", "echo one; echo two; exit 3": "exit status 3"} {
		output := newPrinted()
		p, err := agent.Start(socket, shell(script), nil, output)
		require.NoError(t, err)
		require.NotZero(t, p.PID())
		if err := p.Err(); want == "" {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, want)
		}
		require.Equal(t, "one\ntwo\n", output.String())
	}
}

func TestAProgramEndsWhenItIsStopped(t *testing.T) {
	socket, _ := serve(t)
	output := newPrinted()
	p, err := agent.Start(socket, shell("echo here; exec sleep 1000"), nil, output)
	require.NoError(t, err)
	<-output.come
	require.False(t, isGone(p.PID()))
	p.Stop()
	require.True(t, isGone(p.PID()))
	require.EqualError(t, p.Err(), "signal: terminated")
	p.Stop() // and again does no harm
}

func TestAProgramEndsWithTheOneWhoAskedForIt(t *testing.T) {
	socket, _ := serve(t)
	conn, err := net.Dial("unix", socket)
	require.NoError(t, err)
	require.NoError(t, json.NewEncoder(conn).Encode(map[string]any{"command": shell("exec sleep 1000")}))
	var first struct{ PID int }
	require.NoError(t, json.NewDecoder(conn).Decode(&first))
	require.NotZero(t, first.PID)
	require.NoError(t, conn.Close())
	require.Eventually(t, func() bool { return isGone(first.PID) }, patience, time.Millisecond)
}

func TestAProgramEndsWithTheAgent(t *testing.T) {
	socket, stop := serve(t)
	p, err := agent.Start(socket, shell("exec sleep 1000"), nil, newPrinted())
	require.NoError(t, err)
	require.NoError(t, stop())
	require.True(t, isGone(p.PID()))
	require.ErrorContains(t, p.Err(), "went away")
	p.Stop()
}

func TestSeveralProgramsRunAtATime(t *testing.T) {
	socket, _ := serve(t)
	var programs []*agent.Program
	for range 3 {
		p, err := agent.Start(socket, shell("exec sleep 1000"), nil, newPrinted())
		require.NoError(t, err)
		programs = append(programs, p)
	}
	for _, p := range programs {
		require.False(t, isGone(p.PID()))
		p.Stop()
		require.True(t, isGone(p.PID()))
	}
}

func TestMuchOutputArrivesWhole(t *testing.T) {
	socket, _ := serve(t)
	output := newPrinted()
	p, err := agent.Start(socket, shell("head -c 1000000 /dev/zero"), nil, output)
	require.NoError(t, err)
	require.NoError(t, p.Err())
	require.Equal(t, strings.Repeat("\x00", 1000000), output.String())
}

func TestWhatCannotBeStartedIsRefused(t *testing.T) {
	socket, _ := serve(t)
	_, err := agent.Start(socket, []string{"/no/such/program"}, nil, newPrinted())
	require.ErrorContains(t, err, "no such file")
	_, err = agent.Start(socket, []string{"true"}, []int{1023}, newPrinted())
	require.ErrorContains(t, err, "CPUs [1023]")
	conn, err := net.Dial("unix", socket)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, json.NewEncoder(conn).Encode(struct{}{}))
	var first struct{ Refusal string }
	require.NoError(t, json.NewDecoder(conn).Decode(&first))
	require.Contains(t, first.Refusal, "no command")
}

func TestAnAgentThatIsNotThereIsAnError(t *testing.T) {
	_, err := agent.Start(filepath.Join(t.TempDir(), "agent.sock"), []string{"true"}, nil, newPrinted())
	require.ErrorContains(t, err, "does echobench agent run there?")
}

func TestASocketThatIsTakenIsAnError(t *testing.T) {
	socket, _ := serve(t)
	err := agent.Serve(t.Context(), socket, func() { t.Error("it is not ready") })
	require.ErrorContains(t, err, "address already in use")
}

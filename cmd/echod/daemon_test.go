package main

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is after what time a test that waits has failed. Nothing that works takes a tenth of it.
const patience = 20 * time.Second

// daemon is an echod in a process of its own.
type daemon struct {
	t       *testing.T
	command *exec.Cmd
	stdout  strings.Builder
	ended   chan struct{} // closed when the process is gone and its output is read
	status  int           // after ended

	mu    sync.Mutex
	lines []string      // of stderr
	more  chan struct{} // closed and replaced when a line comes
}

// start runs echod with the arguments, on a free port unless they say where to listen. It ends with the test.
func start(t *testing.T, args ...string) *daemon {
	t.Helper()
	return startAs(t, roleDaemon, nil, args...)
}

// startAs runs echod in a role, with variables added to an environment that has no ECHOD_ ones. A file that a variable
// names says where to listen.
func startAs(t *testing.T, as string, env []string, args ...string) *daemon {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	d := &daemon{t: t, command: exec.Command(self, args...), ended: make(chan struct{}), more: make(chan struct{})}
	if said := strings.Join(append(env, args...), " "); !strings.Contains(said, "://") &&
		!strings.Contains(said, "ECHOD_CONFIG=") {
		d.command.Args = append(d.command.Args, "--listen", "tcp://127.0.0.1:0")
	}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, envPrefix) {
			d.command.Env = append(d.command.Env, v)
		}
	}
	d.command.Env = append(append(d.command.Env, env...), role+"="+as)
	d.command.Stdout = &d.stdout
	stderr, err := d.command.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, d.command.Start())
	go d.watch(stderr)
	t.Cleanup(func() {
		_ = d.command.Process.Kill()
		<-d.ended
		if t.Failed() {
			t.Logf("echod %q wrote:\n%s", d.command.Args[1:], strings.Join(d.log(), "\n"))
		}
	})
	return d
}

// watch collects the log until the process is gone.
func (d *daemon) watch(stderr io.Reader) {
	defer close(d.ended)
	for scanner := bufio.NewScanner(stderr); scanner.Scan(); {
		d.mu.Lock()
		d.lines = append(d.lines, scanner.Text())
		close(d.more)
		d.more = make(chan struct{})
		d.mu.Unlock()
	}
	_ = d.command.Wait()
	d.status = d.command.ProcessState.ExitCode()
}

// log is the lines so far.
func (d *daemon) log() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.lines...)
}

// awaitLine waits for a line that matches, and returns what the pattern's groups match.
func (d *daemon) awaitLine(pattern string) []string {
	d.t.Helper()
	expression := regexp.MustCompile(pattern)
	deadline := time.After(patience)
	for {
		d.mu.Lock()
		lines, more := d.lines, d.more
		d.mu.Unlock()
		for _, line := range lines {
			if match := expression.FindStringSubmatch(line); match != nil {
				return match
			}
		}
		select {
		case <-more:
		case <-d.ended:
			require.Failf(d.t, "echod ended early", "status %d, no line matches %s", d.status, pattern)
		case <-deadline:
			require.Failf(d.t, "the line does not come", "no line matches %s", pattern)
		}
	}
}

// address waits until the daemon is ready, and is the first one that it listens on.
func (d *daemon) address() string {
	d.t.Helper()
	return d.awaitLine(`msg=ready listen=tcp://([^ ,]+)`)[1]
}

// dial connects a client, which goes with the test.
func (d *daemon) dial() *net.TCPConn {
	d.t.Helper()
	return dialAddress(d.t, d.address())
}

func dialAddress(t *testing.T, address string) *net.TCPConn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, patience)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn.(*net.TCPConn)
}

func (d *daemon) signal(sig syscall.Signal) {
	d.t.Helper()
	require.NoError(d.t, d.command.Process.Signal(sig))
}

// exit waits for the end of the process, and is its status.
func (d *daemon) exit() int {
	d.t.Helper()
	select {
	case <-d.ended:
	case <-time.After(patience):
		require.Fail(d.t, "echod does not end")
	}
	return d.status
}

// requireEcho sends a text and gets it back.
func requireEcho(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	_, err := io.WriteString(conn, text)
	require.NoError(t, err)
	reply := make([]byte, len(text))
	_, err = io.ReadFull(conn, reply)
	require.NoError(t, err)
	require.Equal(t, text, string(reply))
}

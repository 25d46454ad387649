package echod

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is after what time a test that waits has failed. Nothing that works takes a tenth of it.
const patience = 30 * time.Second

// daemon is an echod in a process of its own, with those that succeed it.
type daemon struct {
	t       *testing.T
	command *exec.Cmd
	stdout  strings.Builder
	left    chan struct{} // closed when the process is gone
	ended   chan struct{} // closed when its successors are, too, and their output is read
	status  int           // of the process; after left

	mu    sync.Mutex
	lines []string      // of stderr
	more  chan struct{} // closed and replaced when a line comes
}

// start runs echod with the arguments, on a free port unless they say where to listen. It ends with the test.
func start(t *testing.T, args ...string) *daemon {
	t.Helper()
	return startAs(t, roleDaemon, nil, args...)
}

// startAs runs echod in a role, with variables added to an environment that has no ECHOD_ ones.
func startAs(t *testing.T, as string, env []string, args ...string) *daemon {
	t.Helper()
	if !saysWhere(env, args) {
		args = append(args, "--listen", "tcp://127.0.0.1:0")
	}
	command := exec.Command(ownPath(t), args...)
	command.Env = append(slices.Clone(env), role+"="+as)
	return startCommand(t, command)
}

// saysWhere is whether the arguments or variables have an address to listen on, or are of a command that does not
// listen. A file that a variable names has one.
func saysWhere(env, args []string) bool {
	all := strings.ToLower(strings.Join(slices.Concat(args, env), " "))
	return strings.Contains(all, "listen") || strings.Contains(all, "echod_config=") ||
		strings.HasPrefix(all, "healthcheck")
}

// ownPath is the test binary, which is echod in a role.
func ownPath(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	return self
}

// startCommand runs a command that ends in echod. Its environment is added to this process's.
func startCommand(t *testing.T, command *exec.Cmd) *daemon {
	t.Helper()
	d := &daemon{
		t: t, command: command,
		left: make(chan struct{}), ended: make(chan struct{}), more: make(chan struct{}),
	}
	command.Env = append(plainEnvironment(), command.Env...)
	// A group of its own, so that it can be ended with all its successors.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, stderr := d.pipes()
	require.NoError(t, command.Start())
	require.NoError(t, command.Stdout.(*os.File).Close())
	require.NoError(t, command.Stderr.(*os.File).Close())
	go d.watch(stdout, stderr)
	t.Cleanup(func() {
		select {
		case <-d.ended:
		default:
			_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
			<-d.ended
		}
		if t.Failed() {
			t.Logf("echod %q wrote:\n%s", d.command.Args[1:], strings.Join(d.log(), "\n"))
		}
	})
	return d
}

// plainEnvironment is this process's environment without what would configure an echod.
func plainEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, envPrefix) })
}

// pipes gives the command pipes to write to. They are files, so that the end of the process is seen although its
// successors still have them.
func (d *daemon) pipes() (stdout, stderr *os.File) {
	d.t.Helper()
	stdout, out, err := os.Pipe()
	require.NoError(d.t, err)
	stderr, log, err := os.Pipe()
	require.NoError(d.t, err)
	d.command.Stdout, d.command.Stderr = out, log
	return stdout, stderr
}

// watch collects what is written until all processes are gone.
func (d *daemon) watch(stdout, stderr *os.File) {
	defer close(d.ended)
	defer stdout.Close()
	defer stderr.Close()
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(&d.stdout, stdout) })
	reading.Go(func() { d.collect(stderr) })
	_ = d.command.Wait()
	d.status = d.command.ProcessState.ExitCode()
	close(d.left)
	reading.Wait()
}

// collect keeps the lines of the log.
func (d *daemon) collect(stderr io.Reader) {
	for scanner := bufio.NewScanner(stderr); scanner.Scan(); {
		d.mu.Lock()
		d.lines = append(d.lines, scanner.Text())
		close(d.more)
		d.more = make(chan struct{})
		d.mu.Unlock()
	}
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
	return d.awaitLines(1, pattern)
}

// awaitLines waits for so many lines that match, and returns what the pattern's groups match in the last of these.
func (d *daemon) awaitLines(times int, pattern string) []string {
	d.t.Helper()
	expression := regexp.MustCompile(pattern)
	deadline := time.After(patience)
	for ended := false; ; {
		d.mu.Lock()
		lines, more := d.lines, d.more
		d.mu.Unlock()
		found := 0
		for _, line := range lines {
			if match := expression.FindStringSubmatch(line); match != nil {
				if found++; found == times {
					return match
				}
			}
		}
		if ended {
			require.Failf(d.t, "echod ended early", "status %d, no line matches %s", d.status, pattern)
		}
		select {
		case <-more:
		case <-d.ended:
			ended = true // what it wrote last is to be looked at
		case <-deadline:
			require.Failf(d.t, "the line does not come", "%d lines match %s, want %d", found, pattern, times)
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

// leave waits for the end of the process, whose successors may go on, and is its status.
func (d *daemon) leave() int {
	d.t.Helper()
	select {
	case <-d.left:
	case <-time.After(patience):
		require.Fail(d.t, "echod does not end")
	}
	return d.status
}

// exit waits for the end of the process and of its successors, and is its status.
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

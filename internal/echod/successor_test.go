package echod

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// restartsUnderLoad is how often the daemon is replaced under load.
func restartsUnderLoad() int {
	if testing.Short() {
		return 4
	}
	return 20
}

// signalNumber sends a signal to a process of the daemon.
func (d *daemon) signalNumber(pid int, sig syscall.Signal) {
	d.t.Helper()
	require.NoError(d.t, syscall.Kill(pid, sig))
}

// succeed has process pid of the daemon start its n-th successor, and returns that one's number once it serves.
func (d *daemon) succeed(pid, n int) (successor int) {
	d.t.Helper()
	d.signalNumber(pid, syscall.SIGUSR2)
	retired := d.awaitLines(n, `msg=retiring successor=(\d+)`)
	successor, err := strconv.Atoi(retired[1])
	require.NoError(d.t, err)
	return successor
}

// load is clients that connect, have something echoed and leave, again and again.
type load struct {
	running sync.WaitGroup
	stop    atomic.Bool
	visits  atomic.Int64

	mu     sync.Mutex
	errors []error
}

// begin starts so many clients.
func (l *load) begin(clients int, network, address string) {
	for c := range clients {
		l.running.Go(func() {
			for n := 0; !l.stop.Load(); n++ {
				if err := visit(network, address, fmt.Sprintf("client %d, visit %d", c, n)); err != nil {
					l.mu.Lock()
					l.errors = append(l.errors, fmt.Errorf("%s: %w", network, err))
					l.mu.Unlock()
					return
				}
				l.visits.Add(1)
			}
		})
	}
}

// stay has one client, who is connected already, have something echoed again and again until it is told to leave. One
// that did not get to run for half a second has been silent, and has no right to be served by a process that retires.
func stay(conn net.Conn) (leave func() error) {
	var leaving atomic.Bool
	left := make(chan error, 1)
	go func() {
		defer conn.Close()
		for n := 0; !leaving.Load(); n++ {
			began := time.Now()
			if err := exchange(conn, fmt.Sprintf("I am still here, %d", n)); err != nil {
				if silent := time.Since(began) > time.Second/2; !silent {
					left <- fmt.Errorf("echo %d: %w", n, err)
				}
				break
			}
		}
		close(left)
	}()
	return func() error {
		leaving.Store(true)
		return <-left
	}
}

// end stops the clients and holds that all of them were served.
func (l *load) end(t *testing.T) {
	t.Helper()
	l.stop.Store(true)
	l.running.Wait()
	require.NoError(t, errors.Join(l.errors...))
	t.Logf("%d visits", l.visits.Load())
}

// visit connects, has a text echoed, and leaves. It leaves TCP with a reset, since it has everything: thousands of
// connections that end in order would hold every free port for a minute.
func visit(network, address, text string) error {
	conn, err := net.DialTimeout(network, address, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if err := exchange(conn, text); err != nil {
		return err
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		return tcp.SetLinger(0)
	}
	return nil
}

// exchange sends a text and reads its echo.
func exchange(conn net.Conn, text string) error {
	if _, err := io.WriteString(conn, text); err != nil {
		return err
	}
	reply := make([]byte, len(text))
	if _, err := io.ReadFull(conn, reply); err != nil {
		return fmt.Errorf("%d bytes of the echo: %w", len(reply), err)
	}
	if string(reply) != text {
		return fmt.Errorf("echo %q, want %q", reply, text)
	}
	return nil
}

// requireVisit holds that a client is served.
func requireVisit(t *testing.T, network, address string) {
	t.Helper()
	require.NoError(t, visit(network, address, "hello"))
}

func TestRestartsUnderLoadRefuseAndCutNobody(t *testing.T) {
	path, restarts := filepath.Join(shortDir(t), "echo"), restartsUnderLoad()
	d := start(t, "--listen=tcp://127.0.0.1:0", "--listen=unix://"+path, "--admin=127.0.0.1:0", "--shards=2",
		"--drain-timeout=1h")
	address, pages := d.address(), d.adminSite()
	var clients load
	clients.begin(4, "tcp", address)
	clients.begin(2, "unix", path)

	pid := d.command.Process.Pid
	for n := range restarts {
		var silent []net.Conn
		if n%4 == 0 { // a process that retires waits for them for a second
			silent = append(silent, dialAddress(t, address), dialPath(t, path))
		}
		for _, conn := range silent {
			requireEcho(t, conn, "I was here before")
		}
		leaveTCP, leaveUnix := stay(dialAddress(t, address)), stay(dialPath(t, path))
		pid = d.succeed(pid, n+1)
		for _, conn := range silent {
			rest, err := io.ReadAll(conn)
			require.NoError(t, err, "the end of the stream, no reset")
			require.Empty(t, rest)
			require.NoError(t, conn.Close())
		}
		require.NoError(t, leaveTCP(), "who sends on is served by the one that retires")
		require.NoError(t, leaveUnix())
		d.awaitLines(n+1, `level=INFO msg=stopped$`)
		status, _ := pages.get("/readyz")
		require.Equal(t, 200, status)
	}
	clients.end(t)
	require.Equal(t, exitDone, d.leave())
	require.Equal(t, address, d.awaitLines(restarts+1, `msg=ready listen=tcp://([^ ,]+),unix://`)[1])

	d.signalNumber(pid, syscall.SIGTERM)
	d.exit()
	d.awaitLines(restarts+1, `msg=stopped`)
	require.NoFileExists(t, path, "the last one removes it")
	require.NotContains(t, strings.Join(d.log(), "\n"), "level=ERROR")
}

func TestASuccessorServesTheSocketsOfTheServiceManager(t *testing.T) {
	web, file := listening(t)
	path := filepath.Join(shortDir(t), "echo")
	_, pathFile := listeningPath(t, path)
	d := activate(t, []*os.File{file, pathFile}, "web:local")
	d.awaitLine(`msg=ready`)
	pid := d.succeed(d.command.Process.Pid, 1)
	require.Equal(t, exitDone, d.leave())
	pid = d.succeed(pid, 2)
	requireVisit(t, "tcp", web.Addr().String())
	requireVisit(t, "unix", path)
	d.signalNumber(pid, syscall.SIGTERM)
	d.exit()
	listed := d.awaitLines(3, `msg=ready listen=(\S+)`)[1]
	require.Equal(t, "tcp://"+web.Addr().String()+",unix://"+path, listed, "and not the default one")
	require.FileExists(t, path)
}

func TestDatagramsAreAnsweredByTheSuccessor(t *testing.T) {
	d := start(t, "--listen=udp://127.0.0.1:0")
	address := d.awaitLine(`msg=ready listen=udp://(\S+)`)[1]
	client, err := net.Dial("udp", address)
	require.NoError(t, err)
	defer client.Close()
	pid := d.command.Process.Pid
	for n := range 3 {
		pid = d.succeed(pid, n+1)
		d.awaitLines(n+1, `msg=stopped`)
		require.NoError(t, client.SetDeadline(time.Now().Add(patience)))
		requireEcho(t, client, fmt.Sprintf("datagram %d", n))
	}
}

func TestNoDescriptorIsLeftByRestarts(t *testing.T) {
	path := filepath.Join(shortDir(t), "echo")
	d := start(t, "--listen=tcp://127.0.0.1:0", "--listen=unix://"+path, "--listen=udp://127.0.0.1:0",
		"--admin=127.0.0.1:0", "--shards=2")
	d.address()
	pid, first := d.command.Process.Pid, 0
	for n := range 4 {
		pid = d.succeed(pid, n+1)
		d.awaitLines(n+1, `msg=stopped`)
		d.signalNumber(pid, syscall.SIGUSR1)
		d.awaitLines(n+1, `msg=figures`) // by now it has told everybody that it serves
		if n == 0 {
			first = descriptorsOf(t, pid)
		}
	}
	require.Eventually(t, func() bool { return descriptorsOf(t, pid) == first }, patience, patience/1000)
}

// descriptorsOf is how many descriptors a process has.
func descriptorsOf(t *testing.T, pid int) int {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	require.NoError(t, err)
	return len(entries)
}

func TestTheAdminSocketIsTheSuccessors(t *testing.T) {
	path := filepath.Join(shortDir(t), "admin")
	d := start(t, "--admin=unix://"+path)
	pages := d.adminSite()
	pid := d.succeed(d.command.Process.Pid, 1)
	require.Equal(t, exitDone, d.leave())
	status, _ := pages.get("/readyz")
	require.Equal(t, 200, status)
	d.signalNumber(pid, syscall.SIGTERM)
	d.exit()
	require.NoFileExists(t, path)
}

func TestTheServiceManagerHearsWhoSucceeds(t *testing.T) {
	m := manage(t)
	d := startAs(t, roleDaemon, append(m.env(), "WATCHDOG_USEC=200000", "WATCHDOG_PID="))
	d.address()
	pid := d.succeed(d.command.Process.Pid, 1)
	require.Equal(t, strconv.Itoa(pid), m.await(1, `^WATCHDOG=1\nMAINPID=(\d+)$`)[1])
	require.Equal(t, exitDone, d.leave())
	fed := len(m.told())
	require.Eventually(t, func() bool { return len(m.told()) > fed }, patience, patience/1000, "by the successor")
	for _, message := range m.told() {
		require.NotContains(t, message, "STOPPING", "the service goes on")
	}
}

// linked starts echod by a path that can be made to lead elsewhere.
func linked(t *testing.T, args ...string) (d *daemon, point func(program string)) {
	t.Helper()
	path := filepath.Join(shortDir(t), "echod")
	point = func(program string) {
		t.Helper()
		program, err := exec.LookPath(program)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(program, path+".new"))
		require.NoError(t, os.Rename(path+".new", path))
	}
	point(ownPath(t))
	command := exec.Command(path, append(args, "--listen=tcp://127.0.0.1:0")...)
	command.Env = []string{role + "=" + roleDaemon}
	return startCommand(t, command), point
}

func TestASuccessorThatFailsLeavesEverythingAsItWas(t *testing.T) {
	d, point := linked(t)
	d.address()
	before := d.dial()
	requireEcho(t, before, "hello")

	point("false")
	d.signal(syscall.SIGUSR2)
	d.awaitLine(`level=ERROR msg="there is no successor; this .*" error=.*ended before it served.*exit status 1`)
	requireEcho(t, before, "still here")
	require.NoError(t, before.Close())
	requireVisit(t, "tcp", d.address())

	point(ownPath(t))
	d.succeed(d.command.Process.Pid, 1)
	require.Equal(t, exitDone, d.leave())
	requireEcho(t, d.dial(), "hello")
}

func TestAProgramThatIsGoneIsNamed(t *testing.T) {
	d, _ := linked(t)
	d.address()
	require.NoError(t, os.Remove(d.command.Path))
	d.signal(syscall.SIGUSR2)
	d.awaitLine(`level=ERROR msg="there is no successor; this process goes on serving" error=.*` + d.command.Path)
	requireEcho(t, d.dial(), "still here")
}

func TestAConfigurationThatIsWrongByNowIsNoSuccessor(t *testing.T) {
	file := filepath.Join(t.TempDir(), "echod.toml")
	require.NoError(t, os.WriteFile(file, []byte("max-conns = 10\n"), 0o600))
	d := start(t, "--config="+file)
	d.address()
	require.NoError(t, os.WriteFile(file, []byte("max-connections = 10\n"), 0o600))
	d.signal(syscall.SIGUSR2)
	d.awaitLine(`max-connections`)
	d.awaitLine(`level=ERROR msg="there is no successor; this process goes on serving" error=.*exit status 2`)
	requireEcho(t, d.dial(), "still here")
}

func TestASuccessorThatDoesNotServeInTimeIsEnded(t *testing.T) {
	t.Setenv(role, roleMute)
	next, err := ownProgram([]string{ownPath(t)}).start(inheritance{}, time.Millisecond)
	require.NoError(t, err)
	err = <-next.outcome()
	require.ErrorContains(t, err, "did not serve within 1ms")
	require.NotNil(t, next.command.ProcessState, "it is gone")
}

func TestThereIsOneSuccessorAtATime(t *testing.T) {
	d, point := linked(t)
	d.address()
	point("sleep") // fails at once without an operand, so that the next one may come
	d.signal(syscall.SIGUSR2)
	d.awaitLine(`level=ERROR msg="there is no successor`)

	point(ownPath(t))
	for range 5 {
		d.signal(syscall.SIGUSR2)
	}
	require.Equal(t, exitDone, d.leave())
	d.awaitLines(2, `msg=ready`)
	d.awaitLine(`msg=retiring`)
	begun := strings.Count(strings.Join(d.log(), "\n"), `"a successor is being started"`)
	require.Equal(t, 2, begun, "the one that failed and one more")
}

func TestASecondRequestForASuccessorIsTurnedDown(t *testing.T) {
	d, point := linked(t)
	d.address()
	point(script(t, "exec sleep 1000"))
	d.signal(syscall.SIGUSR2)
	d.awaitLine(`msg="a successor is being started"`)
	d.signal(syscall.SIGUSR2)
	d.awaitLine(`level=WARN msg="a successor is being started already"`)

	// The one that is told to stop takes its unborn successor along.
	d.signal(syscall.SIGTERM)
	require.Equal(t, exitDone, d.exit())
}

// script is a program of the shell's.
func script(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(shortDir(t), "script")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700))
	return path
}

func TestASecondStopSignalQuitsWhileRetiring(t *testing.T) {
	d, _, _ := owing(t, "--drain-timeout=1h")
	pid := d.succeed(d.command.Process.Pid, 1)
	d.signal(syscall.SIGTERM)
	d.awaitLine(`msg="draining already`)
	d.signal(syscall.SIGTERM)
	require.Equal(t, exitFailure, d.leave())
	d.awaitLine(`level=ERROR msg="quitting at once`)
	requireServedInTheEnd(t, d.address())
	d.signalNumber(pid, syscall.SIGTERM)
	d.exit()
}

// requireServedInTheEnd holds that clients are served, once the kernel has cleared the ring of a process away that was
// quit at once: until then an accept of it may still take a connection, with which nothing happens any more.
func requireServedInTheEnd(t *testing.T, address string) {
	t.Helper()
	require.Eventually(t, func() bool {
		conn, err := net.DialTimeout("tcp", address, patience)
		if err != nil {
			return false
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(time.Second))
		return exchange(conn, "the successor serves") == nil
	}, patience, time.Millisecond)
}

func TestTheProgramIsFoundByTheNameItWasStartedBy(t *testing.T) {
	self := ownPath(t)
	require.Equal(t, program{path: self, args: []string{self, "serve"}}, ownProgram([]string{self, "serve"}))
	dir := shortDir(t)
	link := filepath.Join(dir, "echod")
	require.NoError(t, os.Symlink(self, link))
	require.Equal(t, link, ownProgram([]string{link}).path, "where a new version will be, too")
	t.Setenv("PATH", dir)
	require.Equal(t, link, ownProgram([]string{"echod"}).path)
	require.Equal(t, "/proc/self/exe", ownProgram([]string{"a name of its own"}).path)
}

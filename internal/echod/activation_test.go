package echod

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// activate runs echod with sockets that listen already, as systemd does.
func activate(t *testing.T, sockets []*os.File, names string, args ...string) *daemon {
	t.Helper()
	// Only the process itself knows its number.
	command := exec.Command("sh", append([]string{"-c", `LISTEN_PID=$$ exec "$0" "$@"`, ownPath(t)}, args...)...)
	command.ExtraFiles = sockets
	command.Env = []string{role + "=" + roleDaemon, fmt.Sprintf("LISTEN_FDS=%d", len(sockets)), "LISTEN_FDNAMES=" + names}
	return startCommand(t, command)
}

// listening is a TCP listener of the test's, and its descriptor.
func listening(t *testing.T) (net.Listener, *os.File) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	file, err := listener.(*net.TCPListener).File()
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	return listener, file
}

// listeningPath is a Unix listener of the test's at a path, and its descriptor.
func listeningPath(t *testing.T, path string) (net.Listener, *os.File) {
	t.Helper()
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	file, err := listener.(*net.UnixListener).File()
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	return listener, file
}

// dialPath connects a client to a Unix socket, which goes with the test.
func dialPath(t *testing.T, path string) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("unix", path, patience)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn
}

func TestSocketsOfTheServiceManagerAreServed(t *testing.T) {
	web, webFile := listening(t)
	path := filepath.Join(shortDir(t), "echo")
	_, pathFile := listeningPath(t, path)
	datagrams, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer datagrams.Close()
	datagramFile, err := datagrams.File()
	require.NoError(t, err)
	defer datagramFile.Close()

	d := activate(t, []*os.File{webFile, pathFile, datagramFile}, "web:local:short")
	listed := d.awaitLine(`msg=ready listen=(\S+)`)[1]
	require.Equal(t, []string{"tcp://" + web.Addr().String(), "unix://" + path, "udp://" + datagrams.LocalAddr().String()},
		strings.Split(listed, ","), "these and not the default one")
	requireVisit(t, "tcp", web.Addr().String())
	requireVisit(t, "unix", path)
	client, err := net.Dial("udp", datagrams.LocalAddr().String())
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.SetDeadline(time.Now().Add(patience)))
	requireEcho(t, client, "hello")

	d.signal(syscall.SIGTERM)
	require.Equal(t, exitDone, d.exit())
	require.FileExists(t, path, "it is the service manager's")
	for name, connect := range map[string]func() net.Conn{
		"TCP":  func() net.Conn { return dialAddress(t, web.Addr().String()) },
		"Unix": func() net.Conn { return dialPath(t, path) },
	} {
		t.Run(name+" still listens", func(t *testing.T) { require.NoError(t, connect().Close()) })
	}
}

func TestASocketServesOneDaemonAfterTheOther(t *testing.T) {
	web, file := listening(t)
	for range 3 {
		d := activate(t, []*os.File{file}, "web")
		requireVisit(t, "tcp", web.Addr().String())
		d.signal(syscall.SIGTERM)
		require.Equal(t, exitDone, d.exit())
	}
}

func TestExplicitAddressesComeOnTopOfTheServiceManagers(t *testing.T) {
	web, file := listening(t)
	path := filepath.Join(shortDir(t), "echo")
	d := activate(t, []*os.File{file}, "web", "--listen=unix://"+path)
	listed := strings.Split(d.awaitLine(`msg=ready listen=(\S+)`)[1], ",")
	require.ElementsMatch(t, []string{"tcp://" + web.Addr().String(), "unix://" + path}, listed)
	requireEcho(t, dialAddress(t, web.Addr().String()), "hello")
	requireEcho(t, dialPath(t, path), "hello")
}

func TestSocketsForAnotherProcessAreLeftAlone(t *testing.T) {
	web, file := listening(t)
	command := exec.Command(ownPath(t), "--listen=tcp://127.0.0.1:0")
	command.ExtraFiles = []*os.File{file}
	command.Env = []string{role + "=" + roleDaemon, "LISTEN_PID=1", "LISTEN_FDS=1"}
	listed := startCommand(t, command).awaitLine(`msg=ready listen=(\S+)`)[1]
	require.NotContains(t, listed, web.Addr().String())
}

func TestASocketThatDoesNotListenIsNamed(t *testing.T) {
	file, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer file.Close()
	d := activate(t, []*os.File{file}, "oops")
	require.Equal(t, exitFailure, d.exit())
	require.Len(t, d.log(), 1)
	require.Contains(t, d.log()[0], "oops")
}

func TestSocketsOfSystemdSocketActivateAreServed(t *testing.T) {
	tool, err := exec.LookPath("systemd-socket-activate")
	if err != nil {
		t.Skip("systemd-socket-activate is not installed")
	}
	path := filepath.Join(shortDir(t), "echo")
	d := startCommand(t, exec.Command(tool, "--listen="+path, "--fdname=local",
		"--setenv="+role+"="+roleDaemon, ownPath(t)))
	d.awaitLine(`Listening on`)
	client := dialPath(t, path) // starts it
	d.awaitLine(`msg=ready listen=unix://` + path + ` `)
	requireEcho(t, client, "hello")
	require.NoError(t, client.Close())
	d.signal(syscall.SIGTERM)
	require.Equal(t, exitDone, d.exit())
	require.FileExists(t, path)
}

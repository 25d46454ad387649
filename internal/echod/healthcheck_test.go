package echod

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/ringtest"
)

// listenFor has somebody serve every connection to an address of its own, until the test ends. It returns the address
// as healthcheck takes it.
func listenFor(t *testing.T, network, address string, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen(network, address)
	require.NoError(t, err)
	ended := make(chan struct{})
	t.Cleanup(func() {
		_ = listener.Close()
		<-ended
	})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serve(conn)
			_ = conn.Close()
		}
	}()
	return network + "://" + listener.Addr().String()
}

// local is a free port that only this machine reaches.
const local = "127.0.0.1:0"

// What somebody may do with a connection.
func echo(conn net.Conn)    { _, _ = io.Copy(conn, conn) }
func discard(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }
func hangUp(net.Conn)       {}

// boast says what nobody asked, and listens to the end: a reset could hide what it said.
func boast(conn net.Conn) {
	_, _ = io.WriteString(conn, strings.Repeat("hello, world\n", 10))
	discard(conn)
}

// silent is the address of somebody who never answers: it does not accept even.
func silent(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", local)
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return "tcp://" + listener.Addr().String()
}

// deaf is the address of nobody: the port is kept from others, but nobody listens there.
func deaf(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	require.NoError(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	bound, err := unix.Getsockname(fd)
	require.NoError(t, err)
	return fmt.Sprintf("tcp://127.0.0.1:%d", bound.(*unix.SockaddrInet4).Port)
}

// datagrams has somebody answer every datagram with what reply makes of it.
func datagrams(t *testing.T, reply func([]byte) []byte) string {
	t.Helper()
	socket, err := net.ListenPacket("udp", local)
	require.NoError(t, err)
	ended := make(chan struct{})
	t.Cleanup(func() {
		_ = socket.Close()
		<-ended
	})
	go func() {
		defer close(ended)
		buffer := make([]byte, 1<<10)
		for {
			n, from, err := socket.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = socket.WriteTo(reply(buffer[:n]), from)
		}
	}()
	return "udp://" + socket.LocalAddr().String()
}

func twice(b []byte) []byte { return append(b, b...) }

// admin is the URL of an admin address whose /readyz has a status.
func admin(t *testing.T, status int) string {
	t.Helper()
	s := httptest.NewServer(readyz(status))
	t.Cleanup(s.Close)
	return s.URL
}

// asAdmin makes an admin address of one that echoes.
func asAdmin(address string) string { return strings.Replace(address, "tcp", "http", 1) }

func readyz(status int) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "draining\n")
	})
	return mux
}

func TestWhoWorksIsSaidToWork(t *testing.T) {
	dir := t.TempDir()
	for name, args := range map[string][]string{
		"echo over TCP":       {listenFor(t, "tcp", local, echo)},
		"echo over Unix":      {listenFor(t, "unix", filepath.Join(dir, "echo.sock"), echo)},
		"echo at a Unix name": {listenFor(t, "unix", "@"+filepath.Join(dir, "echo"), echo)},
		"echo over UDP":       {datagrams(t, func(b []byte) []byte { return b })},
		"discard over TCP":    {"--handler=discard", listenFor(t, "tcp", local, discard)},
		"discard over Unix":   {"--handler=discard", listenFor(t, "unix", filepath.Join(dir, "null.sock"), discard)},
		"admin":               {admin(t, http.StatusOK)},
		"admin with a path":   {admin(t, http.StatusOK) + "/readyz"},
		"admin with a slash":  {admin(t, http.StatusOK) + "/"},
		"admin over Unix":     {adminOverUnix(t, filepath.Join(dir, "admin.sock"))},
	} {
		t.Run(name, func(t *testing.T) {
			o := runWith(nil, append([]string{"healthcheck", "--timeout=1m"}, args...)...)
			require.Equal(t, outcome{exitDone, "echod: " + args[len(args)-1] + " works\n", ""}, o)
		})
	}
}

func adminOverUnix(t *testing.T, path string) string {
	t.Helper()
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	s := httptest.NewUnstartedServer(readyz(http.StatusOK))
	require.NoError(t, s.Listener.Close())
	s.Listener = listener
	s.Start()
	t.Cleanup(s.Close)
	return "http+unix://" + path
}

func TestWhoDoesNotWorkIsToldWhy(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"nobody there":           {[]string{deaf(t)}, "connection refused"},
		"no such Unix socket":    {[]string{"unix://" + filepath.Join(t.TempDir(), "none")}, "no such file or directory"},
		"no answer":              {[]string{"--timeout=100ms", silent(t)}, "no answer in time"},
		"no answer to discard":   {[]string{"--timeout=100ms", "--handler=discard", silent(t)}, "no answer in time"},
		"another answer":         {[]string{listenFor(t, "tcp", local, boast)}, "no echo service"},
		"another datagram":       {[]string{datagrams(t, bytes.ToUpper)}, "no echo service"},
		"half of the datagram":   {[]string{datagrams(t, func(b []byte) []byte { return b[1:] })}, "no echo service"},
		"the first half of it":   {[]string{datagrams(t, func(b []byte) []byte { return b[:9] })}, "no echo service"},
		"more than the datagram": {[]string{datagrams(t, twice)}, "no echo service"},
		"an echo for a discard":  {[]string{"--handler=discard", listenFor(t, "tcp", local, echo)}, "no discard service"},
		"it is draining":         {[]string{admin(t, http.StatusServiceUnavailable)}, "503 Service Unavailable: draining"},
		"no such page":           {[]string{admin(t, http.StatusOK) + "/metric"}, "404"},
		"it sends us elsewhere":  {[]string{admin(t, http.StatusFound)}, "302"},
		"no admin there":         {[]string{asAdmin(deaf(t))}, "connection refused"},
		"no answer of the admin": {[]string{"--timeout=100ms", asAdmin(silent(t))}, "no answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			o := runWith(nil, append([]string{"healthcheck"}, test.args...)...)
			require.Equal(t, exitFailure, o.status)
			require.Empty(t, o.stdout)
			require.Regexp(t, `^echod: healthcheck: [^\n]*`+test.says+`[^\n]*\n$`, o.stderr)
			require.Contains(t, o.stderr, test.args[len(test.args)-1])
		})
	}
}

func TestAConnectionThatEndsAtOnceIsNoAnswer(t *testing.T) {
	o := runWith(nil, "healthcheck", "--timeout=1m", listenFor(t, "tcp", local, hangUp))
	require.Equal(t, exitFailure, o.status)
	// Whether it is the end of the stream or a reset depends on what came first, its end or our bytes.
	require.Regexp(t, `^echod: healthcheck: [^\n]*(without an answer|reset|broken pipe)[^\n]*\n$`, o.stderr)
}

func TestAHealthcheckThatIsWrittenWrongIsUsage(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"no network":           {[]string{"127.0.0.1:7007"}, "127.0.0.1:7007"},
		"no URL":               {[]string{"http://"}, "http://127.0.0.1:9107"},
		"no path":              {[]string{"http+unix://admin.sock"}, "http+unix:///"},
		"no time":              {[]string{"--timeout=0s"}, "--timeout"},
		"discarding datagrams": {[]string{"--handler=discard", "udp://127.0.0.1:7"}, "udp://127.0.0.1:7"},
		"two":                  {[]string{"tcp://:1", "tcp://:2"}, "tcp://:2"},
		"no flag of it":        {[]string{"--max-conns=3"}, "--max-conns"},
	} {
		t.Run(name, func(t *testing.T) {
			o := runWith(nil, append([]string{"healthcheck"}, test.args...)...)
			require.Equal(t, exitUsage, o.status)
			require.Regexp(t, `^echod: usage: [^\n]*\n$`, o.stderr)
			require.Contains(t, o.stderr, test.says)
		})
	}
}

func TestASignalEndsAHealthcheck(t *testing.T) {
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGTERM
	p := quiet("healthcheck", "--timeout=1h", silent(t))
	p.signals = signals
	require.Equal(t, exitFailure, run(p))
}

func TestTheEnvironmentTellsAHealthcheckWhatIsServed(t *testing.T) {
	env := map[string]string{"ECHOD_HANDLER": "discard", "ECHOD_CONFIG": "/nothing/there"}
	o := runWith(env, "healthcheck", "--timeout=1m", listenFor(t, "tcp", local, discard))
	require.Equal(t, exitDone, o.status, "%s", o.stderr)
}

func TestADaemonPassesItsHealthcheckEverywhere(t *testing.T) {
	ringtest.Require(t)
	for _, handler := range []string{"echo", "discard"} {
		d := start(t, "--handler="+handler, "--listen=tcp://127.0.0.1:0", "--listen=udp://127.0.0.1:0",
			"--listen=unix://"+filepath.Join(shortDir(t), "echo"), "--admin=127.0.0.1:0")
		ready := d.awaitLine(`msg=ready listen=(tcp://[^,]+),(udp://[^,]+),(unix://\S+) .* admin=(\S+)`)
		for _, address := range []string{ready[1], ready[2], ready[3], ready[4]} {
			if handler == "discard" && strings.HasPrefix(address, "udp") {
				continue // nobody answers
			}
			o := runWith(nil, "healthcheck", "--timeout=1m", "--handler="+handler, address)
			require.Equal(t, outcome{exitDone, "echod: " + address + " works\n", ""}, o)
		}
	}
}

func TestAHealthcheckNeedsNoRing(t *testing.T) {
	address := listenFor(t, "tcp", local, echo)
	d := startAs(t, roleRefused, nil, "healthcheck", "--timeout=1m", address)
	require.Equal(t, exitDone, d.exit())
	require.Equal(t, "echod: "+address+" works\n", d.stdout.String())
}

package echod

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// serviceManager is a socket as systemd's for notifications.
type serviceManager struct {
	t    *testing.T
	path string

	mu       sync.Mutex
	messages []string
}

// manage listens for notifications until the test ends.
func manage(t *testing.T) *serviceManager {
	t.Helper()
	m := &serviceManager{t: t, path: filepath.Join(shortDir(t), "notify")}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.path, Net: "unixgram"})
	require.NoError(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for memory := make([]byte, 4096); ; {
			n, err := conn.Read(memory)
			if err != nil {
				return
			}
			m.mu.Lock()
			m.messages = append(m.messages, string(memory[:n]))
			m.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-ended
	})
	return m
}

// shortDir is a folder of the test whose name leaves room for a socket's: 108 bytes hold the whole path.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "echod")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// env is what tells the daemon of the manager.
func (m *serviceManager) env() []string { return []string{"NOTIFY_SOCKET=" + m.path} }

// told is the messages so far.
func (m *serviceManager) told() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.messages...)
}

// await waits for so many messages that match, and returns what the pattern's groups match in the last one.
func (m *serviceManager) await(times int, pattern string) (match []string) {
	m.t.Helper()
	expression := regexp.MustCompile(pattern)
	require.Eventually(m.t, func() bool {
		found := 0
		for _, message := range m.told() {
			if groups := expression.FindStringSubmatch(message); groups != nil {
				found, match = found+1, groups
			}
		}
		return found >= times
	}, patience, patience/1000, "no message matches %s", pattern)
	return match
}

func TestTheServiceManagerHearsOfTheStartAndTheEnd(t *testing.T) {
	m := manage(t)
	d := startAs(t, roleDaemon, m.env())
	m.await(1, `^READY=1\nSTATUS=serving: 0 connections, 0 waiting, 0 bytes queued$`)
	requireVisit(t, "tcp", d.address())
	d.signal(syscall.SIGTERM)
	extension := m.await(1, `^STOPPING=1\nSTATUS=draining: .*\nEXTEND_TIMEOUT_USEC=(\d+)$`)
	usec, err := strconv.ParseInt(extension[1], 10, 64)
	require.NoError(t, err)
	require.Equal(t, drainExtension, time.Duration(usec)*time.Microsecond)
	require.Equal(t, exitDone, d.exit())
	for _, message := range m.told() {
		require.NotContains(t, message, "WATCHDOG", "there is none")
	}
}

func TestALongDrainAsksForMoreTime(t *testing.T) {
	var messages []string
	m := &manager{send: func(state string) error {
		messages = append(messages, state)
		return nil
	}}
	m.extend("draining: 3 connections", 30*time.Second)
	require.Equal(t, []string{"STATUS=draining: 3 connections\nEXTEND_TIMEOUT_USEC=30000000"}, messages)
}

func TestTheServiceManagerHearsOfAReload(t *testing.T) {
	m := manage(t)
	d := startAs(t, roleDaemon, m.env())
	m.await(1, `^READY=1\n`)
	d.signal(syscall.SIGHUP)
	m.await(1, `^RELOADING=1\nMONOTONIC_USEC=\d+$`)
	m.await(2, `^READY=1\n`)
}

func TestTheWatchdogIsFed(t *testing.T) {
	m := manage(t)
	startAs(t, roleDaemon, append(m.env(), "WATCHDOG_USEC=200000"))
	m.await(3, `^WATCHDOG=1$`)
}

func TestAnotherProcessesWatchdogIsNotFed(t *testing.T) {
	m := manage(t)
	d := startAs(t, roleDaemon, append(m.env(), "WATCHDOG_USEC=1000", "WATCHDOG_PID=1"))
	m.await(1, `^READY=1\n`)
	d.signal(syscall.SIGTERM)
	require.Equal(t, exitDone, d.exit())
	for _, message := range m.told() {
		require.NotContains(t, message, "WATCHDOG")
	}
}

func TestAWrongWatchdogIsAFailure(t *testing.T) {
	variable := "WATCHDOG_USEC=soon"
	for _, command := range []string{"--version", "--help", "--check-config"} {
		require.Equal(t, exitDone, startAs(t, roleDaemon, []string{variable}, command).exit(), "it needs no watchdog")
	}
	d := startAs(t, roleDaemon, []string{variable})
	require.Equal(t, exitFailure, d.exit())
	require.Len(t, d.log(), 1)
	require.Contains(t, d.log()[0], "WATCHDOG_USEC")
}

func TestAServiceManagerThatDoesNotListenIsNoFailure(t *testing.T) {
	d := startAs(t, roleDaemon, []string{"NOTIFY_SOCKET=" + filepath.Join(shortDir(t), "nobody"), "WATCHDOG_USEC=20000"})
	d.awaitLine(`level=WARN msg="the service manager cannot be told.*NOTIFY_SOCKET`)
	requireVisit(t, "tcp", d.address())
	d.signal(syscall.SIGTERM)
	require.Equal(t, exitDone, d.exit())
	require.Equal(t, 1, strings.Count(strings.Join(d.log(), "\n"), "NOTIFY_SOCKET"), "said once")
}

func TestOnlyTheFirstOfSeveralFailuresIsLogged(t *testing.T) {
	var log bytes.Buffer
	failure := errors.New("no")
	m := &manager{send: func(string) error { return failure }, log: slog.New(slog.NewTextHandler(&log, nil))}
	m.feed()
	m.feed()
	require.Equal(t, 1, strings.Count(log.String(), "\n"))
	failure = nil
	m.feed()
	failure = errors.New("again")
	m.feed()
	require.Equal(t, 2, strings.Count(log.String(), "\n"))
}

func TestAProcessThatHandedOverSaysNoMore(t *testing.T) {
	var messages []string
	m := &manager{send: func(state string) error {
		messages = append(messages, state)
		return nil
	}}
	m.handOver(77)
	m.stopping("draining", time.Second)
	m.feed()
	m.status("draining")
	require.Equal(t, []string{"WATCHDOG=1\nMAINPID=77"}, messages)
}

func TestWithoutAServiceManagerNothingIsSent(t *testing.T) {
	m := &manager{}
	m.ready("serving")
	m.feed()
	t.Setenv("NOTIFY_SOCKET", "")
	require.NoError(t, notify("READY=1"))
}

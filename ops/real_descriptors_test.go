package ops_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

// limitedServer, in the environment, makes the test binary the server of TestALackOfDescriptorsIsWaitedOut. It says how
// many descriptors the server may have for connections.
const limitedServer = "RINGPORT_TEST_DESCRIPTORS"

func TestALackOfDescriptorsIsWaitedOut(t *testing.T) {
	if os.Getenv(limitedServer) != "" {
		serveWithFewDescriptors(t)
		return
	}
	for _, ahead := range []string{"0", "-1"} {
		t.Run("accept-ahead "+ahead, func(t *testing.T) { crowd(t, ahead) })
	}
}

// crowd runs the server in a process of its own and brings it more clients than it has descriptors.
func crowd(t *testing.T, ahead string) {
	const room, clients = 5, 20
	server := exec.Command(os.Args[0], "-test.run=^TestALackOfDescriptorsIsWaitedOut$", "-test.v")
	server.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s", limitedServer, room, ahead))
	input, err := server.StdinPipe()
	require.NoError(t, err)
	output, err := server.StdoutPipe()
	require.NoError(t, err)
	server.Stderr = os.Stderr
	require.NoError(t, server.Start())
	defer time.AfterFunc(patience, func() { _ = server.Process.Kill() }).Stop()
	lines := bufio.NewScanner(output)
	address := lineAfter(t, lines, "listening on ")

	var all []net.Conn
	for range clients {
		c, err := net.Dial("tcp", address)
		require.NoError(t, err)
		defer c.Close()
		require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
		_, err = c.Write([]byte("x"))
		require.NoError(t, err)
		all = append(all, c)
	}
	lineAfter(t, lines, "starved") // the rest waits in the backlog
	for _, c := range all {        // each that leaves makes room for another
		require.Equal(t, "x", string(readExactly(t, c, 1)))
		require.NoError(t, c.Close())
	}
	require.NoError(t, input.Close())
	var rest strings.Builder
	for lines.Scan() {
		rest.WriteString(lines.Text() + "\n")
	}
	require.NoError(t, server.Wait(), rest.String())
}

// lineAfter waits for a line that begins with a mark and gives what follows.
func lineAfter(t *testing.T, lines *bufio.Scanner, mark string) string {
	t.Helper()
	var seen strings.Builder
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), mark); ok {
			return rest
		}
		seen.WriteString(lines.Text() + "\n")
	}
	t.Fatalf("the server ended without %q: %s", mark, seen.String())
	return ""
}

// serveWithFewDescriptors is the server: an echo, until its input ends.
func serveWithFewDescriptors(t *testing.T) {
	var room, ahead int
	_, err := fmt.Sscan(os.Getenv(limitedServer), &room, &ahead)
	require.NoError(t, err)
	p := newPort(t, ops.PortConfig{})
	// Kernel: an accept that was submitted before goes by the limit of that time.
	defer setDescriptorLimit(t, limitFor(room+1))() // one is the listener's
	e := serveEcho(t, p, ops.ListenConfig{AcceptAhead: ahead}, nil)
	fmt.Println("listening on " + e.listener.LocalEndpoint().String())

	waitStats(t, p, "descriptors run out", func(s ops.Stats) bool { return s.NoDescriptors > 0 })
	before := p.Stats()
	ticks := newTimerLog(p)
	for range 20 { // half a second: the pauses between two tries reach their longest
		ticks.timer("tick").Reset(25 * ms)
		await(t, ticks.ran)
	}
	after := p.Stats()
	require.Less(t, after.Turns-before.Turns, uint64(200), "it spun")
	require.Less(t, after.Ring.Enters-before.Ring.Enters, uint64(200), "it spun")
	require.Greater(t, after.NoDescriptors, before.NoDescriptors, "it did not try again")
	fmt.Println("starved")

	_, _ = io.ReadAll(os.Stdin)
	waitStats(t, p, "all clients are accepted", func(s ops.Stats) bool { return s.Accepts == 20 })
	turnBy(t, p) // their handlers have run, too
	e.open.Wait()
	require.EqualValues(t, 20, p.Stats().Accepts)
	waitStats(t, p, "the listener has a descriptor to accept with", func(s ops.Stats) bool { return s.Blocked == 0 })
	require.Zero(t, p.Stats().Ring.EmptyPairs)
}

// limitFor is a limit that leaves room for so many more descriptors.
func limitFor(room int) (limit int) {
	for ; room > 0; limit++ {
		if _, err := unix.FcntlInt(uintptr(limit), unix.F_GETFD, 0); err == unix.EBADF {
			room--
		}
	}
	return limit
}

// setDescriptorLimit lets the process open no descriptor from a number on, until the returned function is called.
func setDescriptorLimit(t *testing.T, limit int) (restore func()) {
	t.Helper()
	var old syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old))
	low := syscall.Rlimit{Cur: uint64(limit), Max: old.Max}
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low))
	return func() { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old)) }
}

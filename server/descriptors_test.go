package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/server"
)

// scarceEnv makes the test binary serve with few descriptors, for TestAServerWithoutDescriptorsWaitsForThem.
const scarceEnv = "RINGPORT_TEST_SCARCE"

// What scarceEnv may be: with few descriptors only, or with a rate of accepts as well.
const (
	scarceOnly     = "descriptors"
	scarceAndPaced = "descriptors and a rate"
)

func TestMain(m *testing.M) {
	if os.Getenv(scarceEnv) != "" {
		if err := serveScarce(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// scarceDescriptors is the limit of that process.
const scarceDescriptors = 64

// serveScarce serves until its input ends. It prints its address, and for each line that it reads its figures and
// whether it is ready.
func serveScarce(in io.Reader, out io.Writer) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = scarceDescriptors
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	cfg := server.Config{Listen: []string{"tcp://127.0.0.1:0"}, Shards: 2}
	if os.Getenv(scarceEnv) == scarceAndPaced {
		cfg.AcceptRate, cfg.AcceptBurst = 500, 20
	}
	s, err := server.New(cfg, server.Echo{})
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	fmt.Fprintln(out, s.Addrs()[0])
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var usage unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
			return err
		}
		refused := uint64(0)
		for _, p := range s.Stats().Shards {
			refused += p.NoDescriptors
		}
		unready := ""
		if err := s.Ready(); err != nil {
			unready = err.Error()
		}
		fmt.Fprintf(out, "%d %d %d %q\n", s.Stats().Sessions, refused, usage.Utime.Nano()+usage.Stime.Nano(), unready)
	}
	if err := s.Close(); err != nil {
		return err
	}
	return <-served
}

// scarce is the process with few descriptors, as its parent sees it.
type scarce struct {
	t    *testing.T
	addr string
	in   io.Writer
	out  *bufio.Reader
}

func startScarce(t *testing.T, kind string) *scarce {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), scarceEnv+"="+kind)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, in.Close())
		require.NoError(t, cmd.Wait())
	})
	s := &scarce{t: t, in: in, out: bufio.NewReader(out)}
	s.addr = strings.TrimSpace(s.line())
	return s
}

func (s *scarce) line() string {
	s.t.Helper()
	line, err := s.out.ReadString('\n')
	require.NoError(s.t, err)
	return line
}

// figures asks for the sessions, the accepts that found no descriptor, the CPU time used, and why it is not ready.
func (s *scarce) figures() (sessions, refused int, cpu time.Duration, unready string) {
	s.t.Helper()
	_, err := io.WriteString(s.in, "\n")
	require.NoError(s.t, err)
	_, err = fmt.Sscanf(s.line(), "%d %d %d %q", &sessions, &refused, &cpu, &unready)
	require.NoError(s.t, err)
	return sessions, refused, cpu, unready
}

func TestAServerWithoutDescriptorsWaitsForThem(t *testing.T) {
	for _, kind := range []string{scarceOnly, scarceAndPaced} {
		t.Run(kind, func(t *testing.T) { requireScarceWaits(t, kind) })
	}
}

func requireScarceWaits(t *testing.T, kind string) {
	ringtest.Require(t)
	ringtest.Descriptors(t)
	const clients = 2 * scarceDescriptors
	s := startScarce(t, kind)
	conns := make([]net.Conn, clients)
	served := make(chan int, clients)
	for i := range conns {
		c, err := net.Dial("tcp", s.addr)
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		conns[i] = c
		_, err = c.Write([]byte{byte(i)})
		require.NoError(t, err)
		go func() {
			got := make([]byte, 1)
			if _, err := io.ReadFull(c, got); err == nil && got[0] == byte(i) {
				served <- i
			}
		}()
	}
	sessions := 0
	require.Eventually(t, func() bool {
		var refused int
		sessions, refused, _, _ = s.figures()
		return refused > 0 && sessions > 0 && len(served) == sessions
	}, patience, time.Millisecond, "both shards have run out of descriptors")
	require.Less(t, sessions, scarceDescriptors)
	require.Eventually(t, func() bool { // it tries again and again, and is not blocked while it does
		_, _, _, unready := s.figures()
		return strings.Contains(unready, "no descriptor is free") && strings.Contains(unready, "LimitNOFILE=")
	}, patience, time.Millisecond, "it says so to who asks whether it is ready")

	first := <-served
	requireStarvedCheaply(t, s, conns[first])
	requireEcho(t, conns[first], "who is served stays served")
	require.NoError(t, conns[first].Close())
	for range clients - 1 {
		select {
		case i := <-served:
			require.NoError(t, conns[i].Close()) // its descriptor is for another
		case <-time.After(patience):
			t.Fatal("nobody is served any more")
		}
	}
	require.Eventually(t, func() bool {
		_, _, _, unready := s.figures()
		return unready == ""
	}, patience, time.Millisecond, "it is ready again")
}

// requireStarvedCheaply measures the CPU time of the process while nothing happens but that clients wait.
func requireStarvedCheaply(t *testing.T, s *scarce, silent net.Conn) {
	t.Helper()
	const wait = time.Second / 2
	_, _, before, _ := s.figures()
	begin := time.Now()
	require.NoError(t, silent.SetReadDeadline(begin.Add(wait)))
	_, err := silent.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	_, _, after, _ := s.figures()
	require.Less(t, after-before, time.Since(begin)/20, "more than 5 % of a CPU")
	require.NoError(t, silent.SetReadDeadline(time.Time{}))
}

package echobench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/load"
	"github.com/ringport/ringport/internal/ringtest"
)

// outcome is what the program left.
type outcome struct {
	status         int
	stdout, stderr string
}

// bench runs echobench in this process. It must end by itself.
func bench(t *testing.T, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := run(process{ctx: t.Context(), args: args, stdout: &stdout, stderr: &stderr})
	return outcome{status, stdout.String(), stderr.String()}
}

// briefly is the flags of a short run. Answers may take as long as a busy machine needs.
var briefly = []string{"--duration=150ms", "--warmup=10ms", "--timeout=30s"}

func benchRun(t *testing.T, address string, args ...string) outcome {
	t.Helper()
	ringtest.Require(t)
	return bench(t, append(append([]string{"run", address}, briefly...), args...)...)
}

// echoServer echoes on TCP until the test ends.
func echoServer(t *testing.T) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wait.Go(func() { // ends with the client, which does not outlive the run
				defer conn.Close()
				_, _ = io.Copy(struct{ io.Writer }{conn}, conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		wait.Wait()
	})
	return "tcp://" + listener.Addr().String()
}

func TestASoundRunPrintsASummary(t *testing.T) {
	address := echoServer(t)
	o := benchRun(t, address, "--conns=3", "--pid="+strconv.Itoa(os.Getpid()))
	require.Equal(t, exitDone, o.status, "%s%s", o.stdout, o.stderr)
	require.Empty(t, o.stderr)
	require.Contains(t, o.stdout, address+"  ping-pong, 3 connections, 64 B\n")
	require.Regexp(t, `(?m)^echoes +\d+   \d+/s   \S+ \S*B/s each way$`, o.stdout)
	require.Regexp(t, `(?m)^latency +p50 \S+   p90 \S+   p99 \S+   p99\.9 \S+   max \S+$`, o.stdout)
	require.Regexp(t, `(?m)^generator +CPU \S+ s, \d+ % of its thread's`, o.stdout)
	require.Regexp(t, `(?m)^server +CPU \S+ s .*; \S+ of CPU per echo$`, o.stdout)
	require.Contains(t, o.stdout, "context switches")
	require.NotContains(t, o.stdout, "VOID")
	require.NotContains(t, o.stdout, "schedule")
}

func TestEveryFlagReachesTheRun(t *testing.T) {
	o := benchRun(t, echoServer(t), "--json", "--conns=2", "--pattern=pipelined", "--depth=3", "--size=1KiB",
		"--seed=9", "--spin=1ms")
	require.Equal(t, exitDone, o.status, "%s%s", o.stdout, o.stderr)
	require.Equal(t, 1, strings.Count(o.stdout, "\n"), "one object on one line")
	var r load.Result
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &r))
	c := r.Config
	require.Equal(t, load.Pipelined, c.Pattern)
	require.Equal(t, []int{2, 3, 1024}, []int{c.Conns, c.Depth, c.Size})
	require.Equal(t, uint64(9), c.Seed)
	require.Equal(t, "[150ms 10ms 1ms 30s]", fmt.Sprint([]time.Duration{c.Duration, c.Warmup, c.Spin, c.Timeout}))
	require.Positive(t, r.Total.Echoes)
	require.False(t, r.Void)
}

func TestArrivalsAreConstantIfNothingIsSaid(t *testing.T) {
	require.Contains(t, benchRun(t, echoServer(t), "--rate=500").stdout, "500/s constant")
}

func TestAnOpenLoopShowsItsSchedule(t *testing.T) {
	o := benchRun(t, echoServer(t), "--rate=500", "--arrivals=poisson", "--conns=2")
	require.Contains(t, o.stdout, "500/s poisson")
	require.Regexp(t, `(?m)^schedule +\d+ of \d+ sent; lag p50 \S+   p99 \S+   max \S+; \d+ late$`, o.stdout)
}

func TestOtherPatternsShowWhatIsTheirs(t *testing.T) {
	o := benchRun(t, echoServer(t), "--pattern=churn", "--conns=2")
	require.Regexp(t, `(?m)^connect +p50 `, o.stdout)
	o = benchRun(t, echoServer(t), "--pattern=idle", "--conns=0", "--idle=5")
	require.Contains(t, o.stdout, "5 silent ones")
	require.Contains(t, o.stdout, "nothing came back")
	o = benchRun(t, echoServer(t), "--pattern=pipelined")
	require.Contains(t, o.stdout, "16 at a time on each")
}

func TestTheHistogramsAreWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "run.hlog")
	o := benchRun(t, echoServer(t), "--hdr="+file)
	require.Equal(t, exitDone, o.status, "%s%s", o.stdout, o.stderr)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	h, err := hdrhistogram.NewHistogramLogReader(bytes.NewReader(text)).NextIntervalHistogram()
	require.NoError(t, err)
	require.Equal(t, load.TagLatency, h.Tag())

	o = benchRun(t, echoServer(t), "--hdr="+t.TempDir())
	require.Equal(t, exitFailure, o.status)
	require.Regexp(t, `^echobench: --hdr: [^\n]*is a directory\n$`, o.stderr)
	require.Contains(t, o.stdout, "echoes", "the run is not lost with its file")
}

func TestAVoidRunSaysSo(t *testing.T) {
	address := echoServer(t)
	o := benchRun(t, address, "--rate=10000000")
	require.Equal(t, exitFailure, o.status)
	require.Regexp(t, `(?m)^VOID +offered: \d+ of the \d+ messages of the schedule were sent in the window$`, o.stdout)

	o = benchRun(t, address, "--rate=10000000", "--json")
	require.Equal(t, exitFailure, o.status)
	var r map[string]any
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &r))
	require.Equal(t, true, r["void"])
}

func TestAMarkedRunSaysWhy(t *testing.T) {
	text := summary(load.Result{Seconds: 1, Gates: []load.Gate{{Name: load.GateKeptUp, Detail: "it did not keep up"}}})
	require.Regexp(t, `(?m)^note +kept-up: it did not keep up$`, text)
	require.NotContains(t, text, "VOID")
}

func TestLostDatagramsAreShownAlsoWhenTheyAreGivenUpLate(t *testing.T) {
	text := summary(load.Result{Seconds: 1, Total: load.Counts{Sent: 9, Lost: 2, Strays: 1}})
	require.Regexp(t, `(?m)^lost +2 of all 9 datagrams; 1 came too late or twice$`, text)
}

func TestAFailureIsOneLineAndStatus1(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := "tcp://" + listener.Addr().String()
	require.NoError(t, listener.Close())
	for _, args := range [][]string{nil, {"--json"}} {
		o := benchRun(t, address, args...)
		require.Equal(t, exitFailure, o.status)
		require.Regexp(t, `^echobench: load: connection 0: .*connection refused.*is the server running\?\n$`, o.stderr)
		require.Contains(t, o.stdout, "connection refused")
	}
}

// The signal comes when the progress, which was asked for, has shown that the run is measuring.
func TestASignalEndsTheRunAndTellsWhatWasFound(t *testing.T) {
	ringtest.Require(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var stdout bytes.Buffer
	stderr := &watched{seen: "measuring", then: stop}
	status := run(process{ctx: ctx, stdout: &stdout, stderr: stderr,
		args: []string{"run", echoServer(t), "--warmup=0s", "--duration=1h", "--progress"}})
	require.Equal(t, exitFailure, status)
	require.Contains(t, stderr.text.String(), "echobench: load: stopped")
	require.Contains(t, stdout.String(), "echoes")
	require.Contains(t, stdout.String(), "VOID")
}

// watched calls then when a text is written.
type watched struct {
	text strings.Builder
	seen string
	then func()
}

func (w *watched) Write(b []byte) (int, error) {
	if strings.Contains(string(b), w.seen) {
		w.then()
	}
	return w.text.Write(b)
}

func TestProgressIsNotShownToFiles(t *testing.T) {
	require.Empty(t, benchRun(t, echoServer(t)).stderr, "no terminal, and nobody asked")
}

func TestAFullStdoutIsAFailure(t *testing.T) {
	ringtest.Require(t)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	defer full.Close()
	var stderr bytes.Buffer
	args := append([]string{"run", echoServer(t)}, briefly...)
	status := run(process{ctx: t.Context(), args: args, stdout: full, stderr: &stderr})
	require.Equal(t, exitFailure, status)
	require.Contains(t, stderr.String(), "no space left on device")
}

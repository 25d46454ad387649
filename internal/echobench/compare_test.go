package echobench

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/load"
	"github.com/ringport/ringport/internal/matrix"
	"github.com/ringport/ringport/internal/report"
)

func TestAWrongComparisonIsOneLineAndStatus2(t *testing.T) {
	full := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(full, "something"), nil, 0o600))
	broken := filepath.Join(full, "broken.toml")
	require.NoError(t, os.WriteFile(broken, []byte("[[server]]\nname = \"a\""), 0o600))
	const server = "--server=a=echod --listen {addr}"
	for name, tt := range map[string]struct {
		args []string
		says string
	}{
		"no servers":      {nil, "--servers FILE"},
		"no file":         {[]string{"--servers=/no/such/file"}, "/no/such/file"},
		"broken file":     {[]string{"--servers=" + broken}, "has no command"},
		"no command":      {[]string{"--server=a"}, "NAME=COMMAND"},
		"no address":      {[]string{"--server=a=echod"}, "{addr}"},
		"unknown server":  {[]string{server, "--only=b"}, "--only b"},
		"server twice":    {[]string{server, server}, "two servers called a"},
		"twice in --only": {[]string{server, "--only=a,a"}, "--only names a twice"},
		"unknown load":    {[]string{server, "--loads=nothing"}, "there is no load nothing"},
		"few rounds":      {[]string{server, "--rounds=4"}, "--rounds is 4, want 5"},
		"negative rounds": {[]string{server, "--rounds=-1"}, "--rounds is -1"},
		"negative time":   {[]string{server, "--duration=-1s"}, "--duration"},
		"no CPU":          {[]string{server, "--server-cpu=x"}, "--server-cpu"},
		"no CPU either":   {[]string{server, "--client-cpu=x"}, "--client-cpu"},
		"full folder":     {[]string{server, "--out=" + full}, "there is something in that folder"},
	} {
		t.Run(name, func(t *testing.T) {
			o := bench(t, append([]string{"compare"}, tt.args...)...)
			require.Equal(t, exitUsage, o.status)
			require.Contains(t, o.stderr, tt.says)
			require.Equal(t, 1, strings.Count(o.stderr, "\n"), o.stderr)
		})
	}
}

func TestTheLoadsAreListed(t *testing.T) {
	o := bench(t, "compare", "--list")
	require.Equal(t, exitDone, o.status)
	require.Equal(t, len(matrix.Catalogue()), strings.Count(o.stdout, "\n"))
	require.Regexp(t, `(?m)^tcp-64b-64 +quick +TCP, 64 B, 64 connections$`, o.stdout)
}

func TestTheGeneratorIsCalledWithWhatTheLoadSays(t *testing.T) {
	for _, want := range []load.Config{
		{Address: "tcp://127.0.0.1:7", Pattern: load.PingPong, Conns: 64, Seed: 3, PID: 1,
			Duration: time.Second, Warmup: time.Millisecond},
		{Address: "tcp://127.0.0.1:7", Pattern: load.Idle, Idle: 10, Duration: time.Second, Warmup: time.Second, Seed: 1},
		{Address: "unix:///echo.sock", Pattern: load.Pipelined, Conns: 1, Depth: 8, Size: 1 << 10, Seed: 1 << 40,
			Duration: time.Minute, Warmup: time.Second},
		{Address: "udp://127.0.0.1:7", Pattern: load.PingPong, Conns: 2, Rate: 1234, Arrivals: load.Poisson,
			Duration: time.Second, Warmup: time.Second, Timeout: time.Second, Spin: time.Millisecond, Seed: 1},
		{Address: "tcp://127.0.0.1:7", Pattern: load.PingPong, Conns: 1, Rate: 0.4, Arrivals: load.Constant,
			Seed: math.MaxUint64, Duration: time.Second, Warmup: time.Second},
		{Address: "tcp://127.0.0.1:7", Pattern: load.Slow, Conns: 1, ReadRate: 4096, Duration: time.Second,
			Warmup: time.Second, Seed: 1},
	} {
		var c commands
		parser, err := kong.New(&c)
		require.NoError(t, err)
		_, err = parser.Parse(runArguments(want))
		require.NoError(t, err)
		require.True(t, c.Run.Output.JSON)
		require.Equal(t, want, c.Run.config())
	}
}

func TestTheGeneratorIsThisProgramByTheNameItWasStartedBy(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	link := filepath.Join(t.TempDir(), "another-name")
	require.NoError(t, os.Symlink(self, link))
	before := os.Args[0]
	t.Cleanup(func() { os.Args[0] = before })
	os.Args[0] = link
	generator, err := generatorCommand()
	require.NoError(t, err)
	require.Equal(t, link, generator(load.Config{})[0])
	os.Args[0] = "no-such-program"
	_, err = generatorCommand()
	require.ErrorContains(t, err, "find this program")
}

func TestWhatIsNotSaidDependsOnQuick(t *testing.T) {
	require.Equal(t, 6, roundOptions{}.rounds())
	require.Equal(t, 2, roundOptions{Quick: true}.rounds())
	require.Equal(t, 9, roundOptions{Rounds: 9}.rounds())
	require.NoError(t, roundOptions{Rounds: 2, Quick: true}.validate())
	require.Equal(t, matrix.Timing{Warmup: defaultWarmup, Duration: defaultDuration}, roundOptions{}.timing())
	require.Equal(t, matrix.Timing{Warmup: quickWarmup, Duration: time.Minute},
		roundOptions{Quick: true, Duration: time.Minute}.timing())
	require.Equal(t, uint64(4), roundOptions{Seed: 4}.seed())
	require.NotZero(t, roundOptions{}.seed())
	loads, err := whatOptions{}.loads(matrix.File{}, true)
	require.NoError(t, err)
	require.Len(t, loads, len(matrix.Quick()))
	loads, err = whatOptions{}.loads(matrix.File{}, false)
	require.NoError(t, err)
	require.Equal(t, matrix.Catalogue(), loads)
}

func TestServersAndGeneratorGetCPUsOfTheirOwn(t *testing.T) {
	allowed := load.CPUs()
	server, client, err := whereOptions{}.cpus()
	require.NoError(t, err)
	if len(allowed) > 1 {
		require.Equal(t, [][]int{allowed[:1], allowed[1:2]}, [][]int{server, client})
	} else {
		require.Empty(t, append(server, client...))
	}
	server, client, err = whereOptions{ServerCPU: "any", ClientCPU: "2-3"}.cpus()
	require.NoError(t, err)
	require.Nil(t, server)
	require.Equal(t, []int{2, 3}, client)
}

func TestServersAreChosenInTheOrderThatIsAskedFor(t *testing.T) {
	file := matrix.File{Servers: []matrix.Server{{Name: "a"}, {Name: "b"}}}
	o := whatOptions{Server: []string{"c=prog {addr} x"}, Only: []string{"c", "a"}}
	servers, err := o.servers(file)
	require.NoError(t, err)
	require.Equal(t, []string{"c", "a"}, []string{servers[0].Name, servers[1].Name})
	require.Equal(t, []string{"prog", "{addr}", "x"}, servers[0].Command)
}

func TestTroubleIsTheFirstServers(t *testing.T) {
	o := matrix.Outcome{Servers: []matrix.Server{{Name: "a"}, {Name: "b"}}}
	record := func(server, problem string, void bool) matrix.Record {
		return matrix.Record{Step: matrix.Step{Round: 1, Load: "l", Server: server},
			Result: &load.Result{Failure: problem, Void: void}}
	}
	o.Records = []matrix.Record{record("a", "", true)}
	require.ErrorContains(t, trouble(o), "a has no valid run")
	o.Records = append(o.Records, record("a", "", false), record("b", "wrong echo", false))
	require.NoError(t, trouble(o))
	o.Records = append(o.Records, record("a", "wrong echo", false))
	require.ErrorContains(t, trouble(o), "a failed in round 1 of l: wrong echo")
}

func TestAReportIsWrittenAnew(t *testing.T) {
	folder := t.TempDir()
	o := matrix.Outcome{Rounds: 1, Servers: []matrix.Server{{Name: "a"}}, Loads: []matrix.Load{{Name: "l"}},
		Records: []matrix.Record{{Step: matrix.Step{Round: 1, Load: "l", Server: "a"}, Error: errors.New("no").Error()}}}
	require.NoError(t, report.Write(folder, o, matrix.Manifest{}))
	require.NoError(t, os.Remove(filepath.Join(folder, report.HTMLFile)))
	left := bench(t, "report", folder)
	require.Equal(t, exitDone, left.status, left.stderr)
	require.FileExists(t, filepath.Join(folder, report.HTMLFile))
	require.Contains(t, left.stdout, "not in the tables: l, a, round 1 of 1: no")
	require.Equal(t, exitFailure, bench(t, "report", t.TempDir()).status)
}

// A program that prints that it is ready, and a generator whose figures are there already: everything but the load.
func TestAComparisonEndsWithAReport(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new")
	text, err := json.Marshal(load.Result{Rate: 5, Server: &load.ServerUsage{CPUPerEcho: 1}})
	require.NoError(t, err)
	c := matrix.Campaign{
		Servers: []matrix.Server{{Name: "a", Networks: []string{"tcp"},
			Command: []string{"sh", "-c", `echo "ready tcp://127.0.0.1:7"; exec sleep 1000`, matrix.AddressMark}}},
		Loads:     matrix.Catalogue()[:1],
		Rounds:    1,
		Generator: func(load.Config) []string { return []string{"echo", string(text)} },
	}
	var stdout, stderr strings.Builder
	o := compareOptions{Report: reportOptions{Out: folder}}
	c.Told = tell(&stderr)
	status := o.compare(process{ctx: t.Context(), stdout: &stdout, stderr: &stderr}, c)
	require.Equal(t, exitDone, status, stderr.String())
	require.Contains(t, stderr.String(), "1/1  round 1  tcp-64b-1")
	require.Contains(t, stdout.String(), folder+"/report.html")
	for _, name := range []string{report.HTMLFile, report.ResultsFile, report.ManifestFile, report.BenchFile} {
		require.FileExists(t, filepath.Join(folder, name))
	}
	var m matrix.Manifest
	written, err := os.ReadFile(filepath.Join(folder, report.ManifestFile))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(written, &m))
	require.NotEmpty(t, m.Ring)
	require.Contains(t, m.Tool, "echobench")
}

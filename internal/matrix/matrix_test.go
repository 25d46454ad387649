package matrix_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/agent"
	"github.com/ringport/ringport/internal/load"
	"github.com/ringport/ringport/internal/matrix"
)

// The test program plays the servers and the generator, too.
const roleVariable = "MATRIX_TEST_ROLE"

func TestMain(m *testing.M) {
	role, argument, _ := strings.Cut(os.Getenv(roleVariable), "=")
	switch role {
	case "":
		os.Exit(m.Run())
	case "generator":
		playGenerator(os.Args[1])
	case "server":
		playServer(argument, os.Args[1])
	}
}

// as is a command that runs this program in a role. env(1) sets the variable, then becomes the program.
func as(t *testing.T, role string, args ...string) []string {
	self, err := os.Executable()
	require.NoError(t, err)
	// The race detector would wait a second at the end of each.
	return append([]string{"env", roleVariable + "=" + role, "GORACE=atexit_sleep_ms=0", self}, args...)
}

// playServer accepts and sends back. What it is told to do wrong stands in its role.
func playServer(fault, listen string) {
	network, host, _ := strings.Cut(listen, "://")
	listener, err := net.Listen(network, host)
	if err != nil || fault == "dies" {
		fmt.Fprintln(os.Stderr, "there is no room for me")
		os.Exit(3)
	}
	if fault == "stubborn" {
		signal.Ignore(syscall.SIGTERM)
	}
	fmt.Fprintf(os.Stderr, "starting %s\n", listen)
	fmt.Fprintf(os.Stderr, "level=INFO msg=ready listen=%s://%s\n", network, listener.Addr())
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() { _, _ = io.Copy(conn, conn) }()
	}
}

// playGenerator finds the server there, and makes the figures up: the rate that a run of that many connections has.
func playGenerator(config string) {
	var cfg load.Config
	if err := json.Unmarshal([]byte(config), &cfg); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	result := load.Result{Config: cfg, Rate: 100 * float64(cfg.Conns), Server: &load.ServerUsage{PID: cfg.PID}}
	network, host, _ := strings.Cut(cfg.Address, "://")
	if conn, err := net.Dial(network, host); err != nil {
		result.Failure = err.Error()
	} else {
		conn.Close()
	}
	if cfg.Conns == 13 {
		result.Void = true
		result.Gates = []load.Gate{{Name: load.GateLittle, Voids: true, Detail: "7 on their way, want 13"}}
	}
	if cfg.Conns == 14 {
		fmt.Println("not JSON")
		os.Exit(0)
	}
	_ = json.NewEncoder(os.Stdout).Encode(result)
}

// campaign is a comparison with parts played by this program.
func campaign(t *testing.T, loads []matrix.Load, faults ...string) matrix.Campaign {
	c := matrix.Campaign{
		Loads:  loads,
		Rounds: 2,
		Seed:   1,
		Generator: func(cfg load.Config) []string {
			text, err := json.Marshal(cfg)
			require.NoError(t, err)
			return as(t, "generator", string(text))
		},
	}
	for i, fault := range faults {
		c.Servers = append(c.Servers, matrix.Server{
			Name:     fmt.Sprintf("server%d", i),
			Command:  as(t, "server="+fault, matrix.AddressMark),
			Version:  []string{"echo", "version", strconv.Itoa(i)},
			Networks: []string{"tcp", "unix"},
		})
	}
	return c
}

func closedLoop(name string, conns int) matrix.Load {
	return matrix.Load{Name: name, Network: "tcp", Pattern: load.PingPong, Conns: conns}
}

func TestEveryServerMeetsEveryLoadInEveryRound(t *testing.T) {
	unix := closedLoop("over-unix", 8)
	unix.Network = "unix"
	c := campaign(t, []matrix.Load{closedLoop("few", 4), unix}, "", "")
	var told []int
	c.Told = func(done, all int, _ matrix.Record) { told = append(told, done, all) }
	outcome, err := c.Run(t.Context())
	require.NoError(t, err)
	require.True(t, outcome.Complete)
	require.Len(t, outcome.Records, 8)
	require.Equal(t, []int{1, 8, 2, 8, 3, 8, 4, 8, 5, 8, 6, 8, 7, 8, 8, 8}, told)
	for _, r := range outcome.Records {
		require.Empty(t, r.Problem())
		require.NotZero(t, r.Result.Config.PID)
		gone := syscall.Kill(r.Result.Config.PID, 0)
		require.ErrorIs(t, gone, syscall.ESRCH, "a server must not outlive its run")
	}
	for _, name := range []string{"few", "over-unix"} {
		for _, server := range c.Servers {
			for _, r := range outcome.Of(name, server.Name) {
				require.NotNil(t, r)
			}
		}
	}
}

// serveAgent runs an agent until the test ends.
func serveAgent(t *testing.T) (socket string) {
	socket = filepath.Join(t.TempDir(), "agent.sock")
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- agent.Serve(ctx, socket, func() { close(ready) }) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	<-ready
	return socket
}

func TestAnAgentsServersAreMeasuredLikeOthers(t *testing.T) {
	unix := closedLoop("over-unix", 8)
	unix.Network = "unix"
	c := campaign(t, []matrix.Load{closedLoop("few", 4), unix}, "", "dies")
	for i := range c.Servers {
		c.Servers[i].Agent = serveAgent(t)
	}
	outcome, err := c.Run(t.Context())
	require.NoError(t, err)
	for _, name := range []string{"few", "over-unix"} {
		for _, r := range outcome.Of(name, "server0") {
			require.NotNil(t, r)
			require.NotZero(t, r.Result.Config.PID)
			require.ErrorIs(t, syscall.Kill(r.Result.Config.PID, 0), syscall.ESRCH, "a server must not outlive its run")
		}
	}
	require.Len(t, outcome.Unmeasured, 2, "one of each network")
	require.Contains(t, outcome.Unmeasured[0].Reason, "exit status 3")
	require.Contains(t, outcome.Unmeasured[0].Reason, "there is no room for me")
	m := matrix.ManifestOf(t.Context(), c, outcome)
	require.Equal(t, map[string]string{"server0": "version 0", "server1": "version 1"}, m.Versions)
}

func TestAnAgentThatIsNotThereIsSaidToBeMissing(t *testing.T) {
	c := campaign(t, []matrix.Load{closedLoop("few", 4)}, "")
	c.Servers[0].Agent = filepath.Join(t.TempDir(), "agent.sock")
	outcome, err := c.Run(t.Context())
	require.NoError(t, err)
	require.Contains(t, outcome.Unmeasured[0].Reason, "does echobench agent run there?")
}

func TestAServerListensOnItsHost(t *testing.T) {
	c := campaign(t, []matrix.Load{closedLoop("few", 4)}, "")
	c.Servers[0].Host = "127.0.0.2"
	outcome, err := c.Run(t.Context())
	require.NoError(t, err)
	require.Regexp(t, `^tcp://127\.0\.0\.2:[1-9]`, outcome.Records[0].Result.Config.Address)
}

func TestAServerThatDoesNotStartIsListedAndTriedOnce(t *testing.T) {
	c := campaign(t, []matrix.Load{closedLoop("few", 4)}, "", "dies")
	outcome, err := c.Run(t.Context())
	require.NoError(t, err)
	require.Len(t, outcome.Unmeasured, 1)
	require.Equal(t, "server1", outcome.Unmeasured[0].Server)
	require.Contains(t, outcome.Unmeasured[0].Reason, "there is no room for me")
	require.Len(t, outcome.Records, 3)
}

func TestAProgramThatIsNotThereIsSaidToBeMissing(t *testing.T) {
	c := campaign(t, []matrix.Load{closedLoop("few", 4)}, "")
	c.Servers[0].Command = []string{"/no/such/program", matrix.AddressMark}
	outcome, err := c.Run(t.Context())
	require.NoError(t, err)
	require.Contains(t, outcome.Unmeasured[0].Reason, "no such file")
}

func TestAServerThatIgnoresSIGTERMIsKilled(t *testing.T) {
	c := campaign(t, []matrix.Load{closedLoop("few", 4)}, "stubborn")
	c.Rounds = 1
	outcome, err := c.Run(t.Context())
	require.NoError(t, err)
	require.ErrorIs(t, syscall.Kill(outcome.Records[0].Result.Config.PID, 0), syscall.ESRCH)
}

func TestAVoidRunIsKeptAndNotUsed(t *testing.T) {
	outcome, err := campaign(t, []matrix.Load{closedLoop("void", 13)}, "").Run(t.Context())
	require.NoError(t, err)
	require.Len(t, outcome.Records, 2)
	require.Equal(t, "void: littles-law: 7 on their way, want 13", outcome.Records[0].Problem())
	require.Equal(t, []*matrix.Record{nil, nil}, outcome.Of("void", "server0"))
}

func TestAGeneratorWithoutFiguresIsAnError(t *testing.T) {
	outcome, err := campaign(t, []matrix.Load{closedLoop("broken", 14)}, "").Run(t.Context())
	require.NoError(t, err)
	require.Contains(t, outcome.Records[0].Problem(), "the generator gave no result")
}

func TestAGeneratorThatDoesNotEndIsKilled(t *testing.T) {
	_, err := matrix.Generate(t.Context(), []string{"sleep", "1000"}, nil, time.Millisecond)
	require.ErrorContains(t, err, "the generator was not done after 1ms and was killed")
}

func TestAGeneratorMayTakeAsLongAsItsRunAndItsTimeouts(t *testing.T) {
	cfg := load.Config{Warmup: time.Hour, Duration: 2 * time.Hour, Timeout: 3 * time.Hour}
	require.Greater(t, matrix.LimitOf(cfg), 9*time.Hour)
	require.Greater(t, matrix.LimitOf(load.Config{}), load.DefaultWarmup+load.DefaultDuration+2*load.DefaultTimeout)
}

func TestOpenLoopsGetTheirRateFromTheBestOtherServer(t *testing.T) {
	open := closedLoop("open", 4)
	open.RateOf, open.RatePart = "few", 0.5
	orphan := closedLoop("orphan", 4)
	orphan.RateOf, orphan.RatePart = "void", 0.5
	c := campaign(t, []matrix.Load{open, orphan, closedLoop("few", 4), closedLoop("void", 13)}, "", "")
	outcome, err := c.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, 200.0, outcome.Loads[0].Rate)
	require.Equal(t, 200.0, outcome.Of("open", "server0")[0].Result.Config.Rate)
	require.Contains(t, outcome.LoadsLeftOut["orphan"], "no server has a valid run of void")
	require.Nil(t, outcome.Of("orphan", "server0")[0])
}

func TestAnOpenLoopsRateIsOneAtLeast(t *testing.T) {
	open := closedLoop("open", 4)
	open.RateOf, open.RatePart = "few", 0.001 // of 400 in a second
	outcome, err := campaign(t, []matrix.Load{open, closedLoop("few", 4)}, "").Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1.0, outcome.Loads[0].Rate)
	require.Equal(t, 1.0, outcome.Of("open", "server0")[0].Result.Config.Rate)
}

func TestALoadWithMoreConnectionsThanAProcessMayHaveIsLeftOut(t *testing.T) {
	limit := matrix.ThisMachine().Descriptors
	if limit > 1<<20 {
		t.Skipf("a process may have %d descriptors here, and no load has so many connections", limit)
	}
	outcome, err := campaign(t, []matrix.Load{closedLoop("many", int(limit)), closedLoop("few", 4)}, "").Run(t.Context())
	require.NoError(t, err)
	require.Contains(t, outcome.LoadsLeftOut["many"], "descriptors")
	require.Len(t, outcome.Records, 2)
}

func TestAStoppedComparisonKeepsWhatItHas(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	c := campaign(t, []matrix.Load{closedLoop("few", 4)}, "")
	stop := errors.New("somebody asked")
	c.Told = func(int, int, matrix.Record) { cancel(stop) }
	outcome, err := c.Run(ctx)
	require.ErrorIs(t, err, stop)
	require.False(t, outcome.Complete)
	require.Len(t, outcome.Records, 1)
}

func TestServersRunOnTheirCPUs(t *testing.T) {
	allowed := load.CPUs()
	require.NotEmpty(t, allowed)
	last := allowed[len(allowed)-1]
	c := campaign(t, []matrix.Load{closedLoop("few", 4)}, "")
	c.Rounds = 1
	c.ServerCPUs, c.GeneratorCPUs = []int{last}, []int{last}
	c.Servers[0].Command = []string{"sh", "-c", `grep Cpus_allowed_list: /proc/self/status >&2; exit 1`, matrix.AddressMark}
	outcome, err := c.Run(t.Context())
	require.NoError(t, err)
	require.Contains(t, outcome.Unmeasured[0].Reason, fmt.Sprintf("Cpus_allowed_list: %d", last))
	require.Equal(t, allowed, load.CPUs(), "the comparison itself may run where it could before")
}

func TestTheManifestTellsHowToDoItAgain(t *testing.T) {
	c := campaign(t, []matrix.Load{closedLoop("few", 4)}, "", "")
	c.Rounds, c.ServerCPUs = 1, load.CPUs()
	outcome, err := c.Run(t.Context())
	require.NoError(t, err)
	m := matrix.ManifestOf(t.Context(), c, outcome)
	require.Equal(t, map[string]string{"server0": "version 0", "server1": "version 1"}, m.Versions)
	require.Equal(t, c.Servers[1].Command, m.Commands["server1"])
	require.Contains(t, m.Loads["few"], `"conns":4`)
	require.Equal(t, c.ServerCPUs, m.ServerCPUs)
	require.NotEmpty(t, m.Machine.Kernel)
	require.NotEmpty(t, m.Machine.CPUs)
	require.NotEmpty(t, m.Machine.Sysctls)
	require.NotZero(t, m.Machine.Descriptors)
}

func TestAVersionThatCannotBeHadIsSaidToBeUnknown(t *testing.T) {
	c := campaign(t, []matrix.Load{closedLoop("few", 4)}, "", "")
	c.Servers[0].Version = []string{"/no/such/program"}
	c.Servers[1].Version = nil
	m := matrix.ManifestOf(t.Context(), c, matrix.Outcome{Servers: c.Servers})
	require.Contains(t, m.Versions["server0"], "unknown: ")
	require.Equal(t, "it has none", m.Versions["server1"])
}

func TestPlansHoldEachPairOncePerRound(t *testing.T) {
	servers := []matrix.Server{
		{Name: "a", Networks: []string{"tcp", "udp"}}, {Name: "b", Networks: []string{"tcp"}},
		{Name: "c", Networks: []string{"tcp", "udp"}},
	}
	udp := closedLoop("over-udp", 1)
	udp.Network = "udp"
	loads := []matrix.Load{closedLoop("x", 1), closedLoop("y", 2), udp, closedLoop("z", 3)}
	const rounds = 5
	steps := matrix.Plan(7, rounds, loads, servers)
	require.Len(t, steps, rounds*(3*3+2))
	seen := map[matrix.Step]bool{}
	for i, s := range steps {
		require.False(t, seen[s], "%v is there twice", s)
		seen[s] = true
		require.False(t, s.Load == "over-udp" && s.Server == "b", "b does not serve UDP")
		if i > 0 {
			require.GreaterOrEqual(t, s.Round, steps[i-1].Round, "rounds come one after the other")
		}
	}
	// Under a load the servers follow each other directly, so that what changes meanwhile changes for all of them.
	blocks := 1
	for i := 1; i < len(steps); i++ {
		if steps[i].Load != steps[i-1].Load || steps[i].Round != steps[i-1].Round {
			blocks++
		}
	}
	require.Equal(t, rounds*len(loads), blocks)
}

func TestPlansAreRandomBySeed(t *testing.T) {
	var servers []matrix.Server
	for i := range 8 {
		servers = append(servers, matrix.Server{Name: strconv.Itoa(i), Networks: []string{"tcp"}})
	}
	loads := []matrix.Load{closedLoop("x", 1), closedLoop("y", 2)}
	require.Equal(t, matrix.Plan(1, 3, loads, servers), matrix.Plan(1, 3, loads, servers))
	require.NotEqual(t, matrix.Plan(1, 3, loads, servers), matrix.Plan(2, 3, loads, servers))
	once := matrix.Plan(1, 2, loads[:1], servers)
	first, second := once[:8], once[8:]
	for i := range second {
		second[i].Round = 1
	}
	require.NotEqual(t, first, second, "each round has an order of its own")
}

func TestTheCatalogueIsSound(t *testing.T) {
	names := map[string]bool{}
	for _, l := range matrix.Catalogue() {
		require.NoError(t, l.Validate())
		require.NotEmpty(t, l.Title)
		require.False(t, names[l.Name], l.Name)
		names[l.Name] = true
	}
	for _, l := range matrix.Catalogue() {
		require.True(t, l.RateOf == "" || names[l.RateOf], l.Name)
	}
	chosen, err := matrix.Select(matrix.Catalogue(), matrix.Quick())
	require.NoError(t, err)
	require.Len(t, chosen, len(matrix.Quick()))
}

func TestSelectingBringsTheLoadThatGivesTheRate(t *testing.T) {
	chosen, err := matrix.Select(matrix.Catalogue(), []string{"tcp-open-1000-70"})
	require.NoError(t, err)
	require.Len(t, chosen, 2)
	require.Equal(t, "tcp-64b-1000", chosen[0].Name)
	all, err := matrix.Select(matrix.Catalogue(), []string{"all"})
	require.NoError(t, err)
	require.Equal(t, matrix.Catalogue(), all)
	_, err = matrix.Select(matrix.Catalogue(), []string{"nothing", "nobody"})
	require.ErrorContains(t, err, "nothing")
	require.ErrorContains(t, err, "nobody")
}

func TestAFileSaysWhatIsWrongWithIt(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"syntax":      {`[[server`, "line 1"},
		"unknown key": {"[[server]]\nname = \"a\"\ncolour = \"red\"", "server.colour"},
		"no name":     {"[[server]]\ncommand = [\"a {addr}\"]", "called"},
		"no command":  {"[[server]]\nname = \"a\"", "has no command"},
		"no address":  {"[[server]]\nname = \"a\"\ncommand = [\"a\"]\nnetworks = [\"tcp\"]", "{addr}"},
		"no networks": {"[[server]]\nname = \"a\"\ncommand = [\"a {addr}\"]", "serves no networks"},
		"host": {"[[server]]\nname = \"a\"\ncommand = [\"a {addr}\"]\nnetworks = [\"tcp\"]\nhost = \"lo\"",
			`host "lo"`},
		"wrong network": {"[[server]]\nname = \"a\"\ncommand = [\"a {addr}\"]\nnetworks = [\"ip\"]", `network "ip"`},
		"twice": {"[[server]]\nname = \"a\"\ncommand = [\"a {addr}\"]\nnetworks = [\"tcp\"]\n" +
			"[[server]]\nname = \"a\"\ncommand = [\"b {addr}\"]\nnetworks = [\"tcp\"]", "two of server a"},
		"load":            {"[[load]]\nname = \"l\"\nnetwork = \"udp\"\npattern = \"churn\"", "load l"},
		"network":         {"[[load]]\nname = \"l\"", `network ""`},
		"part":            {"[[load]]\nname = \"l\"\nnetwork = \"tcp\"\nrate-of = \"x\"", "rate-part"},
		"arrivals":        {"[[load]]\nname = \"l\"\nnetwork = \"tcp\"\narrivals = \"poisson\"", "without a rate"},
		"part of nothing": {"[[load]]\nname = \"l\"\nnetwork = \"tcp\"\nrate-of = \"x\"\nrate-part = nan", "rate-part"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "matrix.toml")
			require.NoError(t, os.WriteFile(path, []byte(tt.text), 0o600))
			_, err := matrix.ReadFile(path)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestAFilesLoadsExtendTheCatalogue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "matrix.toml")
	require.NoError(t, os.WriteFile(path, []byte(`
[[server]]
name = "a"
command = ["a", "{addr}"]
networks = ["tcp"]

[[load]]
name = "mine"
network = "tcp"
pattern = "pipelined"
conns = 3

[[load]]
name = "tcp-64b-1"
network = "tcp"
conns = 2
`), 0o600))
	f, err := matrix.ReadFile(path)
	require.NoError(t, err)
	all := f.Extend(matrix.Catalogue())
	require.Len(t, all, len(matrix.Catalogue())+1)
	require.Equal(t, "mine", all[len(all)-1].Name)
	require.Equal(t, 2, all[0].Conns)
}

func TestWhatALoadDoesNotSayIsFilledIn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "matrix.toml")
	require.NoError(t, os.WriteFile(path, []byte(`
[[load]]
name = "plain"
network = "tcp"

[[load]]
name = "silent"
network = "tcp"
pattern = "idle"
idle = 9
`), 0o600))
	f, err := matrix.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, []matrix.Load{
		{Name: "plain", Network: "tcp", Pattern: load.PingPong, Conns: load.DefaultConns},
		{Name: "silent", Network: "tcp", Pattern: load.Idle, Idle: 9},
	}, f.Loads)
}

func TestANothingComparisonIsRefused(t *testing.T) {
	_, err := matrix.Campaign{}.Run(t.Context())
	require.ErrorContains(t, err, "nothing to compare")
}

func TestWaitingForAServerEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errors.New("patience"))
	defer cancel()
	c := campaign(t, []matrix.Load{closedLoop("few", 4)}, "")
	c.Servers[0].Command = []string{"sh", "-c", "exec sleep 1000", matrix.AddressMark}
	_, err := c.Run(ctx)
	require.ErrorContains(t, err, "patience")
}

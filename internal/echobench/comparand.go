package echobench

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ringport/ringport/internal/load"
	"github.com/ringport/ringport/internal/matrix"
)

// file reads what --servers names; without it there are the servers of --server.
func (o whatOptions) file() (matrix.File, error) {
	if o.Servers == "" {
		return matrix.File{}, nil
	}
	return matrix.ReadFile(o.Servers)
}

// servers are those to measure, in their order.
func (o whatOptions) servers(file matrix.File) ([]matrix.Server, error) {
	all := slices.Clone(file.Servers)
	for _, text := range o.Server {
		s, err := serverOf(text)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	if len(all) == 0 {
		return nil, errors.New("name servers with --servers FILE or --server NAME=COMMAND")
	}
	if name := twice(all); name != "" {
		return nil, fmt.Errorf("there are two servers called %s; figures go by name, so give each its own", name)
	}
	if len(o.Only) == 0 {
		return all, nil
	}
	return o.only(all)
}

// only is the servers that --only names.
func (o whatOptions) only(all []matrix.Server) ([]matrix.Server, error) {
	var chosen []matrix.Server
	for _, name := range o.Only {
		i := slices.IndexFunc(all, func(s matrix.Server) bool { return s.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("--only %s: there is no server of that name", name)
		}
		chosen = append(chosen, all[i])
	}
	if name := twice(chosen); name != "" {
		return nil, fmt.Errorf("--only names %s twice; once is enough", name)
	}
	return chosen, nil
}

// twice is the name that two of the servers have, "" when there is none.
func twice(servers []matrix.Server) string {
	seen := map[string]bool{}
	for _, s := range servers {
		if seen[s.Name] {
			return s.Name
		}
		seen[s.Name] = true
	}
	return ""
}

// serverOf reads NAME=COMMAND. The command has no quotes: its words are its arguments.
func serverOf(text string) (matrix.Server, error) {
	name, command, found := strings.Cut(text, "=")
	s := matrix.Server{Name: name, Command: strings.Fields(command), Networks: []string{"tcp"}}
	if !found {
		return s, fmt.Errorf("--server %q: want NAME=COMMAND", text)
	}
	if err := s.Validate(); err != nil {
		return s, fmt.Errorf("--server %q: %w", text, err)
	}
	return s, nil
}

// loads are those to run.
func (o whatOptions) loads(file matrix.File, quick bool) ([]matrix.Load, error) {
	names := o.Loads
	switch {
	case len(names) == 0 && quick:
		names = matrix.Quick()
	case len(names) == 0:
		names = []string{"all"}
	}
	return matrix.Select(file.Extend(matrix.Catalogue()), names)
}

// How long runs are, if nothing is said.
const (
	defaultDuration = 3 * time.Second
	defaultWarmup   = time.Second
	quickDuration   = 400 * time.Millisecond
	quickWarmup     = 200 * time.Millisecond
)

// validate holds what a comparison that counts needs.
func (o roundOptions) validate() error {
	switch {
	case o.Rounds < 0:
		return fmt.Errorf("--rounds is %d, want %d or more", o.Rounds, fewestRounds)
	case o.Rounds > 0 && o.Rounds < fewestRounds && !o.Quick:
		return fmt.Errorf("--rounds is %d, want %d or more: fewer say little; --quick allows them, and marks the report",
			o.Rounds, fewestRounds)
	case o.Duration < 0 || o.Warmup < 0:
		return errors.New("--duration and --warmup are times, want 0s or more")
	}
	return nil
}

func (o roundOptions) rounds() int {
	switch {
	case o.Rounds > 0:
		return o.Rounds
	case o.Quick:
		return quickRounds
	}
	return defaultRounds
}

func (o roundOptions) timing() matrix.Timing {
	t := matrix.Timing{Warmup: defaultWarmup, Duration: defaultDuration}
	if o.Quick {
		t = matrix.Timing{Warmup: quickWarmup, Duration: quickDuration}
	}
	if o.Warmup > 0 {
		t.Warmup = o.Warmup
	}
	if o.Duration > 0 {
		t.Duration = o.Duration
	}
	return t
}

func (o roundOptions) seed() uint64 {
	if o.Seed != 0 {
		return o.Seed
	}
	return uint64(time.Now().UnixMilli())
}

// anyCPU is what people write for no CPUs in particular.
const anyCPU = "any"

// cpus are those of the servers and those of the generator. If nothing is said each gets one, where there are two.
func (o whereOptions) cpus() (server, client []int, err error) {
	allowed := load.CPUs()
	var first, second []int
	if len(allowed) > 1 {
		first, second = allowed[:1], allowed[1:2]
	}
	server, serverErr := cpusOf("--server-cpu", o.ServerCPU, first)
	client, clientErr := cpusOf("--client-cpu", o.ClientCPU, second)
	return server, client, errors.Join(serverErr, clientErr)
}

func cpusOf(flag, text string, byDefault []int) ([]int, error) {
	switch text {
	case "":
		return byDefault, nil
	case anyCPU:
		return nil, nil
	}
	cpus, err := load.ParseCPUs(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return cpus, nil
}

// generatorCommand is this program, as what puts load on one server. It is found by the name that it was started by:
// its file can have several, and be another program by each.
func generatorCommand() (func(load.Config) []string, error) {
	self, err := exec.LookPath(os.Args[0])
	if err == nil {
		self, err = filepath.Abs(self)
	}
	if err != nil {
		return nil, fmt.Errorf("find this program, to run it as the generator: %w", err)
	}
	return func(cfg load.Config) []string { return append([]string{self}, runArguments(cfg)...) }, nil
}

// runArguments is a run as a command line. Zeros are left to the defaults.
func runArguments(cfg load.Config) []string {
	args := []string{"run", cfg.Address, "--json", "--pattern=" + string(cfg.Pattern), "--conns=" + strconv.Itoa(cfg.Conns)}
	for _, flag := range []struct {
		name  string
		value int
	}{
		{"depth", cfg.Depth}, {"size", cfg.Size}, {"idle", cfg.Idle}, {"read-rate", cfg.ReadRate}, {"pid", cfg.PID},
	} {
		if flag.value != 0 {
			args = append(args, fmt.Sprintf("--%s=%d", flag.name, flag.value))
		}
	}
	if cfg.Seed != 0 {
		args = append(args, "--seed="+strconv.FormatUint(cfg.Seed, 10))
	}
	for _, flag := range []struct {
		name  string
		value time.Duration
	}{{"duration", cfg.Duration}, {"warmup", cfg.Warmup}, {"timeout", cfg.Timeout}, {"spin", cfg.Spin}} {
		if flag.value > 0 {
			args = append(args, fmt.Sprintf("--%s=%v", flag.name, flag.value))
		}
	}
	if cfg.Rate != 0 {
		args = append(args, "--rate="+strconv.FormatFloat(cfg.Rate, 'f', -1, 64))
		if cfg.Arrivals != "" {
			args = append(args, "--arrivals="+string(cfg.Arrivals))
		}
	}
	return args
}

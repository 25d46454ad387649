package main

import (
	"bytes"
	"io"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

// outcome is what a run left.
type outcome struct {
	status         int
	stdout, stderr string
}

// runWith runs echod in this process, with nothing but env in its environment. It must end by itself.
func runWith(env map[string]string, args ...string) outcome {
	var stdout, stderr bytes.Buffer
	status := run(process{args: args, lookupEnv: lookup(env), stdout: &stdout, stderr: &stderr})
	return outcome{status, stdout.String(), stderr.String()}
}

// quiet is a process with arguments, an empty environment, and nobody who reads what it writes.
func quiet(args ...string) process {
	return process{args: args, lookupEnv: lookup(nil), stdout: io.Discard, stderr: io.Discard}
}

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, found := env[name]
		return value, found
	}
}

func TestWrongUsageIsOneLineAndStatus2(t *testing.T) {
	type env = map[string]string
	tests := []struct {
		name string
		args []string
		env  env
		says []string
	}{
		{"unknown flag", []string{"--nonsense"}, nil, []string{"--nonsense"}},
		{"unknown command", []string{"sing"}, nil, []string{"sing"}},
		{"word after the command", []string{"serve", "loudly"}, nil, []string{"loudly"}},
		{"no number", []string{"--shards=two"}, nil, []string{"--shards", `"two"`}},
		{"negative number", []string{"--shards=-1"}, nil, []string{"Shards", "-1"}},
		{"too many shards", []string{"--shards=1000000"}, nil, []string{"Shards", "1000000"}},
		{"negative limit", []string{"--max-conns=-7"}, nil, []string{"MaxConns", "-7"}},
		{"no network", []string{"--listen=127.0.0.1:7007"}, nil, []string{"127.0.0.1:7007", "tcp://"}},
		{"no address", []string{"--listen=tcp://"}, nil, []string{"tcp://"}},
		{"port out of range", []string{"--listen=tcp://127.0.0.1:70000"}, nil, []string{"127.0.0.1:70000"}},
		{"network not served", []string{"--listen=udp://127.0.0.1:7"}, nil, []string{"udp"}},
		{"no connections", []string{"--max-conns=0"}, nil, []string{"--max-conns", "0"}},
		{"no size", []string{"--buffer-size=big"}, nil, []string{"--buffer-size", `"big"`, "16KiB"}},
		{"too small a size", []string{"--buffer-size=1B"}, nil, []string{"BufferSize", "1"}},
		{"no unit", []string{"--drain-timeout=5"}, nil, []string{"--drain-timeout", `"5"`}},
		{"negative time", []string{"--drain-timeout=-1s"}, nil, []string{"--drain-timeout", "-1s"}},
		{"no level", []string{"--log-level=loud"}, nil, []string{"--log-level", `"loud"`, "debug"}},
		{"no format", []string{"--log-format=xml"}, nil, []string{"--log-format", `"xml"`, "json"}},
		{"several", []string{"--listen=nowhere", "--shards=-1"}, nil, []string{"nowhere", "Shards"}},
		{"environment", nil, env{"ECHOD_SHARDS": "two"}, []string{"ECHOD_SHARDS", `"two"`}},
		{"level in the environment", nil, env{"ECHOD_LOG_LEVEL": "loud"}, []string{"ECHOD_LOG_LEVEL", "debug"}},
		{"address in the environment", nil, env{"ECHOD_LISTEN": "nowhere"}, []string{"nowhere"}},
		{"switch in the environment", nil, env{"ECHOD_PIN_CPUS": "perhaps"}, []string{"ECHOD_PIN_CPUS", "perhaps"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := runWith(test.env, test.args...)
			require.Equal(t, exitUsage, o.status)
			require.Empty(t, o.stdout)
			require.Regexp(t, `^echod: usage: [^\n]*; see echod --help\n$`, o.stderr)
			for _, words := range test.says {
				require.Contains(t, o.stderr, words)
			}
		})
	}
}

func TestTheProcessEndsWithTheStatusOfTheRun(t *testing.T) {
	require.Equal(t, exitUsage, start(t, "--nonsense").exit())
	d := start(t, "--version")
	require.Equal(t, exitDone, d.exit())
	require.Contains(t, d.stdout.String(), "echod ")
}

func TestFlagsGoBeforeTheEnvironmentAndTheEnvironmentBeforeDefaults(t *testing.T) {
	type env = map[string]string
	tests := []struct {
		name  string
		env   env
		args  []string
		conns int
		drain time.Duration
		where []string
	}{
		{"environment", env{"ECHOD_MAX_CONNS": "7", "ECHOD_DRAIN_TIMEOUT": "3s", "ECHOD_LISTEN": "tcp://:1,tcp://:2"},
			nil, 7, 3 * time.Second, []string{"tcp://:1", "tcp://:2"}},
		{"flags over environment", env{"ECHOD_MAX_CONNS": "7", "ECHOD_DRAIN_TIMEOUT": "3s", "ECHOD_LISTEN": "tcp://:1"},
			[]string{"--max-conns=9", "--drain-timeout=0s", "--listen=tcp://:3"}, 9, 0, []string{"tcp://:3"}},
		{"flags over a wrong environment", env{"ECHOD_MAX_CONNS": "many"},
			[]string{"--max-conns=9"}, 9, 10 * time.Second, []string{"tcp://127.0.0.1:7007"}},
		{"empty variables are none", env{"ECHOD_MAX_CONNS": "", "ECHOD_LISTEN": "", "ECHOD_PIN_CPUS": ""},
			[]string{"--max-conns=9"}, 9, 10 * time.Second, []string{"tcp://127.0.0.1:7007"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := quiet(test.args...)
			p.lookupEnv = lookup(test.env)
			var c commands
			_, done := parse(&c, p)
			require.False(t, done)
			require.Equal(t, test.conns, c.Serve.Limits.MaxConns)
			require.Equal(t, test.drain, c.Serve.Limits.DrainTimeout)
			require.Equal(t, test.where, c.Serve.Addresses.Listen)
		})
	}
}

func TestEveryFlagHasAVariable(t *testing.T) {
	values := map[string]string{
		"ECHOD_LISTEN": "tcp://:1", "ECHOD_SHARDS": "3", "ECHOD_MAX_CONNS": "4", "ECHOD_IDLE_TIMEOUT": "5s",
		"ECHOD_BUFFER_SIZE": "6KiB", "ECHOD_BUFFERS": "7", "ECHOD_HIGH_WATER": "8KiB", "ECHOD_DRAIN_TIMEOUT": "9s",
		"ECHOD_PIN_CPUS": "true", "ECHOD_LOG_LEVEL": "warn", "ECHOD_LOG_FORMAT": "json",
	}
	asked := map[string]bool{}
	p := quiet()
	p.lookupEnv = func(name string) (string, bool) {
		asked[name] = true
		return values[name], true
	}
	var c commands
	_, done := parse(&c, p)
	require.False(t, done)
	for name := range asked {
		require.Contains(t, values, name, "the table lacks a flag")
	}
	want := serveOptions{
		Addresses:  addressOptions{Listen: []string{"tcp://:1"}},
		Processors: processorOptions{Shards: 3, PinCPUs: true},
		Limits: limitOptions{MaxConns: 4, IdleTimeout: 5 * time.Second, HighWater: 8 << 10,
			DrainTimeout: 9 * time.Second},
		Memory: memoryOptions{BufferSize: 6 << 10, Buffers: 7},
		Log:    logOptions{LogLevel: 4, LogFormat: "json"},
	}
	require.Equal(t, want, c.Serve)
}

func TestServingIsTheDefaultCommand(t *testing.T) {
	for _, args := range [][]string{{"--shards=3"}, {"serve", "--shards=3"}} {
		var c commands
		_, done := parse(&c, quiet(args...))
		require.False(t, done)
		require.Equal(t, 3, c.Serve.Processors.Shards, "%q", args)
	}
}

func TestHelpNamesFlagsVariablesAndStatuses(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"-h"}, {"serve", "--help"}, {"--shards=2", "--help"}} {
		// A wrong environment does not take the help away from the one who needs it.
		o := runWith(map[string]string{"ECHOD_SHARDS": "two"}, args...)
		require.Equal(t, exitDone, o.status, "%q", args)
		require.Empty(t, o.stderr)
		require.True(t, strings.HasPrefix(o.stdout, "Usage: echod [serve] [flags]\n"), "%q", args)
		for _, name := range []string{"listen", "shards", "max-conns", "idle-timeout", "buffer-size", "buffers",
			"high-water", "drain-timeout", "pin-cpus", "log-level", "log-format"} {
			require.Contains(t, o.stdout, "--"+name)
			variable := variable(&kong.Flag{Value: &kong.Value{Name: name}})
			require.Contains(t, o.stdout, "$"+variable)
		}
		require.NotContains(t, o.stdout, "ECHOD_VERSION")
		require.Contains(t, strings.Join(strings.Fields(o.stdout), " "), "The exit status is 0 when")
		for line := range strings.Lines(o.stdout) {
			require.LessOrEqual(t, len(line), helpWidth+1)
		}
	}
}

func TestAnEnvironmentThatIsWrongDoesNotHideTheVersion(t *testing.T) {
	o := runWith(map[string]string{"ECHOD_SHARDS": "two"}, "--version")
	require.Equal(t, exitDone, o.status)
	require.Empty(t, o.stderr)
}

func TestTheVersionHasTheCommitWhereItIsKnown(t *testing.T) {
	setting := func(key, value string) debug.BuildSetting { return debug.BuildSetting{Key: key, Value: value} }
	require.Empty(t, revision(&debug.BuildInfo{}))
	clean := []debug.BuildSetting{setting("vcs.revision", "abc123"), setting("vcs.modified", "false")}
	require.Equal(t, []string{"abc123"}, revision(&debug.BuildInfo{Settings: clean}))
	changed := []debug.BuildSetting{setting("vcs.revision", "abc123"), setting("vcs.modified", "true")}
	require.Equal(t, []string{"abc123", "modified"}, revision(&debug.BuildInfo{Settings: changed}))
}

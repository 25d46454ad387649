package echod

import (
	"bytes"
	"io"
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
		{"negative number", []string{"--shards=-1"}, nil, []string{"--shards is -1"}},
		{"too many shards", []string{"--shards=1000000"}, nil, []string{"--shards is 1000000"}},
		{"negative limit", []string{"--max-conns=-7"}, nil, []string{"--max-conns is -7"}},
		{"no network", []string{"--listen=127.0.0.1:7007"}, nil, []string{"127.0.0.1:7007", "tcp://"}},
		{"no address", []string{"--listen=tcp://"}, nil, []string{"tcp://"}},
		{"port out of range", []string{"--listen=tcp://127.0.0.1:70000"}, nil, []string{"127.0.0.1:70000"}},
		{"unknown network", []string{"--listen=sctp://127.0.0.1:7"}, nil, []string{"sctp"}},
		{"no handler", []string{"--handler=sing"}, nil, []string{"--handler", `"sing"`, "discard"}},
		{"no connections", []string{"--max-conns=0"}, nil, []string{"--max-conns", "0"}},
		{"no backlog", []string{"--backlog=0"}, nil, []string{"--backlog", "0"}},
		{"no lingering", []string{"--linger-timeout=0s"}, nil, []string{"--linger-timeout", "0"}},
		{"no burst of datagrams", []string{"--udp-source-burst=0"}, nil, []string{"--udp-source-burst", "0"}},
		{"no sources", []string{"--udp-sources=0"}, nil, []string{"--udp-sources", "0"}},
		{"negative limit by itself", []string{"--max-conns", "-7"}, nil, []string{"--max-conns is -7, want 1"}},
		{"negative time by itself", []string{"--idle-timeout", "-5s"}, nil, []string{"--idle-timeout is -5s, want 0s"}},
		{"negative nothing", []string{"-7"}, nil, []string{"-7"}},
		{"negative word", []string{"--", "-7"}, nil, []string{"-7"}},
		{"negative rate", []string{"--accept-rate=-1"}, nil, []string{"--accept-rate is -1"}},
		{"negative rate of datagrams", []string{"--udp-source-rate=-1"}, nil, []string{"--udp-source-rate", "-1"}},
		{"negative rate in all", []string{"--udp-total-rate=-1"}, nil, []string{"--udp-total-rate", "-1"}},
		{"few bytes of datagrams", []string{"--udp-total-bytes=1KiB"}, nil, []string{"--udp-total-bytes is 1024"}},
		{"admin without a port", []string{"--admin=127.0.0.1"}, nil, []string{"--admin", `"127.0.0.1"`, "9107"}},
		{"admin without a path", []string{"--admin=unix://"}, nil, []string{"--admin", "unix:///"}},
		{"profiles nowhere", []string{"--pprof"}, nil, []string{"--pprof", "--admin"}},
		{"no size", []string{"--buffer-size=big"}, nil, []string{"--buffer-size", `"big"`, "16KiB"}},
		{"too small a size", []string{"--buffer-size=1B"}, nil, []string{"--buffer-size is 1,"}},
		{"no unit", []string{"--drain-timeout=5"}, nil, []string{"--drain-timeout", `"5"`}},
		{"negative time", []string{"--drain-timeout=-1s"}, nil, []string{"--drain-timeout", "-1s"}},
		{"no level", []string{"--log-level=loud"}, nil, []string{"--log-level", `"loud"`, "debug"}},
		{"no format", []string{"--log-format=xml"}, nil, []string{"--log-format", `"xml"`, "json"}},
		{"several", []string{"--listen=nowhere", "--shards=-1"}, nil, []string{"--listen: ", "nowhere", "--shards"}},
		{"environment", nil, env{"ECHOD_SHARDS": "two"}, []string{"ECHOD_SHARDS", `"two"`}},
		{"value in the environment", nil, env{"ECHOD_BACKLOG": "0"}, []string{"ECHOD_BACKLOG is 0"}},
		{"several in the environment", nil, env{"ECHOD_SHARDS": "two", "ECHOD_UDP_SOURCES": "0"},
			[]string{"ECHOD_SHARDS", "ECHOD_UDP_SOURCES is 0"}},
		{"level in the environment", nil, env{"ECHOD_LOG_LEVEL": "loud"}, []string{"ECHOD_LOG_LEVEL", "debug"}},
		{"address in the environment", nil, env{"ECHOD_LISTEN": "nowhere"}, []string{"ECHOD_LISTEN: ", "nowhere"}},
		{"no such file", []string{"--config=/nothing/there"}, nil, []string{"--config: ", "/nothing/there", "no such file",
			"is the path right", "--print-config"}},
		{"no such file, in the environment", nil, env{"ECHOD_CONFIG": "/nothing/there"}, []string{"ECHOD_CONFIG: "}},
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
			[]string{"--max-conns=9"}, 9, 10 * time.Second, nil},
		{"empty variables are none", env{"ECHOD_MAX_CONNS": "", "ECHOD_LISTEN": "", "ECHOD_PIN_CPUS": ""},
			[]string{"--max-conns=9"}, 9, 10 * time.Second, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := quiet(test.args...)
			p.lookupEnv = lookup(test.env)
			var c commands
			chosen, _ := parse(&c, p)
			require.NotNil(t, chosen)
			require.Equal(t, test.conns, c.Serve.Limits.MaxConns)
			require.Equal(t, test.drain, c.Serve.Timeouts.DrainTimeout)
			require.Equal(t, test.where, c.Serve.Addresses.Listen)
		})
	}
}

func TestEveryFlagHasAVariable(t *testing.T) {
	values := map[string]string{
		"ECHOD_LISTEN": "tcp://:1,udp://:2", "ECHOD_HANDLER": "discard", "ECHOD_TAKE_OVER": "true",
		"ECHOD_SHARDS": "3", "ECHOD_PIN_CPUS": "true", "ECHOD_SPIN": "5us",
		"ECHOD_MAX_CONNS": "4", "ECHOD_MAX_CONNS_PER_IP": "5", "ECHOD_ACCEPT_RATE": "6", "ECHOD_ACCEPT_BURST": "7",
		"ECHOD_BACKLOG":      "8",
		"ECHOD_IDLE_TIMEOUT": "9s", "ECHOD_LIFETIME": "10s", "ECHOD_WRITE_TIMEOUT": "11s",
		"ECHOD_LINGER_TIMEOUT": "12s", "ECHOD_DRAIN_TIMEOUT": "13s",
		"ECHOD_HIGH_WATER": "14KiB", "ECHOD_MAX_QUEUED": "15KiB", "ECHOD_BUFFER_SIZE": "16KiB", "ECHOD_BUFFERS": "17",
		"ECHOD_UDP_PUBLIC": "true", "ECHOD_UDP_SOURCE_RATE": "18", "ECHOD_UDP_SOURCE_BURST": "19",
		"ECHOD_UDP_SOURCES": "20", "ECHOD_UDP_TOTAL_RATE": "21", "ECHOD_UDP_TOTAL_BYTES": "22MiB",
		"ECHOD_ADMIN": "127.0.0.1:23", "ECHOD_PPROF": "true",
		"ECHOD_LOG_LEVEL": "warn", "ECHOD_LOG_FORMAT": "json",
	}
	asked := map[string]bool{}
	p := quiet()
	p.lookupEnv = func(name string) (string, bool) {
		if name == "ECHOD_CONFIG" { // which is not the value of a setting
			return "", false
		}
		asked[name] = true
		return values[name], true
	}
	var c commands
	chosen, _ := parse(&c, p)
	require.NotNil(t, chosen)
	for name := range asked {
		require.Contains(t, values, name, "the table lacks a flag")
	}
	want := serveOptions{
		Addresses:  addressOptions{Listen: []string{"tcp://:1", "udp://:2"}, Handler: "discard", TakeOver: true},
		Processors: processorOptions{Shards: 3, PinCPUs: true, Spin: 5 * time.Microsecond},
		Limits:     limitOptions{MaxConns: 4, MaxConnsPerIP: 5, AcceptRate: 6, AcceptBurst: 7, Backlog: 8},
		Timeouts: timeoutOptions{IdleTimeout: 9 * time.Second, Lifetime: 10 * time.Second,
			WriteTimeout: 11 * time.Second, LingerTimeout: 12 * time.Second, DrainTimeout: 13 * time.Second},
		Memory: memoryOptions{HighWater: 14 << 10, MaxQueued: 15 << 10, BufferSize: 16 << 10, Buffers: 17},
		Datagrams: datagramOptions{Public: true, SourceRate: 18, SourceBurst: 19, Sources: 20, TotalRate: 21,
			TotalBytes: 22 << 20},
		Admin: adminOptions{Admin: "127.0.0.1:23", Pprof: true},
		Log:   logOptions{LogLevel: 4, LogFormat: "json"},
	}
	require.Equal(t, want, c.Serve)
}

func TestServingIsTheDefaultCommand(t *testing.T) {
	for _, args := range [][]string{{"--shards=3"}, {"serve", "--shards=3"}} {
		var c commands
		chosen, _ := parse(&c, quiet(args...))
		require.Equal(t, &c.Serve, chosen)
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
		for name, text := range texts {
			variable := variable(&kong.Flag{Value: &kong.Value{Name: name}})
			if variable == "" {
				continue
			}
			require.Contains(t, o.stdout, "--"+name)
			require.Contains(t, o.stdout, "$"+variable)
			require.NotEmpty(t, text)
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

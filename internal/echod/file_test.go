package echod

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// configFile writes a configuration file that goes with the test.
func configFile(t *testing.T, lines ...string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "echod.toml")
	rewrite(t, path, lines...)
	return path
}

// rewrite gives a configuration file other lines.
func rewrite(t *testing.T, path string, lines ...string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
}

// faultsOf is what --check-config says of a file with the lines: each fault, with FILE for the path of the file.
func faultsOf(t *testing.T, lines ...string) []string {
	t.Helper()
	path := configFile(t, lines...)
	o := runWith(nil, "--check-config", "--config="+path)
	require.Equal(t, exitUsage, o.status, "%s", o.stderr)
	require.Empty(t, o.stdout)
	var faults []string
	for line := range strings.Lines(o.stderr) {
		fault, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "echod: ")
		require.True(t, ok, "%q", line)
		faults = append(faults, strings.ReplaceAll(fault, path, "FILE"))
	}
	return faults
}

func TestTheFileHasASettingForEachFlag(t *testing.T) {
	path := configFile(t,
		`listen = ["tcp://:1", "udp://:2"]`, `handler = "discard"`, `take-over = true`,
		`shards = 3`, `pin-cpus = true`, `spin = "5us"`,
		`max-conns = 4`, `max-conns-per-ip = 5`, `accept-rate = 6`, `accept-burst = 7`, `backlog = 8`,
		`idle-timeout = "9s"`, `lifetime = "10s"`, `write-timeout = "11s"`, `linger-timeout = "12s"`, `drain-timeout = "13s"`,
		`high-water = "14KiB"`, `max-queued = 15360`, `buffer-size = "16KiB"`, `buffers = 17`,
		`udp-public = true`, `udp-source-rate = 18`, `udp-source-burst = 19`, `udp-sources = 20`, `udp-total-rate = 21`,
		`udp-total-bytes = "22MiB"`, `admin = "127.0.0.1:23"`, `pprof = true`, `log-level = "warn"`, `log-format = "json"`)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var c commands
	for _, flag := range settings(&c) {
		require.Contains(t, "\n"+string(text), "\n"+flag.Name+" = ", "the file lacks a setting")
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
		File:  fileOptions{Config: path},
	}
	require.Equal(t, want, parsed(t, "--config="+path))
}

func TestFlagsGoBeforeTheEnvironmentAndTheEnvironmentBeforeTheFile(t *testing.T) {
	path := configFile(t,
		`max-conns = 1`, `backlog = 2`, `buffers = 3`, `listen = ["tcp://:1", "tcp://:2"]`, `pin-cpus = true`)
	p := quiet("--max-conns=10", "--pin-cpus=false")
	p.lookupEnv = lookup(map[string]string{
		"ECHOD_CONFIG": path, "ECHOD_LISTEN": "tcp://:3",
		"ECHOD_MAX_CONNS": "20", "ECHOD_BACKLOG": "21", "ECHOD_BUFFERS": "",
	})
	var c commands
	chosen, _ := parse(&c, p)
	require.NotNil(t, chosen)
	require.Equal(t, 10, c.Serve.Limits.MaxConns, "the flag")
	require.False(t, c.Serve.Processors.PinCPUs, "the flag")
	require.Equal(t, 21, c.Serve.Limits.Backlog, "the environment")
	require.Equal(t, []string{"tcp://:3"}, c.Serve.Addresses.Listen, "the environment")
	require.Equal(t, 3, c.Serve.Memory.Buffers, "the file, since an empty variable is none")
	require.Equal(t, time.Minute, c.Serve.Timeouts.WriteTimeout, "the default")
}

func TestTheFlagNamesTheFileBeforeTheEnvironmentDoes(t *testing.T) {
	p := quiet("--config=" + configFile(t, `max-conns = 1`))
	p.lookupEnv = lookup(map[string]string{"ECHOD_CONFIG": "/nothing/there"})
	var c commands
	chosen, _ := parse(&c, p)
	require.NotNil(t, chosen)
	require.Equal(t, 1, c.Serve.Limits.MaxConns)

	p.args = []string{"--config="} // as good as none
	chosen, _ = parse(&c, p)
	require.NotNil(t, chosen)
	require.NotEqual(t, 1, c.Serve.Limits.MaxConns)
}

func TestAFaultOfTheFileHasItsLineAndKey(t *testing.T) {
	const (
		table  = `unknown table "limits": there are none; keys stand at the top, above any line in brackets`
		number = `, want a number, without quotes`
		bytes  = `, want a size, such as "16KiB" in quotes, or a number of bytes`
		times  = `, want a time with a unit, in quotes, such as "10s"`
		texts  = `, want an array of texts in quotes, such as ["tcp://127.0.0.1:7007"]`
	)
	tests := map[string]string{ // line → fault, without the place
		`max-conn = 3`:            `unknown key "max-conn"; did you mean max-conns?`,
		`Max-Conns = 3`:           `unknown key "Max-Conns"; did you mean max-conns?`,
		`udp_total_rate = 3`:      `unknown key "udp_total_rate"; did you mean udp-total-rate?`,
		`colour = "blue"`:         `unknown key "colour"; echod --print-config shows all that there are`,
		`config = "more.toml"`:    `unknown key "config": --config cannot stand in a file`,
		`print-config = true`:     `unknown key "print-config": --print-config cannot stand in a file`,
		`limits = {max-conns=3}`:  table,
		`limits.max.conns = 3`:    table,
		`[limits]`:                table,
		`[[limits]]`:              table,
		`max-conns = "3"`:         `max-conns is a text` + number,
		`max-conns = 3.0`:         `max-conns is a number with a fraction` + number,
		`max-conns = 1979-05-27`:  `max-conns is a date or a time of day` + number,
		`max-conns = -7`:          `max-conns is -7, want 1 to 16777216`,
		`max-conns = 0`:           `max-conns is 0, want more`,
		`udp-total-rate = -1`:     `udp-total-rate is -1, want 0 or more`,
		`pin-cpus = "yes"`:        `pin-cpus is a text, want true or false`,
		`pin-cpus = 1`:            `pin-cpus is a number, want true or false`,
		`idle-timeout = 5`:        `idle-timeout is a number` + times,
		`idle-timeout = "5"`:      `idle-timeout: expected duration but got "5": time: missing unit in duration "5"`,
		`idle-timeout = "-5s"`:    `idle-timeout is -5s, want 0s to 8760h0m0s`,
		`drain-timeout = "-5s"`:   `drain-timeout is -5s, want 0s or more`,
		`high-water = 1.5`:        `high-water is a number with a fraction` + bytes,
		`high-water = -1`:         `high-water: "-1" is no size; write for example 4096, 16KiB or 1MiB`,
		`high-water = "big"`:      `high-water: "big" is no size; write for example 4096, 16KiB or 1MiB`,
		`high-water = 1`:          `high-water is 1, want 1024 to 1073741824`,
		`listen = "tcp://:1"`:     `listen is a text` + texts,
		`listen = ["tcp://:1",2]`: `listen is an array` + texts,
		`handler = "sing"`:        `handler: "sing" is no handler; write echo or discard`,
		`log-level = 3`:           `log-level is a number, want a text, in quotes`,
		`log-level = "loud"`:      `log-level: "loud" is no level; write debug, info, warn or error`,
		`admin = "127.0.0.1"`:     `admin is "127.0.0.1", want an address and a port, as in 127.0.0.1:9107, or unix:///PATH`,
		`pprof = true`:            `pprof needs an admin address; write for example --admin 127.0.0.1:9107`,
		`max-conns`:               `expected '.' or '=', but got '\n' instead`,
		`max-conns = `:            `expected value but found '\n' instead`,
		`backlog = 5`:             `Key 'backlog' has already been defined.`,
	}
	for _, line := range slices.Sorted(maps.Keys(tests)) {
		t.Run(line, func(t *testing.T) {
			require.Equal(t, []string{"FILE:3: " + tests[line]}, faultsOf(t, "# a comment", `backlog = 7`, line))
		})
	}
}

func TestAnAddressThatIsNoneHasItsLineAndKey(t *testing.T) {
	faults := faultsOf(t, "", "listen = [", `  "nowhere",`, "]")
	require.Len(t, faults, 1)
	require.Regexp(t, `^FILE:2: listen: .*nowhere`, faults[0])
}

func TestEveryFaultOfAFileIsToldAtOnce(t *testing.T) {
	require.Equal(t, []string{
		`FILE:1: unknown key "max-con"; did you mean max-conns?`,
		`FILE:2: buffers is a text, want a number, without quotes`,
		`FILE:4: backlog is 0, want more`,
	}, faultsOf(t, `max-con = 3`, `buffers = "7"`, `shards = 3`, `backlog = 0`))
}

func TestAFileIsRightOrWrongAsAWhole(t *testing.T) {
	// What goes before the file's value does not make the file right.
	o := runWith(nil, "--check-config", "--max-conns=3", "--config="+configFile(t, `max-conns = "many"`))
	require.Equal(t, exitUsage, o.status)
	require.Contains(t, o.stderr, ":1: max-conns")
}

func TestAFileThatCannotBeReadIsToldWithWhoNamedIt(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	long := configFile(t, strings.Repeat("#", maxFile))
	for path, says := range map[string]string{
		filepath.Join(dir, "nothing"): "no such file or directory",
		dir:                           "is a directory; name the file in it",
		pipe:                          "is no regular file",
		long:                          "is longer than 1MiB",
	} {
		o := runWith(nil, "--check-config", "--config="+path)
		require.Equal(t, exitUsage, o.status)
		require.Regexp(t, fmt.Sprintf(`^echod: --config: .*%s.*%s`, path, says), o.stderr)
		o = runWith(map[string]string{"ECHOD_CONFIG": path}, "--check-config")
		require.Equal(t, exitUsage, o.status)
		require.Regexp(t, fmt.Sprintf(`^echod: ECHOD_CONFIG: .*%s.*%s`, path, says), o.stderr)
	}
}

func TestAFileThatMayNotBeReadIsAFault(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read every file")
	}
	path := configFile(t, `max-conns = 3`)
	require.NoError(t, os.Chmod(path, 0))
	o := runWith(nil, "--check-config", "--config="+path)
	require.Equal(t, exitUsage, o.status)
	require.Contains(t, o.stderr, "permission denied")
}

func TestABrokenFileDoesNotHideTheHelpAndTheVersion(t *testing.T) {
	env := map[string]string{"ECHOD_CONFIG": "/nothing/there"}
	for _, arg := range []string{"--help", "--version", "version"} {
		o := runWith(env, arg)
		require.Equal(t, exitDone, o.status)
		require.Empty(t, o.stderr)
	}
}

func TestTheNearestNameIsFewLettersAway(t *testing.T) {
	names := []string{"max-conns", "max-conns-per-ip", "shards", "backlog"}
	for word, want := range map[string]string{
		"max-conns": "max-conns", "maxconns": "max-conns", "max_conn": "max-conns", "max-conns-per-ipp": "max-conns-per-ip",
		"shard": "shards", "Shards": "shards", "bcaklog": "backlog", "": "", "x": "", "colour": "", "max": "",
	} {
		require.Equal(t, want, nearest(word, names), "%q", word)
	}
}

package echod

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatIsPrintedReadsAsTheSameConfiguration(t *testing.T) {
	for name, args := range map[string][]string{
		"defaults": nil,
		"everything": {"--listen=tcp://:1", "--listen=tcp://[::1]:2", "--handler=discard", "--take-over", "--shards=3",
			"--pin-cpus", "--spin=3us",
			"--max-conns=4", "--max-conns-per-ip=5", "--accept-rate=6", "--accept-burst=7", "--backlog=8",
			"--idle-timeout=90m", "--lifetime=10ms", "--write-timeout=0s", "--linger-timeout=1us", "--drain-timeout=13h",
			"--high-water=1025", "--max-queued=3GiB", "--buffer-size=8KiB", "--buffers=64", "--udp-public",
			"--udp-source-rate=0", "--udp-source-burst=11", "--udp-sources=12", "--udp-total-rate=0", "--udp-total-bytes=0",
			`--admin=unix:///run/a "quoted" \ path.sock`, "--pprof", "--log-level=DEBUG", "--log-format=json"},
	} {
		t.Run(name, func(t *testing.T) {
			o := runWith(nil, append(args, "--print-config")...)
			require.Equal(t, exitDone, o.status, "%s", o.stderr)
			require.Empty(t, o.stderr)
			path := configFile(t, o.stdout)
			again := runWith(nil, "--print-config", "--config="+path)
			require.Equal(t, o, again)
			want, got := parsed(t, args...), parsed(t, "--config="+path)
			require.Equal(t, want.config(nil), got.config(nil))
			require.Equal(t, []any{want.Addresses.Handler, want.Admin, want.Log, want.Timeouts},
				[]any{got.Addresses.Handler, got.Admin, got.Log, got.Timeouts})
		})
	}
}

func TestEverySettingIsPrintedWithWhatItIsFor(t *testing.T) {
	o := runWith(nil, "--print-config")
	var c commands
	words := strings.Join(strings.Fields(strings.ReplaceAll(o.stdout, "\n# ", " ")), " ")
	for _, flag := range settings(&c) {
		require.Contains(t, o.stdout, "\n"+flag.Name+" = ")
		require.Contains(t, words, strings.TrimSuffix(flag.Help, "."), "--%s", flag.Name)
	}
	require.NotContains(t, o.stdout, "\nconfig = ")
	for line := range strings.Lines(o.stdout) {
		require.LessOrEqual(t, len(line), helpWidth+1)
	}
}

func TestAWrongConfigurationIsNotPrinted(t *testing.T) {
	o := runWith(nil, "--print-config", "--shards=-1")
	require.Equal(t, exitUsage, o.status)
	require.Empty(t, o.stdout)
}

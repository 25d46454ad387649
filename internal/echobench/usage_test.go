package echobench

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWrongUsageIsOneLineAndStatus2(t *testing.T) {
	const address = "tcp://127.0.0.1:7"
	tests := []struct {
		name string
		args []string
		says []string
	}{
		{"no command", nil, []string{"run"}},
		{"unknown command", []string{"sing"}, []string{"sing"}},
		{"no address", []string{"run"}, []string{"<addr>"}},
		{"unknown flag", []string{"run", address, "--nonsense"}, []string{"--nonsense"}},
		{"no network", []string{"run", "127.0.0.1:7"}, []string{"ADDR", "127.0.0.1:7", "tcp://"}},
		{"unknown pattern", []string{"run", address, "--pattern=sing"}, []string{"--pattern", `"sing"`, "churn"}},
		{"no number", []string{"run", address, "--conns=few"}, []string{"--conns"}},
		{"no connections", []string{"run", address, "--conns=0"}, []string{"--conns is 0"}},
		{"too many connections", []string{"run", address, "--conns=2000000"}, []string{"--conns is 2000000"}},
		{"depth of ping-pong", []string{"run", address, "--depth=2"}, []string{"--depth is 2", "pipelined"}},
		{"small message", []string{"run", address, "--size=8"}, []string{"--size is 8", "16"}},
		{"no size", []string{"run", address, "--size=big"}, []string{"--size", "16KiB"}},
		{"large datagram", []string{"run", "udp://127.0.0.1:7", "--size=64KiB"}, []string{"--size is 65536", "65507"}},
		{"churn of datagrams", []string{"run", "udp://127.0.0.1:7", "--pattern=churn"}, []string{"--pattern", "UDP"}},
		{"no duration", []string{"run", address, "--duration=0s"}, []string{"--duration is 0s"}},
		{"negative warm-up", []string{"run", address, "--warmup=-1s"}, []string{"--warmup is -1s"}},
		{"negative spin", []string{"run", address, "--spin=-1s"}, []string{"--spin is -1s"}},
		{"negative rate", []string{"run", address, "--rate=-1"}, []string{"--rate is -1"}},
		{"unknown arrivals", []string{"run", address, "--rate=1", "--arrivals=now"}, []string{"--arrivals", `"now"`}},
		{"arrivals alone", []string{"run", address, "--arrivals=constant"}, []string{"--arrivals", "without a rate"}},
		{"idle ones elsewhere", []string{"run", address, "--idle=5"}, []string{"--idle is 5", "idle"}},
		{"no CPU", []string{"run", address, "--cpus=one"}, []string{"--cpus", `"one"`}},
		{"no process", []string{"run", address, "--pid=2000000000"}, []string{"--pid is 2000000000"}},
		{"several", []string{"run", "nowhere", "--size=1", "--read-rate=1"}, []string{"ADDR", "nowhere", "--size is 1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := bench(t, test.args...)
			require.Equal(t, exitUsage, o.status)
			require.Empty(t, o.stdout)
			require.Regexp(t, `^echobench: usage: [^\n]*; see echobench --help\n$`, o.stderr)
			for _, text := range test.says {
				require.Contains(t, o.stderr, text)
			}
		})
	}
}

func TestHelpAndVersionArePrinted(t *testing.T) {
	o := bench(t, "run", "--help")
	require.Equal(t, exitDone, o.status)
	require.Empty(t, o.stderr)
	for _, text := range []string{"--conns", "--rate", "exit status"} {
		require.Contains(t, o.stdout, text)
	}
	o = bench(t, "--version")
	require.Equal(t, exitDone, o.status)
	require.Regexp(t, `^echobench \S+.*go1\.\d+`, o.stdout)
}

func TestFieldsHaveTheirFlags(t *testing.T) {
	for field, flag := range map[string]string{
		"Address": "ADDR", "PID": "--pid", "Conns": "--conns", "ReadRate": "--read-rate",
	} {
		require.Equal(t, flag, flagName(field))
	}
}

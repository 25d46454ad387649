package load_test

import (
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/load"
)

func ownPID() int { return os.Getpid() }

func TestTheServersUseIsMeasured(t *testing.T) {
	r := run(t, load.Config{Address: serveWith(t, "tcp", echo), Conns: 4, PID: ownPID(), Duration: 2 * brief})
	u := r.Server
	require.NotNil(t, u)
	require.Equal(t, ownPID(), u.PID)
	require.Positive(t, u.CPUSeconds)
	require.InDelta(t, u.CPUSeconds/r.Seconds, u.Load, 1e-9)
	if r.Window.Echoes > 0 {
		require.InDelta(t, u.CPUSeconds/float64(r.Window.Echoes), u.CPUPerEcho, 1e-9)
	}
	require.Positive(t, u.Threads)
	for _, memory := range []load.Memory{u.Before, u.Start, u.End} {
		require.Positive(t, memory.RSS)
		require.Positive(t, memory.RSSAnon)
		require.GreaterOrEqual(t, memory.RSS, memory.RSSAnon)
	}
}

func TestTheGeneratorsUseIsMeasured(t *testing.T) {
	r := run(t, load.Config{Address: serveWith(t, "tcp", echo), Conns: 4})
	u := r.Generator
	require.Positive(t, u.ThreadSeconds)
	require.GreaterOrEqual(t, u.CPUSeconds, u.ThreadSeconds-1e-3, "the thread is part of the process")
	require.Zero(t, u.SpinSeconds)
	require.Positive(t, u.Turns)
	require.Equal(t, load.CPUs(), u.CPUs)
}

// What a run allocates is a few objects for itself, and not one for a message. The servers here allocate nothing
// either.
func TestMessagesAllocateNothing(t *testing.T) {
	stream, unix, datagrams := serveWith(t, "tcp", echo), serveWith(t, "unix", echo), echoReused(t)
	for _, cfg := range []load.Config{
		{Address: stream, Conns: 4},
		{Address: unix, Conns: 2, Pattern: load.Pipelined},
		{Address: unix, Conns: 2, Pattern: load.Pipelined, Size: 20_000},
		{Address: stream, Conns: 2, Pattern: load.Stream},
		{Address: stream, Conns: 2, Rate: 20_000},
		{Address: datagrams, Conns: 2, Pattern: load.Pipelined},
	} {
		cfg.Duration, cfg.Warmup = 2*brief, brief
		r := run(t, cfg)
		const forTheRun = 300
		require.LessOrEqual(t, r.Generator.Allocations, forTheRun+r.Window.Echoes/50, "%d echoes of %s", r.Window.Echoes,
			cfg.Address)
	}
}

func TestSpinningIsCountedApart(t *testing.T) {
	r := run(t, load.Config{Address: serveWith(t, "tcp", echo), Conns: 1, Rate: 50, Spin: patience})
	require.Positive(t, r.Generator.SpinSeconds)
}

func TestAProcessThatIsNotThereIsWrongConfiguration(t *testing.T) {
	child := exec.Command("true")
	require.NoError(t, child.Run())
	_, err := load.Run(t.Context(), load.Config{Address: "tcp://127.0.0.1:1", PID: child.Process.Pid})
	require.ErrorIs(t, err, load.ErrConfig)
	require.ErrorContains(t, err, "PID is ")
}

func TestListsOfCPUsAreRead(t *testing.T) {
	for list, want := range map[string][]int{
		"0": {0}, "1,3": {1, 3}, "2-5,7": {2, 3, 4, 5, 7}, " 0 , 2-2": {0, 2}, "1023": {1023},
	} {
		got, err := load.ParseCPUs(list)
		require.NoError(t, err, list)
		require.Equal(t, want, got, list)
	}
	for _, list := range []string{"", "a", "1-", "-1", "3-2", "1,,2", "1024", "0-99999", "1-2-3"} {
		_, err := load.ParseCPUs(list)
		require.ErrorIs(t, err, load.ErrConfig, "%q", list)
	}
}

// pinned is the environment of a child that pins itself.
const pinned = "LOAD_TEST_PIN"

// A process cannot be unpinned from what it was given, so a child is pinned.
func TestAPinnedProcessRunsThere(t *testing.T) {
	if os.Getenv(pinned) != "" {
		cpu := slices.Max(load.CPUs())
		require.NoError(t, load.Pin([]int{cpu}))
		seen := make(chan []int)
		for range 8 { // on threads of any age
			go func() { seen <- load.CPUs() }()
		}
		for range 8 {
			require.Equal(t, []int{cpu}, <-seen)
		}
		return
	}
	child := exec.Command(os.Args[0], "-test.run=^TestAPinnedProcessRunsThere$")
	child.Env = append(os.Environ(), pinned+"=1")
	out, err := child.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func TestPinningToACPUThatIsNotThereFails(t *testing.T) {
	cpus := load.CPUs()
	if slices.Contains(cpus, 1023) {
		t.Skip("this machine has a thousand CPUs")
	}
	require.ErrorContains(t, load.Pin([]int{1023}), "pin to the CPUs [1023]")
}

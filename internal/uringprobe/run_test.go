package uringprobe

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/internal/sys"
)

// outcome is what a run left.
type outcome struct {
	status         int
	stdout, stderr string
}

func runWith(args ...string) outcome {
	var stdout, stderr bytes.Buffer
	status := run(args, &stdout, &stderr)
	return outcome{status, stdout.String(), stderr.String()}
}

// runJSON decodes the report as a script does, and holds that it agrees with the exit status.
func runJSON(t *testing.T) (report, outcome) {
	t.Helper()
	o := runWith("--json")
	require.Empty(t, o.stderr)
	var r report
	decoder := json.NewDecoder(strings.NewReader(o.stdout))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&r))
	require.Equal(t, o.status, r.ExitStatus)
	return r, o
}

// kernelThat makes io_uring_setup answer an errno where refuses says so, until the test ends.
func kernelThat(t *testing.T, refuses func(entries uint32, p *sys.Params) syscall.Errno) {
	t.Helper()
	t.Cleanup(sys.Inject(&sys.Calls{Setup: func(entries uint32, p *sys.Params) (int, syscall.Errno) {
		if errno := refuses(entries, p); errno != 0 {
			return -1, errno
		}
		return 0, sys.PassThrough
	}}))
}

// kernelWithout knows none of the set-up flags.
func kernelWithout(t *testing.T, flags uint32) {
	t.Helper()
	kernelThat(t, func(_ uint32, p *sys.Params) syscall.Errno {
		if p.Flags&flags != 0 {
			return syscall.EINVAL
		}
		return 0
	})
}

func TestTheStatusOfThisMachineAgreesWithTheReport(t *testing.T) {
	r, o := runJSON(t)
	switch r.Verdict {
	case fullSpeed:
		require.Equal(t, 0, o.status)
		require.Empty(t, r.Missing)
		require.Nil(t, r.Problem)
		require.NotNil(t, r.Ring)
	case reduced:
		require.Equal(t, 1, o.status)
		require.NotEmpty(t, r.Missing)
		require.Nil(t, r.Problem)
		require.NotNil(t, r.Ring)
	default:
		require.Equal(t, unavailable, r.Verdict)
		require.Equal(t, 2, o.status)
		require.NotNil(t, r.Problem)
	}
	require.Equal(t, o.status, runWith().status, "the same for people")
	if r.Ring == nil {
		return
	}
	require.NotEmpty(t, r.Features)
	for _, op := range r.Operations {
		if op.Name == "NOP" {
			require.True(t, op.Supported)
		}
	}
}

func TestTheTextIsPlainAndAligned(t *testing.T) {
	o := runWith()
	require.Empty(t, o.stderr)
	require.NotContains(t, o.stdout, "\x1b", "no colours: this is not a terminal")
	require.True(t, strings.HasPrefix(o.stdout, "ringport "), "the verdict comes first")
	require.Contains(t, o.stdout, "\nHost\n  kernel             ")
	for line := range strings.Lines(o.stdout) {
		require.Equal(t, strings.TrimRight(line, " \n")+"\n", line, "spaces at the end")
		require.LessOrEqual(t, len(line), 120)
	}
}

func TestARefusedRingHasACauseAndAMend(t *testing.T) {
	tests := []struct {
		errno syscall.Errno
		name  string
		cause string // a pattern
		mend  string
	}{
		{syscall.EPERM, "EPERM", "sysctl|seccomp|security policy", "allow|set it"},
		{syscall.ENOSYS, "ENOSYS", "built without io_uring", "CONFIG_IO_URING"},
		{syscall.ENOMEM, "ENOMEM", `no memory.*\d+ bytes`, "LimitMEMLOCK"},
		{syscall.EMFILE, "EMFILE", "file descriptor", "LimitNOFILE"},
		{syscall.EINVAL, "EINVAL", "too old", "5.19"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			kernelThat(t, func(uint32, *sys.Params) syscall.Errno { return test.errno })
			r, o := runJSON(t)
			require.Equal(t, 2, o.status)
			require.Equal(t, unavailable, r.Verdict)
			require.Nil(t, r.Ring)
			require.NotNil(t, r.Problem)
			require.Equal(t, test.name, r.Problem.Errno)
			require.Regexp(t, test.cause, r.Problem.Cause)
			require.Regexp(t, test.mend, r.Problem.Mend)
			require.Contains(t, o.stdout, `"features": []`, "an empty list is a list")

			o = runWith()
			require.Equal(t, 2, o.status)
			require.Empty(t, o.stderr)
			require.True(t, strings.HasPrefix(o.stdout, "ringport cannot run here.\n"))
			text := strings.Join(strings.Fields(o.stdout), " ")
			require.Contains(t, text, "cause "+r.Problem.Cause)
			require.Contains(t, text, "mend "+r.Problem.Mend)
			require.Contains(t, text, "memlock")
			require.NotContains(t, text, "Features")
		})
	}
}

func TestAnOldKernelRunsWithLess(t *testing.T) {
	const noSQArray, defer61, single60 = sys.IORING_SETUP_NO_SQARRAY, sys.IORING_SETUP_DEFER_TASKRUN,
		sys.IORING_SETUP_SINGLE_ISSUER
	tests := []struct {
		name    string
		unknown uint32
		missing []string
		advice  string
	}{
		{"6.0", noSQArray | defer61, []string{"DEFER_TASKRUN"}, "kernel 6.1 or before"},
		{"5.19", noSQArray | defer61 | single60, []string{"SINGLE_ISSUER", "DEFER_TASKRUN"}, "kernel 6.1 or before"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			requireRing(t)
			kernelWithout(t, test.unknown)
			r, o := runJSON(t)
			require.Equal(t, 1, o.status)
			require.Equal(t, reduced, r.Verdict)
			require.Equal(t, test.missing, r.Missing)
			require.Contains(t, r.Ring.Flags, "COOP_TASKRUN", "the next best")
			require.Zero(t, r.Ring.FlagBits&test.unknown)
			require.Contains(t, strings.Join(r.Advice, "\n"), test.advice)

			o = runWith()
			require.Equal(t, 1, o.status)
			require.Contains(t, o.stdout, "less than full speed, without "+strings.Join(test.missing, ", "))
			require.Regexp(t, `no +DEFER_TASKRUN +6\.1 +full speed`, o.stdout)
		})
	}
}

func TestAKernelWithoutAnExtraRunsAtFullSpeed(t *testing.T) {
	requireRing(t)
	kernelWithout(t, sys.IORING_SETUP_NO_SQARRAY)
	r, o := runJSON(t)
	require.Equal(t, 0, o.status)
	require.NotContains(t, r.Ring.Flags, "NO_SQARRAY")
	require.Regexp(t, `no +NO_SQARRAY +6\.6 +extra`, runWith().stdout)
}

func TestSmallerQueuesAreSaid(t *testing.T) {
	requireRing(t)
	kernelThat(t, func(entries uint32, _ *sys.Params) syscall.Errno {
		if entries > 64 {
			return syscall.ENOMEM
		}
		return 0
	})
	r, o := runJSON(t)
	require.Equal(t, 0, o.status)
	require.Equal(t, uint32(64), r.Ring.SQEntries)
	require.Len(t, r.Advice, 1)
	require.Contains(t, r.Advice[0], "RLIMIT_MEMLOCK")
	require.Regexp(t, `advice +the queues are smaller`, runWith().stdout)
}

// requireRing skips where the machine itself refuses what the test then simulates the loss of.
func requireRing(t *testing.T) {
	t.Helper()
	ringtest.Require(t)
	if r, _ := runJSON(t); r.Verdict != fullSpeed {
		t.Skipf("this machine does not run at full speed: missing %v, %+v", r.Missing, r.Problem)
	}
}

func TestTheVersionIsPrinted(t *testing.T) {
	o := runWith("--version")
	require.Equal(t, 0, o.status)
	require.Empty(t, o.stderr)
	require.Regexp(t, `^uringprobe \S+ .*go1\.\d+.* linux/\w+\n$`, o.stdout)
}

func TestHelpNamesTheExitStatuses(t *testing.T) {
	o := runWith("--help")
	require.Equal(t, 0, o.status)
	require.Empty(t, o.stderr)
	require.Contains(t, o.stdout, "--json")
	text := strings.Join(strings.Fields(o.stdout), " ")
	require.Contains(t, text, "0 when ringport runs at full speed here, 1 when it runs with less, 2 when it cannot run")
}

func TestWrongUsageIsNoVerdict(t *testing.T) {
	for _, args := range [][]string{{"--nonsense"}, {"extra"}, {"--json=perhaps"}, {"--json", "extra"}} {
		o := runWith(args...)
		require.Equal(t, exitUsage, o.status, "%q", args)
		require.Empty(t, o.stdout)
		require.Regexp(t, `^uringprobe: usage: .*; see uringprobe --help\n$`, o.stderr)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("the pipe is broken") }

func TestAReportThatCannotBeWrittenIsNoVerdict(t *testing.T) {
	for _, args := range [][]string{{}, {"--json"}, {"--version"}} {
		var stderr bytes.Buffer
		require.Equal(t, exitOutput, run(args, brokenPipe{}, &stderr), "%q", args)
		require.Equal(t, "uringprobe: write the report: the pipe is broken\n", stderr.String())
	}
}

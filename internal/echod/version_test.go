package echod

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheVersionNamesTheBuildOnOneLine(t *testing.T) {
	for _, args := range [][]string{{"--version"}, {"version"}} {
		o := runWith(nil, args...)
		require.Equal(t, exitDone, o.status)
		require.Empty(t, o.stderr)
		require.Regexp(t, `^echod \S+ [^\n]*go1\.\d+\S* linux/\w+\n$`, o.stdout)
	}
}

func TestAReaderThatHasSeenEnoughIsNoFailure(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"version"}, {"--print-config"}, {"healthcheck", "--help"}} {
		read, write, err := os.Pipe()
		require.NoError(t, err)
		require.NoError(t, read.Close())
		require.Empty(t, complaint(t, write, exitDone, args...), "%q", args)
	}
}

func TestHelpThatCannotBeWrittenIsAFailureAndNoWrongUsage(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	require.Regexp(t, `^echod: write to stdout: .*no space left on device\n$`, complaint(t, full, exitFailure, "--help"))
}

// complaint is what echod writes to stderr when its stdout is the file, which is closed. It ends with the status.
func complaint(t *testing.T, stdout *os.File, status int, args ...string) string {
	t.Helper()
	defer stdout.Close()
	command := exec.Command(ownPath(t), args...)
	command.Env = []string{role + "=" + roleDaemon}
	command.Stdout = stdout
	var stderr strings.Builder
	command.Stderr = &stderr
	_ = command.Run()
	require.Equal(t, status, command.ProcessState.ExitCode(), stderr.String())
	return stderr.String()
}

package main

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// role in the environment of a child says that the test binary is the program there.
const role = "RINGPORT_TEST_ROLE"

// TestMain runs the tests, or in a child of theirs the program.
func TestMain(m *testing.M) {
	if os.Getenv(role) != "" {
		main()
	}
	os.Exit(m.Run())
}

// outcome is what a process left.
type outcome struct {
	status         int
	stdout, stderr string
}

// runAs starts the program through a link of that name.
func runAs(t *testing.T, name string, args ...string) outcome {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	link := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.Symlink(self, link))
	return runCommand(t, exec.Command(link, args...))
}

// runCommand runs a command that is the program.
func runCommand(t *testing.T, command *exec.Cmd) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	command.Env = append(os.Environ(), role+"=program")
	if err := command.Run(); err != nil {
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
	}
	return outcome{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func TestEachNameIsItsProgram(t *testing.T) {
	for name := range programs {
		t.Run(name, func(t *testing.T) {
			o := runAs(t, name, "--version")
			require.Equal(t, 0, o.status, o.stderr)
			require.Regexp(t, `^`+name+` \S+ .*\n$`, o.stdout)
			require.Empty(t, o.stderr)
		})
	}
}

func TestEachProgramHasItsOwnStatusForWrongUsage(t *testing.T) {
	for name, status := range map[string]int{"echobench": 2, "echod": 2, "uringprobe": 64} {
		t.Run(name, func(t *testing.T) {
			o := runAs(t, name, "--nonsense")
			require.Equal(t, status, o.status)
			require.Regexp(t, `^`+name+`: usage: [^\n]*--nonsense[^\n]*\n$`, o.stderr)
		})
	}
}

func TestAnotherNameIsWrongUsage(t *testing.T) {
	const text = `^ringport: usage: no program is called "%s"; start this one by a name of ` +
		`echobench, echod, uringprobe\b[^\n]*\n$`
	for _, name := range []string{"ringport", "echo", "echod2"} {
		t.Run(name, func(t *testing.T) {
			o := runAs(t, name, "--version")
			require.Equal(t, exitUsage, o.status)
			require.Empty(t, o.stdout)
			require.Regexp(t, strings.Replace(text, "%s", name, 1), o.stderr)
		})
	}
	t.Run("none at all", func(t *testing.T) {
		var stderr bytes.Buffer
		require.Equal(t, exitUsage, run(nil, &stderr))
		require.Regexp(t, strings.Replace(text, "%s", "", 1), stderr.String())
	})
}

func TestTheImageHasEachName(t *testing.T) {
	dockerfile, err := os.ReadFile("../../Dockerfile")
	require.NoError(t, err)
	loop := regexp.MustCompile(`for name in ([a-z ]+); do`).FindSubmatch(dockerfile)
	require.NotNil(t, loop)
	require.ElementsMatch(t, slices.Collect(maps.Keys(programs)), strings.Fields(string(loop[1])))
}

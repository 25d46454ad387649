package buildinfo

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheCommitIsToldWhereItIsKnown(t *testing.T) {
	here := runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
	setting := func(key, value string) debug.BuildSetting { return debug.BuildSetting{Key: key, Value: value} }
	release := debug.Module{Version: "v1.2.3"}
	tests := []struct {
		name  string
		build *debug.BuildInfo
		want  string
	}{
		{"nothing is known", nil, "(devel) " + here},
		{"no version, no commit", &debug.BuildInfo{}, "(devel) " + here},
		{"a release", &debug.BuildInfo{Main: release}, "v1.2.3 " + here},
		{"a commit", &debug.BuildInfo{Main: release, Settings: []debug.BuildSetting{
			setting("vcs.revision", "abc123"), setting("vcs.modified", "false"),
		}}, "v1.2.3 abc123 " + here},
		{"a commit and changes", &debug.BuildInfo{Settings: []debug.BuildSetting{
			setting("vcs.revision", "abc123"), setting("vcs.modified", "true"),
		}}, "(devel) abc123 modified " + here},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { require.Equal(t, test.want, of(test.build).String()) })
	}
}

func TestWhatTheLinkerWasGivenIsForWhatGoDoesNotKnow(t *testing.T) {
	unknown := Info{Version: unknownVersion}
	require.Equal(t, Info{Version: "v1.2.3", Commit: "abc123"}, unknown.orElse("v1.2.3", "abc123"))
	require.Equal(t, unknown, unknown.orElse("", ""))
	known := Info{Version: "v4.5.6", Commit: "def456"}
	require.Equal(t, known, known.orElse("v1.2.3", "abc123"))
}

// linkerFlags is what the Dockerfile gives the linker, with values for its arguments.
func linkerFlags(t *testing.T, version, revision string) string {
	t.Helper()
	text, err := os.ReadFile("../../Dockerfile")
	require.NoError(t, err)
	found := regexp.MustCompile(`(?s)-ldflags="([^"]*)"`).FindSubmatch(text)
	require.NotNil(t, found)
	return strings.NewReplacer("${VERSION}", version, "${REVISION}", revision, "\\\n", " ").Replace(string(found[1]))
}

func TestAProgramOfTheImageSaysWhichOneItIs(t *testing.T) {
	program := filepath.Join(t.TempDir(), "uringprobe")
	flags := linkerFlags(t, "v9.8.7", "0123abcd")
	out, err := exec.Command("go", "build", "-buildvcs=false", "-ldflags="+flags, "-o", program,
		"../../cmd/uringprobe").CombinedOutput()
	require.NoError(t, err, string(out))
	out, err = exec.Command(program, "--version").Output()
	require.NoError(t, err)
	require.Equal(t, "uringprobe v9.8.7 0123abcd "+runtime.Version()+" "+runtime.GOOS+"/"+runtime.GOARCH+"\n", string(out))
}

func TestTheRunningProgramIsKnown(t *testing.T) {
	i := Read()
	require.NotEmpty(t, i.Version)
	require.Equal(t, runtime.Version(), i.GoVersion)
	require.Equal(t, runtime.GOOS+"/"+runtime.GOARCH, i.Platform)
}

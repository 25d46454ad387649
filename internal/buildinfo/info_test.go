package buildinfo

import (
	"runtime"
	"runtime/debug"
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

func TestTheRunningProgramIsKnown(t *testing.T) {
	i := Read()
	require.NotEmpty(t, i.Version)
	require.Equal(t, runtime.Version(), i.GoVersion)
	require.Equal(t, runtime.GOOS+"/"+runtime.GOARCH, i.Platform)
}

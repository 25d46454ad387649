package echod

import (
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

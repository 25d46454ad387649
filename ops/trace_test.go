package ops

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/ringtest"
)

// traces is where the stories are: one in each file.
const traces = "testdata/traces/*.txt"

// Each story is played to a port on a fake ring. script tells the language; story tells what is checked beside what
// the trace says.
func TestEveryStoryEndsAsItIsTold(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("..", traces))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			ringtest.Descriptors(t)
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			sc := &script{begin: func(cfg PortConfig, prepare func(*fakeRing)) *story {
				return newStory(t, cfg, prepare)
			}}
			sc.run(filepath.Base(path), string(text))
		})
	}
}

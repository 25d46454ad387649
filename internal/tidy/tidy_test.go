package tidy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// rule is one thing that holds for the whole tree.
type rule struct {
	name  string
	check func(*tree) []string // findings, each "path:line: what is wrong, and what to do"
}

// rules is all that this package holds. Each has a planted violation in planted_test.go.
var rules = []rule{
	{"imports point down", importsPointDown},
	{"unsafe has a place", unsafeHasAPlace},
	{"conversions are explained", conversionsAreExplained},
	{"one package comment", onePackageComment},
	{"exported names are documented", exportedNamesAreDocumented},
	{"tests do not sleep", testsDoNotSleep},
	{"nothing is left open", nothingIsLeftOpen},
	{"files are named for what they hold", filesAreNamed},
	{"go.mod replaces nothing", goModReplacesNothing},
	{"testdata is used", testdataIsUsed},
	{"documents show what compiles", documentsShowWhatCompiles},
	{"documents name what is there", documentsNameWhatIsThere},
	{"the import table is written", theImportTableIsWritten},
}

func TestTheTreeIsTidy(t *testing.T) {
	ours, err := load(os.DirFS(root(t)))
	require.NoError(t, err)
	require.NotEmpty(t, ours.code())
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, finding := range r.check(ours) {
				t.Error(finding)
			}
		})
	}
}

// root is the folder of go.mod, found by walking up from the folder that the test runs in.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		require.NotEqual(t, parent, dir, "tidy: no go.mod above the test; run it inside the module")
		dir = parent
	}
}

// at formats a finding.
func at(path string, line int, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: %s", path, line, fmt.Sprintf(format, args...))
}

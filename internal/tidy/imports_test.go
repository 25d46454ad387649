package tidy_test

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// row says what one package may do. The rows together are the architecture: change one only when the architecture
// changes, never to make a build pass.
type row struct {
	pkg     string   // folder from the root; a last element of * stands for any one
	ours    []string // our packages that it may import
	foreign []string // modules of others that it may import; anyModule allows all
	unsafe  bool     // may import unsafe, in files that end in _unsafe.go
}

// anyModule in row.foreign allows every module: commands are not linked into anybody's program.
const anyModule = "*"

// sysOnly is all that the library asks of its users' go.mod.
var sysOnly = []string{"golang.org/x/sys"}

// architecture has a row for each package. Imports point down; a package without a row is a finding.
var architecture = []row{
	{pkg: "internal/sys", foreign: sysOnly, unsafe: true},
	{pkg: "uring", ours: []string{"internal/sys"}, foreign: sysOnly, unsafe: true},
	{pkg: "bufring", ours: []string{"internal/sys", "uring"}, foreign: sysOnly, unsafe: true},
	{pkg: "ops", ours: []string{"uring", "bufring"}, foreign: sysOnly},
	{pkg: "ops/apm", ours: []string{"ops"}, foreign: sysOnly},
	{pkg: "server", ours: []string{"ops", "bufring"}, foreign: sysOnly},
	{pkg: "internal/load", ours: []string{"ops"}, foreign: []string{"golang.org/x/sys",
		"github.com/HdrHistogram/hdrhistogram-go"}},
	{pkg: "internal/stat", foreign: []string{"golang.org/x/perf"}},
	{pkg: "internal/child", foreign: sysOnly},
	{pkg: "internal/agent", ours: []string{"internal/child"}},
	{pkg: "internal/matrix", ours: []string{"internal/agent", "internal/child", "internal/load", "internal/stat"},
		foreign: []string{"golang.org/x/sys", "github.com/BurntSushi/toml"}},
	{pkg: "internal/report", ours: []string{"internal/load", "internal/matrix", "internal/stat"},
		foreign: []string{"gonum.org/v1/plot", "golang.org/x/perf"}},
	{pkg: "internal/echod", ours: []string{"server", "ops", "internal/buildinfo", "internal/size"},
		foreign: []string{anyModule}},
	{pkg: "internal/echobench", ours: []string{"uring", "internal/agent", "internal/buildinfo", "internal/load",
		"internal/matrix", "internal/report", "internal/size"},
		foreign: []string{anyModule}},
	{pkg: "internal/uringprobe", ours: []string{"uring", "internal/buildinfo"}, foreign: []string{anyModule}},
	{pkg: "cmd/*", ours: []string{"internal/echod", "internal/echobench", "internal/uringprobe"},
		foreign: []string{anyModule}},
	{pkg: "examples/*", ours: []string{"uring", "bufring", "ops", "ops/apm", "server"}, foreign: sysOnly},
	{pkg: "internal/buildinfo"},
	{pkg: "internal/size"},
	{pkg: "internal/tidy"},
	// Test support: no row lists it, so only test files can import it.
	{pkg: "internal/ringtest", ours: []string{"internal/sys", "uring"},
		foreign: []string{"golang.org/x/sys", "github.com/stretchr/testify"}},
}

// rowOf finds the row of the package in the folder.
func rowOf(dir string) (row, bool) {
	i := slices.IndexFunc(architecture, func(r row) bool {
		matched, _ := path.Match(r.pkg, dir)
		return matched
	})
	if i < 0 {
		return row{}, false
	}
	return architecture[i], true
}

// importsPointDown holds the rows' imports for everything that is not a test.
func importsPointDown(t *tree) (findings []string) {
	byDir, dirs := t.packages()
	for _, dir := range dirs {
		r, ok := rowOf(dir)
		if !ok {
			findings = append(findings, at(byDir[dir][0].path, 1, "package %s has no row in the architecture table; "+
				"give it one in internal/tidy/imports_test.go, with what it may import", dir))
			continue
		}
		for _, f := range byDir[dir] {
			if !f.isTest() {
				findings = append(findings, forbiddenImports(t, f, r)...)
			}
		}
	}
	return findings
}

// forbiddenImports lists the imports of a file that its package's row does not allow.
func forbiddenImports(t *tree, f *file, r row) (findings []string) {
	for _, spec := range f.syntax.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		if !r.allows(imported) {
			findings = append(findings, at(f.path, t.line(spec.Pos()),
				"%s may not import %s: imports point down, as the architecture table says", r.pkg, imported))
		}
	}
	return findings
}

// allows says whether the row lets the package import the path.
func (r row) allows(imported string) bool {
	if imported == module {
		return false
	}
	if ours, ok := strings.CutPrefix(imported, module+"/"); ok {
		return slices.Contains(r.ours, ours)
	}
	if imported == "C" { // cgo is nowhere
		return false
	}
	if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
		return true // the standard library
	}
	return slices.ContainsFunc(r.foreign, func(m string) bool {
		return m == anyModule || imported == m || strings.HasPrefix(imported, m+"/")
	})
}

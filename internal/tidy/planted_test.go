package tidy_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// sound is a small tree that breaks no rule; each planted case adds one file to it, or replaces one.
var sound = map[string]string{
	"go.mod": "module " + module + "\n\ngo 1.26\n",
	"README.md": "# ringport\n\nSee [the picture](docs/turn.svg), [the reasons](ARCHITECTURE.md#laws) and `ops/op.go`.\n\n" +
		"```go\nselect { case <-time.After(time.Second): case <-t.Context().Done(): }\n```\n\n```\nno code\n```\n",
	"docs/turn.svg": "",
	"ARCHITECTURE.md": "# Laws\n\n" + tableHead + "\n|---|---|---|---|\n" +
		"| `internal/sys` | none | golang.org/x/sys | yes |\n" +
		"| `uring` | internal/sys | golang.org/x/sys | yes |\n" +
		"| `ops` | uring, bufring | golang.org/x/sys | no |\n" +
		"| `cmd/*` | internal/echod, internal/echobench, internal/uringprobe | any | no |\n",
	"ops/doc.go": `// Package ops is a stand-in.
package ops
`,
	"ops/op.go": `package ops

import (
	"golang.org/x/sys/unix"
	"github.com/ringport/ringport/uring"
)

// An Op is documented, article and all.
type Op[T any] struct{ Ring uring.Ring }

// Close is documented.
func (o *Op[T]) Close() error { println("op"); return unix.EBADF }

type hidden struct{}

func (hidden) Exported() {}

// Flags, documented together.
const (
	Peek  = 1
	Other = 2
)
`,
	"ops/op_test.go": `package ops_test

import ("testing"; "time"; "github.com/stretchr/testify/require")

func TestTrace(t *testing.T) {
	select { case <-time.After(time.Second): case <-t.Context().Done(): }
	require.FileExists(t, "testdata/traces/one.txt")
}

func FuzzTrace(f *testing.F) {}
`,
	"ops/testdata/traces/one.txt":          "",
	"ops/testdata/fuzz/FuzzTrace/corpus01": "",
	"uring/doc.go": `// Package uring is a stand-in.
package uring
`,
	"uring/ring_unsafe.go": `package uring

import "unsafe"

// Ring is documented.
type Ring struct{ base unsafe.Pointer }

const size = unsafe.Sizeof(Ring{})

var _ error = (*ringError)(nil)

func (r *Ring) word(offset uintptr) *uint32 {
	// SAFETY: offset is checked against the mapping, which outlives the ring.
	return (*uint32)(unsafe.Add(r.base, offset))
}
`,
	"cmd/tool/main.go": `// Command tool is a stand-in.
package main

import _ "github.com/alecthomas/kong"

func main() {}
`,
	"internal/sys/doc.go":   "// Package sys is a stand-in.\npackage sys\n",
	"bench/go.mod":          "module bench\n\nreplace x => ../x\n",
	"bench/peer/util.go":    "package peer\n\nimport _ \"unsafe\"\n",
	"scripts/check.sh":      "echo fine\n",
	"ops/testdata/broken/a": "",
	"ops/broken_test.go":    "package ops_test\n\nconst folder = \"testdata/broken\"\n",
}

// planted is trees that break one rule, each in one place.
var planted = []struct {
	rule, name, path, text, want string
}{
	{"imports point down", "up", "uring/up.go",
		"package uring\n\nimport _ \"github.com/ringport/ringport/ops\"\n", "uring/up.go:3: uring may not import"},
	{"imports point down", "past a layer", "ops/deep.go",
		"package ops\n\nimport _ \"github.com/ringport/ringport/internal/sys\"\n", "ops may not import"},
	{"imports point down", "foreign module", "ops/yaml.go",
		"package ops\n\nimport _ \"gopkg.in/yaml.v3\"\n", "ops may not import gopkg.in/yaml.v3"},
	{"imports point down", "neighbour of an allowed module", "ops/tools.go",
		"package ops\n\nimport _ \"golang.org/x/sysmon\"\n", "ops may not import golang.org/x/sysmon"},
	{"imports point down", "cgo", "internal/sys/c.go",
		"package sys\n\nimport \"C\"\n", "internal/sys may not import C"},
	{"imports point down", "behind a build tag", "ops/tagged.go",
		"//go:build never\n\npackage ops\n\nimport _ \"github.com/ringport/ringport/server\"\n", "ops may not import"},
	{"imports point down", "package without a row", "newcomer/doc.go",
		"// Package newcomer is new.\npackage newcomer\n", "newcomer has no row"},

	{"unsafe has a place", "in a package that has none", "ops/op_unsafe.go",
		"package ops\n\nimport _ \"unsafe\"\n", "ops may not import unsafe"},
	{"unsafe has a place", "in a file of another name", "uring/fast.go",
		"package uring\n\nimport _ \"unsafe\"\n", "_unsafe.go"},

	{"conversions are explained", "without a comment", "uring/a_unsafe.go",
		"package uring\n\nimport \"unsafe\"\n\nfunc f(p *int) unsafe.Pointer {\n\treturn unsafe.Pointer(p)\n}\n",
		"a_unsafe.go:6"},
	{"conversions are explained", "to a typed pointer", "uring/a_unsafe.go",
		"package uring\n\nimport \"unsafe\"\n\nfunc f(p unsafe.Pointer) *int {\n\treturn (*int)(p)\n}\n", "a_unsafe.go:6"},
	{"conversions are explained", "slice made of a pointer", "uring/a_unsafe.go",
		"package uring\n\nimport \"unsafe\"\n\nvar x int\nvar s = unsafe.Slice(&x, 1)\n", "a_unsafe.go:6"},
	{"conversions are explained", "too far below its comment", "uring/a_unsafe.go",
		"package uring\n\nimport \"unsafe\"\n\n// SAFETY: far away.\n\n\n\nvar p = unsafe.Pointer(new(int))\n",
		"a_unsafe.go:9"},
	{"conversions are explained", "another comment", "uring/a_unsafe.go",
		"package uring\n\nimport \"unsafe\"\n\n// It is fine.\nvar p = unsafe.Pointer(new(int))\n", "a_unsafe.go:6"},

	{"one package comment", "none", "bufring/group.go", "package bufring\n", "bufring has 0 package comments"},
	{"one package comment", "twice", "ops/main.go",
		"// Package ops again.\npackage ops\n", "ops/main.go:1: the package comment belongs in doc.go"},
	{"one package comment", "in the wrong file of a command", "cmd/other/flags.go",
		"// Command other is new.\npackage main\n", "cmd/other/flags.go:1: the package comment belongs"},

	{"exported names are documented", "function", "ops/a.go", "package ops\n\nfunc Start() {}\n", "exported Start"},
	{"exported names are documented", "method", "ops/a.go",
		"package ops\n\ntype Q struct{} //\n\nfunc (q *Q) Start() {}\n", "exported Start"},
	{"exported names are documented", "begins with another name", "ops/a.go",
		"package ops\n\n// Starter begins.\nfunc Start() {}\n", "exported Start"},
	{"exported names are documented", "constant", "ops/a.go", "package ops\n\nconst Max = 1\n", "exported Max"},
	{"exported names are documented", "group", "ops/a.go",
		"package ops\n\nvar (\n\tMax = 1\n)\n", "exported Max"},
	{"exported names are documented", "type in a group", "ops/a.go",
		"package ops\n\n// Types.\ntype (\n\tName int\n)\n", "exported Name"},

	{"tests do not sleep", "sleep", "ops/a_test.go",
		"package ops_test\n\nimport \"time\"\n\nfunc f() { time.Sleep(1) }\n", "ops/a_test.go:5: a test may not sleep"},
	{"tests do not sleep", "handed on", "ops/a_test.go",
		"package ops_test\n\nimport \"time\"\n\nvar f = time.Sleep\n", "ops/a_test.go:5: a test may not sleep"},
	{"tests do not sleep", "in disguise", "ops/a_test.go",
		"package ops_test\n\nimport \"time\"\n\nfunc f() { <-time.After(1) }\n", "ops/a_test.go:5: a test may not sleep"},

	{"nothing is left open", "code", "ops/a.go", "package ops\n\n// TO" + "DO: later\n", "ops/a.go:3"},
	{"nothing is left open", "script", "scripts/a.sh", "# FIX" + "ME\n", "scripts/a.sh:1"},
	{"nothing is left open", "document", "docs/a.md", "XX" + "X\n", "docs/a.md:1"},
	{"nothing is left open", "nested module", "bench/a.go", "package bench // HA" + "CK\n", "bench/a.go:1"},
	{"nothing is left open", "what CI runs", ".ci/run", "# TO" + "DO\n", ".ci/run:1"},

	{"files are named for what they hold", "code", "ops/util.go", "package ops\n", "ops/util.go"},
	{"files are named for what they hold", "test", "ops/helpers_test.go", "package ops_test\n", "ops/helpers_test.go"},

	{"go.mod replaces nothing", "line", "go.mod", "module " + module + "\n\nreplace a => b v1.0.0\n", "go.mod:3"},
	{"go.mod replaces nothing", "block", "go.mod", "module " + module + "\n\nreplace (\n\ta => ../b\n)\n", "go.mod:3"},

	{"testdata is used", "orphan", "ops/testdata/traces/two.txt", "", "ops/testdata/traces/two.txt"},
	{"testdata is used", "corpus of a target that is gone", "ops/testdata/fuzz/FuzzGone/1", "", "FuzzGone/1"},
	{"testdata is used", "named by nobody but the library", "ops/testdata/op", "", "ops/testdata/op"},
	{"testdata is used", "named by nobody but a document", "docs/testdata/read.md", "`read.md`", "docs/testdata/read.md"},

	{"documents show what compiles", "code of nobody", "README.md", "# A\n\n```go\nfoo()\n```\n", "README.md:3"},
	{"documents show what compiles", "part of a line", "README.md", "```go\nFuzzTrace(f *testing.F) {}\n```\n", "README.md:1"},
	{"documents show what compiles", "what no test has", "docs/a.md", "```go\ntype hidden struct{}\n```\n", "docs/a.md:1"},

	{"documents name what is there", "link", "README.md", "[gone](docs/gone.svg)\n", "README.md:1: there is no docs/gone.svg"},
	{"documents name what is there", "link from a folder", "docs/a.md", "[up](README.md)\n", "there is no docs/README.md"},
	{"documents name what is there", "file", "README.md", "Read\n`ops/gone.go`.\n", "README.md:2: there is no ops/gone.go"},

	{"the import table is written", "without the table", "ARCHITECTURE.md", "# Laws\n", "ARCHITECTURE.md:1: it has no table"},
	{"the import table is written", "without a row", "bufring/doc.go", "// Package bufring is new.\npackage bufring\n",
		"lacks this row: | `bufring` | internal/sys, uring | golang.org/x/sys | yes |"},
	{"the import table is written", "with a row of nobody", "ARCHITECTURE.md",
		tableHead + "\n|---|---|---|---|\n| `ops` | uring | none | yes |\n", "ARCHITECTURE.md:3: the architecture has no such row"},
}

func TestASoundTreeHasNoFindings(t *testing.T) {
	tree := plant(t, "README.md", sound["README.md"])
	for _, r := range rules {
		require.Empty(t, r.check(tree), r.name)
	}
}

func TestEachRuleReportsWhatIsPlanted(t *testing.T) {
	for _, c := range planted {
		t.Run(c.rule+"/"+c.name, func(t *testing.T) {
			i := slices.IndexFunc(rules, func(r rule) bool { return r.name == c.rule })
			require.GreaterOrEqual(t, i, 0, "no such rule")
			findings := rules[i].check(plant(t, c.path, c.text))
			require.NotEmpty(t, findings)
			require.Contains(t, strings.Join(findings, "\n"), c.want)
		})
	}
}

func TestEveryRuleHasAPlantedViolation(t *testing.T) {
	for _, r := range rules {
		tested := slices.ContainsFunc(planted, func(c struct{ rule, name, path, text, want string }) bool {
			return c.rule == r.name
		})
		require.True(t, tested, r.name)
	}
}

func TestFilesThatDoNotParseFailTheLoad(t *testing.T) {
	_, err := load(fstest.MapFS{"ops/bad.go": {Data: []byte("package")}})
	require.Error(t, err)
}

// plant is the sound tree with one file put in.
func plant(t *testing.T, path, text string) *tree {
	t.Helper()
	files := maps.Clone(sound)
	files[path] = text
	root := fstest.MapFS{}
	for p, content := range files {
		root[p] = &fstest.MapFile{Data: []byte(content)}
	}
	planted, err := load(root)
	require.NoError(t, err)
	return planted
}

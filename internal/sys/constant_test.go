package sys_test

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// kernelVersion is a kernel release as the header counts: LINUX_VERSION_CODE without the last part.
type kernelVersion int

// kernel is the version major.minor.
func kernel(major, minor int) kernelVersion { return kernelVersion(major<<8 | minor) }

// String is the version as people write it.
func (v kernelVersion) String() string { return fmt.Sprintf("%d.%d", v>>8, v&0xff) }

// kernelConstant is a constant of this package in the kernel's spelling.
type kernelConstant struct {
	value int64
	doc   string
}

var (
	kernelSpelling = regexp.MustCompile(`^(IO|SOCKET)[A-Z]*_[A-Z0-9_]+$`)
	sinceSentence  = regexp.MustCompile(`Since (\d+)\.(\d+)\.\n$`)
)

func TestEveryConstantNamesTheKernelThatIntroducedIt(t *testing.T) {
	for name, c := range kernelConstants(t) {
		require.True(t, strings.HasPrefix(c.doc, name+" "), "%s: its comment starts with its name", name)
		require.Regexp(t, sinceSentence, c.doc, "%s: its comment ends with the first kernel", name)
	}
}

func TestEveryOperationUpTo64IsThere(t *testing.T) {
	names := map[int64]string{}
	for name, c := range kernelConstants(t) {
		if strings.HasPrefix(name, "IORING_OP_") {
			require.NotContains(t, names, c.value, name)
			names[c.value] = name
		}
	}
	for opcode := range int64(65) {
		require.Contains(t, names, opcode)
	}
	require.Len(t, names, 65)
}

// since is the kernel named at the end of the constant's comment.
func (c kernelConstant) since() kernelVersion {
	var major, minor int
	m := sinceSentence.FindStringSubmatch(c.doc)
	if m == nil {
		return 0
	}
	fmt.Sscan(m[1]+" "+m[2], &major, &minor)
	return kernel(major, minor)
}

// kernelConstants reads the package's own source, so that no constant can be forgotten in a test's table.
func kernelConstants(t *testing.T) map[string]kernelConstant {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var files []string
	for _, path := range paths {
		if !strings.HasSuffix(path, "_test.go") {
			files = append(files, path)
		}
	}
	found := map[string]kernelConstant{}
	for name, c := range constantsIn(t, files) {
		if kernelSpelling.MatchString(name) {
			found[name] = c
		}
	}
	require.Greater(t, len(found), 200)
	return found
}

// constantsIn evaluates the integer constants of the Go files of one package. Imports are not followed, so a
// constant that depends on one is left out.
func constantsIn(t *testing.T, paths []string) map[string]kernelConstant {
	t.Helper()
	fset := token.NewFileSet()
	var files []*ast.File
	docs := map[string]string{}
	for _, path := range paths {
		file, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		require.NoError(t, err)
		files = append(files, file)
		collectConstantDocs(file, docs)
	}
	ignoreErrors := types.Config{Error: func(error) {}}
	pkg, _ := ignoreErrors.Check("", fset, files, nil)
	found := map[string]kernelConstant{}
	for _, name := range pkg.Scope().Names() {
		c, ok := pkg.Scope().Lookup(name).(*types.Const)
		if !ok {
			continue
		}
		if value, exact := constant.Int64Val(constant.ToInt(c.Val())); exact {
			found[name] = kernelConstant{value: value, doc: docs[name]}
		}
	}
	return found
}

// collectConstantDocs adds the comment above each constant of the file.
func collectConstantDocs(file *ast.File, docs map[string]string) {
	for _, decl := range file.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			value := spec.(*ast.ValueSpec)
			doc := value.Doc
			if !group.Lparen.IsValid() {
				doc = group.Doc
			}
			for _, name := range value.Names {
				docs[name.Name] = doc.Text()
			}
		}
	}
}

package tidy_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// module is the path that go.mod declares; imports that begin with it are ours.
const module = "github.com/ringport/ringport"

// file is one file of the tree.
type file struct {
	path   string    // slash-separated, from the root
	text   string    // empty when the file is not one of the kinds that rules read
	syntax *ast.File // nil unless the file is Go code of this module
}

// dir is the folder of the file, "." for the root.
func (f *file) dir() string { return path.Dir(f.path) }

// isTest says whether the go command compiles the file for tests only.
func (f *file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// tree is every file below a root, the Go files of the module parsed.
type tree struct {
	files     []*file
	positions *token.FileSet
}

// load reads and parses the tree. Nested modules are read as text only: they have rules of their own.
func load(root fs.FS) (*tree, error) {
	t := &tree{positions: token.NewFileSet()}
	var nested []string
	err := fs.WalkDir(root, ".", func(p string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (p == ".git" || p == "bin"):
			return fs.SkipDir
		case entry.IsDir() && p != "." && exists(root, path.Join(p, "go.mod")):
			nested = append(nested, p+"/")
			return nil
		case !entry.Type().IsRegular():
			return nil
		}
		return t.add(root, p, under(p, nested))
	})
	return t, err
}

// add reads one file and parses it when it is code of the module.
func (t *tree) add(root fs.FS, p string, nested bool) error {
	f := &file{path: p}
	t.files = append(t.files, f)
	if !readable(p) {
		return nil
	}
	text, err := fs.ReadFile(root, p)
	if errors.Is(err, fs.ErrNotExist) { // removed since the folder was listed, as editors do
		t.files = t.files[:len(t.files)-1]
		return nil
	}
	if err != nil {
		return err
	}
	f.text = string(text)
	if nested || path.Ext(p) != ".go" || inTestdata(p) {
		return nil
	}
	f.syntax, err = parser.ParseFile(t.positions, p, text, parser.ParseComments|parser.SkipObjectResolution)
	return err
}

// code is the parsed Go files.
func (t *tree) code() []*file {
	return slices.DeleteFunc(slices.Clone(t.files), func(f *file) bool { return f.syntax == nil })
}

// packages is the parsed Go files by folder, and the folders in order.
func (t *tree) packages() (byDir map[string][]*file, dirs []string) {
	byDir = map[string][]*file{}
	for _, f := range t.code() {
		byDir[f.dir()] = append(byDir[f.dir()], f)
	}
	return byDir, slices.Sorted(maps.Keys(byDir))
}

// line is the line on which a node's position stands.
func (t *tree) line(pos token.Pos) int { return t.positions.Position(pos).Line }

// readable says whether rules read the text of a file: code, scripts, documents and go.mod.
func readable(p string) bool {
	kinds := []string{".go", ".sh", ".md", ".mod"}
	return slices.Contains(kinds, path.Ext(p)) || strings.HasPrefix(p, ".ci/")
}

// inTestdata says whether the go command ignores the file because of its folder.
func inTestdata(p string) bool {
	return strings.HasPrefix(p, "testdata/") || strings.Contains(p, "/testdata/")
}

// under says whether the file is below one of the folders.
func under(p string, folders []string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool { return strings.HasPrefix(p, folder) })
}

// exists says whether the file is there.
func exists(root fs.FS, p string) bool {
	_, err := fs.Stat(root, p)
	return err == nil
}

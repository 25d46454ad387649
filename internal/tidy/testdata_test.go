package tidy_test

import (
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
)

// literal finds the strings of tests and scripts, and the patterns of go:embed, that may name a file of testdata.
var literal = regexp.MustCompile("\"[^\"\\n]+\"|`[^`\\n]+`|'[^'\\n]+'|testdata/\\S+")

// testdataIsUsed holds that every file below a testdata folder is read by a test or a script: by its name, by its name
// without the ending, by a pattern that matches it, or through its whole folder. The corpus of a fuzz target is read by
// that target.
func testdataIsUsed(t *tree) (findings []string) {
	names := namedStrings(t)
	targets := fuzzTargets(t)
	for _, f := range t.files {
		if !inTestdata(f.path) || slices.ContainsFunc(targets, func(corpus string) bool {
			return strings.HasPrefix(f.path, corpus)
		}) {
			continue
		}
		if !slices.ContainsFunc(names, func(name string) bool { return nameOf(name, f.path) }) {
			findings = append(findings, at(f.path, 1, "no test or script reads this file; use it or remove it"))
		}
	}
	return findings
}

// namedStrings is every string in the tests and the scripts, but not in these tests, which plant names.
func namedStrings(t *tree) (names []string) {
	for _, f := range t.files {
		script := path.Ext(f.path) == ".sh" || strings.HasPrefix(f.path, ".ci/")
		if !script && !f.isTest() || inTestdata(f.path) || f.dir() == "internal/tidy" {
			continue
		}
		for _, found := range literal.FindAllString(f.text, -1) {
			names = append(names, strings.Trim(found, "\"`'"))
		}
	}
	return names
}

// nameOf says whether a string found in code names the file of testdata.
func nameOf(name, file string) bool {
	base := path.Base(file)
	if name == base || strings.HasSuffix(name, "/"+base) || name == strings.TrimSuffix(base, path.Ext(base)) {
		return true
	}
	short := file[strings.LastIndex(file, "testdata/"):] // as a test of the package writes it
	name = strings.TrimPrefix(name, "./")
	for _, whole := range []string{short, file} {
		if matched, _ := path.Match(name, whole); matched || strings.TrimSuffix(name, "/") == path.Dir(whole) {
			return true
		}
	}
	return false
}

// fuzzTargets is the corpus folder of every fuzz target.
func fuzzTargets(t *tree) (folders []string) {
	for _, f := range t.code() {
		for _, decl := range f.syntax.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if ok && f.isTest() && strings.HasPrefix(fn.Name.Name, "Fuzz") {
				folders = append(folders, path.Join(f.dir(), "testdata/fuzz", fn.Name.Name)+"/")
			}
		}
	}
	return folders
}

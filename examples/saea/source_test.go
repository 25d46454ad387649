package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sources gives the files of this package by name, tests included.
func sources(t *testing.T) (*token.FileSet, map[string]*ast.File) {
	t.Helper()
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	files := token.NewFileSet()
	parsed := map[string]*ast.File{}
	for _, name := range names {
		parsed[name], err = parser.ParseFile(files, name, nil, parser.ParseComments)
		require.NoError(t, err)
	}
	return files, parsed
}

// P18: a start whose result nobody looks at loses every operation that is done at once.
func TestNoResultOfAStartIsIgnored(t *testing.T) {
	files, parsed := sources(t)
	starts := 0
	for _, file := range parsed {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if isStart(n) {
					starts++
				}
			case *ast.ExprStmt:
				call, ok := n.X.(*ast.CallExpr)
				require.False(t, ok && isStart(call), "%s: the result is ignored", files.Position(n.Pos()))
			}
			return true
		})
	}
	require.Greater(t, starts, 3, "the test does not find the starts")
}

func isStart(call *ast.CallExpr) bool {
	method, ok := call.Fun.(*ast.SelectorExpr)
	return ok && strings.HasSuffix(method.Sel.Name, "Async")
}

// P13: only main.go can print.
func TestNothingIsPrintedWhileServing(t *testing.T) {
	printing := regexp.MustCompile(`\b(fmt\.(Fp|P)rint|os\.Std|log\.|print(ln)?\()`)
	_, parsed := sources(t)
	for name := range parsed {
		if name == "main.go" || name == "doc.go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		require.NotRegexp(t, printing, string(text), name)
	}
}

func TestThePackageCommentNamesEachDefectAndTestsThatExist(t *testing.T) {
	_, parsed := sources(t)
	comment := parsed["doc.go"].Doc.Text()
	tests := map[string]bool{}
	for _, file := range parsed {
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok {
				tests[f.Name.Name] = true
			}
		}
	}
	for _, name := range regexp.MustCompile(`Test\w+`).FindAllString(comment, -1) {
		require.True(t, tests[name], "there is no %s", name)
	}
	rows := regexp.MustCompile(`(?m)^\tP\d+ `).FindAllString(comment, -1)
	require.Len(t, rows, 21)
}

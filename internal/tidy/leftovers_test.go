package tidy_test

import (
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
)

// openEnd finds the words by which work is left for later. They are put together here so that this file, which is read
// too, does not contain them.
var openEnd = regexp.MustCompile(strings.Join([]string{"TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"}, "|"))

// vague is the file names that say nothing about what is inside.
var vague = []string{"util", "utils", "common", "helper", "helpers", "misc"}

// nothingIsLeftOpen holds that code, scripts and documents carry no marks of unfinished work, nested modules included.
func nothingIsLeftOpen(t *tree) (findings []string) {
	for _, f := range t.files {
		for i, line := range strings.Split(f.text, "\n") {
			if mark := openEnd.FindString(line); mark != "" {
				findings = append(findings, at(f.path, i+1, "%s: finish it, or open an issue and take the mark out", mark))
			}
		}
	}
	return findings
}

// filesAreNamed holds that a Go file's name is a noun that says what the file is about.
func filesAreNamed(t *tree) (findings []string) {
	for _, f := range t.code() {
		stem := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(path.Base(f.path), ".go"), "_test"), "_unsafe")
		if slices.Contains(vague, stem) {
			findings = append(findings, at(f.path, 1, "%q says nothing about the file; name it for what it holds", stem))
		}
	}
	return findings
}

// testsDoNotSleep holds that tests wait on what they wait for: no time.Sleep, nor a bare receive from time.After,
// which is the same thing.
func testsDoNotSleep(t *tree) (findings []string) {
	for _, f := range t.code() {
		if !f.isTest() || importOf(f, "time") == nil {
			continue
		}
		ast.PreorderStack(f.syntax, nil, func(n ast.Node, stack []ast.Node) bool {
			if isTimeFunc(n, "Sleep") || isBareAfter(n, stack) {
				findings = append(findings, at(f.path, t.line(n.Pos()),
					"a test may not sleep; wait on a channel, a deadline or a counter"))
			}
			return true
		})
	}
	return findings
}

// isTimeFunc says whether the node names the function of package time.
func isTimeFunc(n ast.Node, name string) bool {
	selector, ok := n.(*ast.SelectorExpr)
	return ok && isIdent(selector.X, "time") && selector.Sel.Name == name
}

// isBareAfter says whether the node is the statement <-time.After(d), outside a select.
func isBareAfter(n ast.Node, stack []ast.Node) bool {
	statement, ok := n.(*ast.ExprStmt)
	if !ok {
		return false
	}
	if choice, ok := stack[len(stack)-1].(*ast.CommClause); ok && choice.Comm == statement {
		return false
	}
	receive, ok := statement.X.(*ast.UnaryExpr)
	if !ok {
		return false
	}
	call, ok := receive.X.(*ast.CallExpr)
	return ok && isTimeFunc(call.Fun, "After")
}

// goModReplacesNothing holds that users get what we build: a replacement works only in our own tree.
func goModReplacesNothing(t *tree) (findings []string) {
	for _, f := range t.files {
		if f.path != "go.mod" {
			continue
		}
		for i, line := range strings.Split(f.text, "\n") {
			if strings.HasPrefix(strings.TrimSpace(line), "replace") {
				findings = append(findings, at(f.path, i+1, "replace works only here, not for users; ask for a version instead"))
			}
		}
	}
	return findings
}

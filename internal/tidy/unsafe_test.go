package tidy_test

import (
	"go/ast"
	"slices"
	"strconv"
	"strings"
)

// safetyReach is how many lines above a conversion its comment may end: room for a declaration or two that the
// conversion needs, and for the conversions that share one reason.
const safetyReach = 3

// unsafeHasAPlace holds that only *_unsafe.go files of the packages whose row says so import unsafe. Tests are free.
func unsafeHasAPlace(t *tree) (findings []string) {
	for _, f := range t.code() {
		spec := importOf(f, "unsafe")
		if f.isTest() || spec == nil {
			continue
		}
		line := t.line(spec.Pos())
		if r, _ := rowOf(f.dir()); !r.unsafe {
			findings = append(findings, at(f.path, line, "%s may not import unsafe; ask a lower package for what it needs",
				f.dir()))
		} else if !strings.HasSuffix(f.path, "_unsafe.go") {
			findings = append(findings, at(f.path, line, "unsafe stands only in files that end in _unsafe.go"))
		}
	}
	return findings
}

// conversionsAreExplained holds that a SAFETY comment stands above every conversion that the compiler cannot check.
func conversionsAreExplained(t *tree) (findings []string) {
	for _, f := range t.code() {
		if f.isTest() || importOf(f, "unsafe") == nil {
			continue
		}
		reasons := safetyComments(t, f)
		ast.PreorderStack(f.syntax, nil, func(n ast.Node, stack []ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || !isConversion(call) {
				return true
			}
			line := t.line(call.Pos())
			statement := t.line(innermost(stack).Pos())
			if !slices.ContainsFunc(reasons, func(end int) bool {
				return end < line && end >= line-safetyReach || end == statement-1
			}) {
				findings = append(findings, at(f.path, line,
					"unsafe conversion without a // SAFETY: comment above it; say why the memory is valid and stays so"))
			}
			return false // what is nested in it has the same reason
		})
	}
	return findings
}

// safetyComments is the last lines of the comments that give a reason.
func safetyComments(t *tree, f *file) (ends []int) {
	for _, group := range f.syntax.Comments {
		if slices.ContainsFunc(group.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "// SAFETY: ") }) {
			ends = append(ends, t.line(group.End()))
		}
	}
	return ends
}

// isConversion says whether the call is a conversion to or from unsafe.Pointer, or pointer arithmetic. A conversion
// to a pointer type, (*T)(p), counts: in a file that imports unsafe its operand usually is an unsafe.Pointer. SliceData
// does not: like &s[0], it gives a typed pointer into live memory.
func isConversion(call *ast.CallExpr) bool {
	fun := ast.Unparen(call.Fun)
	if selector, ok := fun.(*ast.SelectorExpr); ok {
		functions := []string{"Pointer", "Slice", "String", "StringData", "Add"}
		return isIdent(selector.X, "unsafe") && slices.Contains(functions, selector.Sel.Name)
	}
	_, pointer := fun.(*ast.StarExpr)
	return pointer && len(call.Args) == 1 && !isIdent(call.Args[0], "nil")
}

// innermost is the last statement, declaration or specification on the way down to a node.
func innermost(stack []ast.Node) ast.Node {
	for _, n := range slices.Backward(stack) {
		switch n.(type) {
		case ast.Stmt, ast.Decl, ast.Spec:
			return n
		}
	}
	return stack[0]
}

// importOf is the import of a path, nil when the file has none.
func importOf(f *file, imported string) *ast.ImportSpec {
	i := slices.IndexFunc(f.syntax.Imports, func(spec *ast.ImportSpec) bool {
		return spec.Path.Value == strconv.Quote(imported)
	})
	if i < 0 {
		return nil
	}
	return f.syntax.Imports[i]
}

// isIdent says whether the expression is the plain name.
func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

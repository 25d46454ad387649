package tidy_test

import (
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// onePackageComment holds that every package has its comment once, in doc.go, or in main.go when it is a command.
func onePackageComment(t *tree) (findings []string) {
	byDir, dirs := t.packages()
	for _, dir := range dirs {
		var places []string
		for _, f := range byDir[dir] {
			if f.isTest() || f.syntax.Doc.Text() == "" {
				continue
			}
			places = append(places, f.path)
			base := path.Base(f.path)
			if base != "doc.go" && (base != "main.go" || f.syntax.Name.Name != "main") {
				findings = append(findings, at(f.path, t.line(f.syntax.Doc.Pos()),
					"the package comment belongs in doc.go (main.go for a command)"))
			}
		}
		if len(places) != 1 {
			findings = append(findings, at(byDir[dir][0].path, 1,
				"package %s has %d package comments %v; it needs one, in doc.go", dir, len(places), places))
		}
	}
	return findings
}

// exportedNamesAreDocumented holds that every exported name has a comment that begins with it.
func exportedNamesAreDocumented(t *tree) (findings []string) {
	for _, f := range t.code() {
		if f.isTest() {
			continue
		}
		for _, decl := range f.syntax.Decls {
			for _, id := range undocumented(decl) {
				findings = append(findings, at(f.path, t.line(id.Pos()),
					"exported %s needs a doc comment that begins with its name", id.Name))
			}
		}
	}
	return findings
}

// undocumented is the exported names of a declaration that lack their comment.
func undocumented(decl ast.Decl) []*ast.Ident {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && exportedReceiver(d) && !beginsWith(d.Doc, d.Name.Name) {
			return []*ast.Ident{d.Name}
		}
	case *ast.GenDecl:
		return undocumentedSpecs(d)
	}
	return nil
}

// undocumentedSpecs does the same for types, constants and variables.
func undocumentedSpecs(d *ast.GenDecl) (missing []*ast.Ident) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && !beginsWith(commentOf(d, s.Doc), s.Name.Name) {
				missing = append(missing, s.Name)
			}
		case *ast.ValueSpec:
			missing = append(missing, undocumentedValues(d, s)...)
		}
	}
	return missing
}

// undocumentedValues does the same for one line of constants or variables. Inside a group a comment of the group or
// of the line is enough, whatever it begins with: errno tables and flag sets read better so.
func undocumentedValues(d *ast.GenDecl, s *ast.ValueSpec) []*ast.Ident {
	exported := slices.DeleteFunc(slices.Clone(s.Names), func(id *ast.Ident) bool { return !id.IsExported() })
	if len(exported) == 0 {
		return nil
	}
	if d.Lparen != token.NoPos {
		if d.Doc.Text() != "" || s.Doc.Text() != "" || s.Comment.Text() != "" {
			return nil
		}
		return exported
	}
	if beginsWith(commentOf(d, s.Doc), exported[0].Name) {
		return nil
	}
	return exported
}

// commentOf is the comment of a specification, which go/ast keeps at the declaration when there is no group.
func commentOf(d *ast.GenDecl, own *ast.CommentGroup) *ast.CommentGroup {
	if d.Lparen == token.NoPos && own == nil {
		return d.Doc
	}
	return own
}

// exportedReceiver says whether a function can be reached from outside: it has no receiver, or one of exported type.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	receiver := d.Recv.List[0].Type
	for {
		switch e := receiver.(type) {
		case *ast.StarExpr:
			receiver = e.X
		case *ast.IndexExpr:
			receiver = e.X
		case *ast.IndexListExpr:
			receiver = e.X
		case *ast.Ident:
			return e.IsExported()
		default:
			return true
		}
	}
}

// beginsWith says whether the comment's first word is the name; an article may stand before it.
func beginsWith(doc *ast.CommentGroup, name string) bool {
	text := doc.Text()
	for _, article := range []string{"A ", "An ", "The "} {
		text = strings.TrimPrefix(text, article)
	}
	rest, ok := strings.CutPrefix(text, name)
	if !ok {
		return false
	}
	next, _ := utf8.DecodeRuneInString(rest)
	return !unicode.IsLetter(next) && !unicode.IsDigit(next) && next != '_'
}

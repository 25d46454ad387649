package tidy_test

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// named finds what a document points to: the targets of its links, and the files that it names in backquotes.
var named = regexp.MustCompile("\\]\\(([^()\\s]+)\\)|`([\\w.-]+(?:/[\\w.-]+)+\\.(?:go|sh|md|svg))`")

// documents is the Markdown files of the module.
func documents(t *tree) []*file {
	return slices.DeleteFunc(slices.Clone(t.files), func(f *file) bool {
		return path.Ext(f.path) != ".md" || inTestdata(f.path)
	})
}

// documentsShowWhatCompiles holds that every Go block of a document stands in a test file, so that it is compiled.
// Indentation does not count: in the test it may be the body of a function.
func documentsShowWhatCompiles(t *tree) (findings []string) {
	var tests []string
	for _, f := range t.code() {
		if f.isTest() && f.dir() != "internal/tidy" {
			tests = append(tests, flat(strings.Split(f.text, "\n")))
		}
	}
	for _, f := range documents(t) {
		for _, b := range goBlocks(f.text) {
			if !slices.ContainsFunc(tests, func(text string) bool { return strings.Contains(text, flat(b.lines)) }) {
				findings = append(findings, at(f.path, b.line,
					"no test file has this code, so nobody compiles it; copy it from an example_test.go"))
			}
		}
	}
	return findings
}

// block is the lines between two fences.
type block struct {
	line  int // of the opening fence, from 1
	lines []string
}

// goBlocks is the blocks of a document that are Go code. One that is not closed runs to the end.
func goBlocks(text string) (blocks []block) {
	inside, ours := false, false
	for i, line := range strings.Split(text, "\n") {
		switch fence, ok := strings.CutPrefix(strings.TrimSpace(line), "```"); {
		case ok && !inside:
			inside, ours = true, fence == "go"
			if ours {
				blocks = append(blocks, block{line: i + 1})
			}
		case ok:
			inside, ours = false, false
		case ours:
			last := &blocks[len(blocks)-1]
			last.lines = append(last.lines, line)
		}
	}
	return blocks
}

// flat is lines without their indentation, with a newline before and after, so that lines match as a whole.
func flat(lines []string) string {
	text := "\n"
	for _, line := range lines {
		text += strings.TrimSpace(line) + "\n"
	}
	return text
}

// documentsNameWhatIsThere holds that the files and folders that documents link to, or name, exist.
func documentsNameWhatIsThere(t *tree) (findings []string) {
	for _, f := range documents(t) {
		for i, line := range strings.Split(f.text, "\n") {
			for _, found := range named.FindAllStringSubmatch(line, -1) {
				target, _, _ := strings.Cut(found[1]+found[2], "#")
				if target == "" || strings.Contains(target, "://") {
					continue
				}
				if found[1] != "" {
					target = path.Join(f.dir(), target) // a link is relative to its document
				}
				if !t.has(target) {
					findings = append(findings, at(f.path, i+1, "there is no %s; name what is there", target))
				}
			}
		}
	}
	return findings
}

// has says whether there is a file or a folder of that path.
func (t *tree) has(p string) bool {
	return slices.ContainsFunc(t.files, func(f *file) bool {
		return f.path == p || strings.HasPrefix(f.path, strings.TrimSuffix(p, "/")+"/")
	})
}

// The document with the import table, and the table's head.
const (
	tableFile = "ARCHITECTURE.md"
	tableHead = "| package | may import of ours | modules of others | unsafe |"
)

// theImportTableIsWritten holds that ARCHITECTURE.md has the row of every package that there is, and no row that is not
// in the architecture.
func theImportTableIsWritten(t *tree) (findings []string) {
	i := slices.IndexFunc(t.files, func(f *file) bool { return f.path == tableFile })
	if i < 0 {
		return []string{at(tableFile, 1, "it is missing; it has the import table for people")}
	}
	written, line := importTable(t.files[i].text)
	if line == 0 {
		return []string{at(tableFile, 1, "it has no table that begins with %q", tableHead)}
	}
	_, dirs := t.packages()
	var known []string
	for _, r := range architecture {
		known = append(known, r.markdown())
		needed := slices.ContainsFunc(dirs, func(dir string) bool { of, _ := rowOf(dir); return of.pkg == r.pkg })
		if needed && !slices.Contains(written, r.markdown()) {
			findings = append(findings, at(tableFile, line, "the import table lacks this row: %s", r.markdown()))
		}
	}
	for i, row := range written {
		if !slices.Contains(known, row) {
			findings = append(findings, at(tableFile, line+2+i, "the architecture has no such row; see imports_test.go"))
		}
	}
	return findings
}

// importTable is the rows below the table's head, and the line of the head; 0 when there is no such table.
func importTable(text string) (rows []string, line int) {
	lines := strings.Split(text, "\n")
	head := slices.Index(lines, tableHead)
	if head < 0 {
		return nil, 0
	}
	for _, row := range lines[min(head+2, len(lines)):] { // behind the rule below the head
		if !strings.HasPrefix(row, "|") {
			break
		}
		rows = append(rows, row)
	}
	return rows, head + 1
}

// markdown is a row as people read it.
func (r row) markdown() string {
	foreign := list(r.foreign)
	if slices.Contains(r.foreign, anyModule) {
		foreign = "any"
	}
	mayUnsafe := "no"
	if r.unsafe {
		mayUnsafe = "yes"
	}
	return "| " + strings.Join([]string{"`" + r.pkg + "`", list(r.ours), foreign, mayUnsafe}, " | ") + " |"
}

// list is names with commas between them.
func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

package sys_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template"

	"github.com/stretchr/testify/require"
)

// header is the installed <linux/io_uring.h>, preprocessed.
type header struct {
	version kernelVersion
	text    string
	words   map[string]bool
}

// question is what the C program is asked; its members are in the kernel's spelling.
type question struct {
	Constants []string
	Structs   []structQuestion
}

// structQuestion asks for one struct.
type structQuestion struct {
	Name    string
	Members []string
}

// TestAgreesWithTheKernelHeader compiles a C program that prints what the installed header says. The header may be
// older than this package or newer: what it does not know yet is not asked, what it ought to know must be there.
func TestAgreesWithTheKernelHeader(t *testing.T) {
	cc := findCompiler(t)
	h := readHeader(t, cc)
	asked, want := ask(t, h)
	t.Logf("header %s: %d constants, %d structs", h.version, len(asked.Constants), len(asked.Structs))
	got := answer(t, cc, asked)
	require.Len(t, got, len(want))
	for what, value := range want {
		require.Equal(t, got[what], value, "the header and this package differ on %s", what)
	}
}

// findCompiler is a C compiler, or the end of the test where there is none.
func findCompiler(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"gcc", "cc"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const missing = "no gcc and no cc in PATH, so the kernel header cannot be asked"
	if os.Getenv("CI") == "true" { // where .ci/run has installed one
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// readHeader preprocesses the header, keeping the names of its macros.
func readHeader(t *testing.T, cc string) header {
	t.Helper()
	const source = "#include <linux/version.h>\n#include <linux/io_uring.h>\n"
	cmd := exec.Command(cc, "-E", "-dD", "-x", "c", "-")
	cmd.Stdin = strings.NewReader(source)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if strings.Contains(stderr.String(), "No such file") {
		t.Skipf("the kernel headers are not installed (Debian: linux-libc-dev): %s", &stderr)
	}
	require.NoError(t, err, "%s", &stderr)
	h := header{text: string(text), words: map[string]bool{}}
	for _, word := range regexp.MustCompile(`\w+`).FindAllString(h.text, -1) {
		h.words[word] = true
	}
	code := regexp.MustCompile(`#define LINUX_VERSION_CODE (\d+)`).FindStringSubmatch(h.text)
	require.NotNil(t, code)
	n, err := strconv.Atoi(code[1])
	require.NoError(t, err)
	h.version = kernelVersion(n >> 8)
	return h
}

// ask makes the question that suits the header, and the answer that this package gives.
func ask(t *testing.T, h header) (asked question, want map[string]string) {
	t.Helper()
	want = map[string]string{}
	constants := kernelConstants(t)
	for _, name := range slices.Sorted(maps.Keys(constants)) {
		c := constants[name]
		if !h.words[name] {
			require.Greater(t, c.since(), h.version, "the header of %s should know %s", h.version, name)
			continue
		}
		asked.Constants = append(asked.Constants, name)
		want["constant "+name] = strconv.FormatInt(c.value, 10)
	}
	for _, l := range layouts {
		body := h.structBody(l.kernel)
		if body == "" {
			require.Greater(t, l.since, h.version, "the header of %s should know struct %s", h.version, l.kernel)
			continue
		}
		asked.Structs = append(asked.Structs, askStruct(t, l, body, want))
	}
	return asked, want
}

// askStruct asks for the members of one struct, by the newest name that the header knows.
func askStruct(t *testing.T, l layout, body string, want map[string]string) structQuestion {
	t.Helper()
	q := structQuestion{Name: l.kernel}
	size := l.size
	for _, f := range l.fields {
		goField, ok := l.goType.FieldByName(f.name)
		require.True(t, ok, f.name)
		if l.kernel == "io_uring_probe" && f.name == "Ops" {
			size -= goField.Type.Size() // the kernel's is a flexible array
		}
		if len(f.members) == 0 {
			continue
		}
		i := slices.IndexFunc(f.members, func(member string) bool {
			return regexp.MustCompile(`\b` + member + `\b`).MatchString(body)
		})
		require.GreaterOrEqual(t, i, 0, "struct %s has none of %v", l.kernel, f.members)
		q.Members = append(q.Members, f.members[i])
		want["member "+l.kernel+"."+f.members[i]] = fmt.Sprintf("%d+%d", f.offset, goField.Type.Size())
	}
	want["size "+l.kernel] = strconv.FormatUint(uint64(size), 10)
	return q
}

// structBody is the text between the braces of a struct, "" where the header does not know it.
func (h header) structBody(name string) string {
	start := strings.Index(h.text, "struct "+name+" {")
	if start < 0 {
		return ""
	}
	body, _, _ := strings.Cut(h.text[start:], "\n};")
	return body
}

// answer compiles and runs the program, and reads its lines.
func answer(t *testing.T, cc string, asked question) map[string]string {
	t.Helper()
	dir := t.TempDir()
	source, program := filepath.Join(dir, "abi.c"), filepath.Join(dir, "abi")
	var text bytes.Buffer
	require.NoError(t, template.Must(template.ParseFiles("testdata/abi.c.tmpl")).Execute(&text, asked))
	require.NoError(t, os.WriteFile(source, text.Bytes(), 0o600))
	output, err := exec.Command(cc, "-o", program, source).CombinedOutput()
	require.NoError(t, err, "%s", output)
	output, err = exec.Command(program).Output()
	require.NoError(t, err)
	got := map[string]string{}
	for line := range strings.Lines(string(output)) {
		words := strings.Fields(line)
		require.Len(t, words, 3)
		got[words[0]+" "+words[1]] = words[2]
	}
	return got
}

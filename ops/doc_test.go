package ops_test

import (
	"go/ast"
	"go/doc"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// packageComment gives the package comment of ops, parsed, and the package that its links are looked up in.
func packageComment(t *testing.T) (*comment.Doc, *doc.Package) {
	t.Helper()
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	fileSet := token.NewFileSet()
	var files []*ast.File
	for _, entry := range entries {
		if name := entry.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			file, err := parser.ParseFile(fileSet, name, nil, parser.ParseComments)
			require.NoError(t, err)
			files = append(files, file)
		}
	}
	p, err := doc.NewFromFiles(fileSet, files, "github.com/ringport/ringport/ops")
	require.NoError(t, err)
	return p.Parser().Parse(p.Doc), p
}

// underHeading gives the preformatted text that follows a heading of the comment.
func underHeading(t *testing.T, d *comment.Doc, heading string) (text string) {
	t.Helper()
	inside := false
	for _, block := range d.Content {
		switch block := block.(type) {
		case *comment.Heading:
			title, _ := block.Text[0].(comment.Plain)
			inside = string(title) == heading
		case *comment.Code:
			if inside {
				text += block.Text
			}
		}
	}
	require.NotEmpty(t, text, "nothing stands under %q", heading)
	return text
}

// requireRows holds that a table has a row for each name.
func requireRows(t *testing.T, table string, names []string) {
	t.Helper()
	lines := strings.Split(table, "\n")
	for _, name := range names {
		require.True(t, slices.ContainsFunc(lines, func(line string) bool {
			rest, ok := strings.CutPrefix(line, name)
			return ok && strings.HasPrefix(rest, " ")
		}), "there is no row for %s", name)
	}
}

func TestThePackageCommentListsEveryMemberOfSocketAsyncEventArgs(t *testing.T) {
	d, _ := packageComment(t)
	requireRows(t, underHeading(t, d, "From SocketAsyncEventArgs"), []string{
		"SocketAsyncEventArgs()", "SocketAsyncEventArgs(bool)",
		"AcceptSocket", "Buffer", "BufferList", "BytesTransferred", "ConnectByNameError", "ConnectSocket", "Count",
		"DisconnectReuseSocket", "LastOperation", "MemoryBuffer", "Offset", "ReceiveMessageFromPacketInfo",
		"RemoteEndPoint", "SendPacketsElements", "SendPacketsFlags", "SendPacketsSendSize",
		"SocketClientAccessPolicyProtocol", "SocketError", "SocketFlags", "UserToken",
		"Completed", "OnCompleted", "Dispose", "Finalize, Dispose(bool)",
		"SetBuffer(Byte[], Int32, Int32)", "SetBuffer(Int32, Int32)", "SetBuffer(Memory<Byte>)",
		"EventArgs.Empty", "Equals, ReferenceEquals", "GetHashCode", "GetType", "MemberwiseClone", "ToString",
	})
}

func TestThePackageCommentListsEveryAsyncMethodOfSocket(t *testing.T) {
	d, _ := packageComment(t)
	requireRows(t, underHeading(t, d, "From Socket"), []string{
		"AcceptAsync", "ConnectAsync", "ConnectAsync(SocketType, ...)", "ConnectAsync(..., ConnectAlgorithm)",
		"CancelConnectAsync", "DisconnectAsync", "ReceiveAsync", "ReceiveFromAsync", "ReceiveMessageFromAsync",
		"SendAsync", "SendPacketsAsync", "SendToAsync", "SendFileAsync",
	})
}

// A link in brackets that leads nowhere stays plain text with its brackets.
func TestEveryLinkOfThePackageCommentLeadsSomewhere(t *testing.T) {
	d, p := packageComment(t)
	text := string(p.Printer().Text(d))
	for _, word := range strings.Fields(text) {
		require.NotRegexp(t, `^\[[A-Z]\w*(\.\w+)?\]`, word)
	}
}

func TestTheFirstProgramIsTheOneThatIsCompiled(t *testing.T) {
	d, _ := packageComment(t)
	program, err := os.ReadFile("../examples/first/main.go")
	require.NoError(t, err)
	_, body, found := strings.Cut(string(program), ")\n\n")
	require.True(t, found)
	require.Equal(t, body, underHeading(t, d, "A first program"))
}

package echod

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

// manual is the items of echod(8) that describe flags, by the flag's name: the text up to the next flag.
func manual(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/echod.8")
	require.NoError(t, err)
	items := map[string]string{}
	parts := regexp.MustCompile(`(?m)^\.It Fl `).Split(string(page), -1)
	for _, part := range parts[1:] {
		head, text, _ := strings.Cut(part, "\n")
		names := regexp.MustCompile(`-([a-z][a-z-]+)`).FindStringSubmatch(head)
		require.NotNil(t, names, head)
		require.NotContains(t, items, names[1], "it is described twice")
		text, _, _ = strings.Cut(text, "\n.El\n.S") // the end of the last list of a section
		items[names[1]] = text
	}
	return items
}

// flags is the flags of all commands, by name.
func flags(t *testing.T) map[string]*kong.Flag {
	t.Helper()
	parser, err := kong.New(&commands{}, kong.Name("echod"), defaults())
	require.NoError(t, err)
	all := map[string]*kong.Flag{}
	require.NoError(t, kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok && !flag.Hidden {
			all[flag.Name] = flag
		}
		return next(nil)
	}))
	return all
}

func TestTheManualPageHasEveryFlagAndNoOther(t *testing.T) {
	require.Equal(t, slices.Sorted(maps.Keys(flags(t))), slices.Sorted(maps.Keys(manual(t))))
}

func TestTheManualPageTellsTheDefaults(t *testing.T) {
	items := manual(t)
	for name, flag := range flags(t) {
		if flag.Default == "" {
			continue
		}
		require.Regexp(t, `(?s)default is\s+(\.Li )?`+regexp.QuoteMeta(flag.Default)+`\b`, items[name], "--%s", name)
	}
}

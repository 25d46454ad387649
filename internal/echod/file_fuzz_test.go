package echod

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzAFileIsReadOrRefused(f *testing.F) {
	for _, text := range []string{
		"", "max-conns = 3\n", "listen = [\n\"tcp://:1\",\n]\nbuffers = 7", "a.b.c = 1\na.b.d = 2",
		"[a.b]\nc = 1\n[[d]]\n[[d]]", "high-water = 1e3", `"" = 1`, "a = {b = 1}", "max-conns = ",
		"idle-timeout = 1979-05-27T07:32:00Z", "\xef\xbb\xbfa = 1",
	} {
		f.Add(text)
	}
	var c commands
	flags := settings(&c)
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := entriesOf(text)
		if err != nil {
			require.Regexp(t, `^FILE(:\d+)?: .`, syntaxFault("FILE", err).Error())
			return
		}
		for _, e := range entries {
			require.Positive(t, e.line, "%q", e.key)
			if value, err := e.valueFor(flags); err == nil {
				require.NotNil(t, value)
			}
		}
	})
}

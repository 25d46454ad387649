package bufring_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/bufring"
)

func TestValidateNamesEveryWrongField(t *testing.T) {
	tests := []struct {
		name string
		cfg  bufring.Config
		want []string // fields named, in order
	}{
		{"zero is the default", bufring.Config{}, nil},
		{"least", bufring.Config{Buffers: 1, Size: bufring.MinBufferSize, Posted: 1}, nil},
		{"most", bufring.Config{ID: 65535, Buffers: bufring.MaxBuffers, Size: bufring.MaxBufferSize,
			Posted: bufring.MaxBuffers}, nil},
		{"fewer buffers than are posted by default", bufring.Config{Buffers: 3}, nil},
		{"negative buffers", bufring.Config{Buffers: -1}, []string{"Buffers"}},
		{"too many buffers", bufring.Config{Buffers: bufring.MaxBuffers + 1}, []string{"Buffers"}},
		{"negative size", bufring.Config{Size: -1}, []string{"Size"}},
		{"too small", bufring.Config{Size: bufring.MinBufferSize - 1}, []string{"Size"}},
		{"too large", bufring.Config{Size: bufring.MaxBufferSize + 1}, []string{"Size"}},
		{"negative posted", bufring.Config{Posted: -1}, []string{"Posted"}},
		{"more posted than there are", bufring.Config{Buffers: 16, Posted: 17}, []string{"Posted"}},
		{"more posted than by default there are", bufring.Config{Posted: bufring.DefaultBuffers + 1}, []string{"Posted"}},
		{"posted beyond the ring as the buffers are", bufring.Config{Buffers: 100000, Posted: 50000},
			[]string{"Buffers", "Posted"}},
		{"everything", bufring.Config{Buffers: -1, Size: 1, Posted: -1}, []string{"Buffers", "Size", "Posted"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.cfg.Validate()
			if test.want == nil {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			lines := strings.Split(err.Error(), "\n")
			require.Len(t, lines, len(test.want))
			for i, field := range test.want {
				require.Regexp(t, `^bufring: `+field+` is -?\d+, want \d+ to \d+$`, lines[i])
			}
		})
	}
}

func TestAGroupOfAWrongConfigIsNotMade(t *testing.T) {
	k := newKernel(t, bufring.Config{})
	_, err := bufring.New(k, bufring.Config{Size: 1}, nil)
	require.ErrorContains(t, err, "Size")
	require.Empty(t, k.calls)
}

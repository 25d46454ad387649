package size_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/size"
)

func TestSizesTakeUnits(t *testing.T) {
	tests := []struct {
		text string
		want size.Size
	}{
		{"0", 0}, {"4096", 4096}, {"64B", 64}, {"16KiB", 16 << 10}, {"16 KiB", 16 << 10}, {"16kib", 16 << 10},
		{"16K", 16 << 10}, {"16k", 16 << 10}, {"1MiB", 1 << 20}, {"2M", 2 << 20}, {"3GiB", 3 << 30}, {" 8KiB ", 8 << 10},
	}
	for _, test := range tests {
		var got size.Size
		require.NoError(t, got.UnmarshalText([]byte(test.text)), "%q", test.text)
		require.Equal(t, test.want, got, "%q", test.text)
	}
}

func TestWhatIsNoSizeIsRefusedByName(t *testing.T) {
	for _, text := range []string{"", "KiB", "-1", "1.5KiB", "16KB", "16 KiB B", "16XiB", "0x10", "1 6", "1e3", "+4",
		"99999999999999999999", "9999999999GiB"} {
		var got size.Size
		err := got.UnmarshalText([]byte(text))
		require.ErrorContains(t, err, `"`+text+`"`)
		require.Zero(t, got)
	}
}

func TestASizeIsWrittenWithTheLargestUnit(t *testing.T) {
	for want, s := range map[string]size.Size{
		"0B": 0, "1B": 1, "1025B": 1025, "16KiB": 16 << 10, "1MiB": 1 << 20, "1536KiB": 1536 << 10, "4GiB": 4 << 30,
	} {
		require.Equal(t, want, s.String())
		var back size.Size
		require.NoError(t, back.UnmarshalText([]byte(want)))
		require.Equal(t, s, back)
	}
}

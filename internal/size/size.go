package size

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes that people write with a unit: 4096, 16KiB, 1MiB.
type Size int

// units goes from the largest down. The short forms are those of ulimit, dd and systemd, and powers of 1024 there too.
var units = []struct {
	name, short string
	bytes       int
}{
	{"GiB", "G", 1 << 30}, {"MiB", "M", 1 << 20}, {"KiB", "K", 1 << 10}, {"B", "", 1},
}

// UnmarshalText reads a size. Units may be in any case.
func (s *Size) UnmarshalText(text []byte) error {
	written := strings.TrimSpace(string(text))
	digits := strings.TrimRight(written, "KMGiBkmgb ")
	unit, ok := unitBytes(strings.TrimSpace(written[len(digits):]))
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || !ok {
		return fmt.Errorf("%q is no size; write for example 4096, 16KiB or 1MiB", text)
	}
	if n > uint64(math.MaxInt/unit) {
		return fmt.Errorf("%q is more than any machine has", text)
	}
	*s = Size(int(n) * unit)
	return nil
}

func unitBytes(name string) (bytes int, ok bool) {
	for _, u := range units {
		if strings.EqualFold(name, u.name) || strings.EqualFold(name, u.short) {
			return u.bytes, true
		}
	}
	return 1, false
}

// String writes the size with the largest unit that leaves no rest.
func (s Size) String() string {
	for _, u := range units {
		if int(s)%u.bytes == 0 && s != 0 {
			return strconv.Itoa(int(s)/u.bytes) + u.name
		}
	}
	return "0B"
}

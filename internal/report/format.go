package report

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// What values look like to people: three digits that count, with a unit.

func perSecond(v float64) string { return decimal(v, "/s") }

func bytesPerSecond(v float64) string { return decimal(v, "B/s") }

func byteCount(v float64) string { return decimal(v, "B") }

// decimal is a number with a prefix of the SI.
func decimal(v float64, unit string) string {
	prefixes := []string{"", "k", "M", "G", "T"}
	i := 0
	for ; math.Abs(v) >= 999.5 && i < len(prefixes)-1; i++ {
		v /= 1000
	}
	return digits(v) + " " + prefixes[i] + unit
}

// seconds is a time.
func seconds(v float64) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{time.Second, "s"}, {time.Millisecond, "ms"}, {time.Microsecond, "µs"}} {
		if scaled := v * float64(time.Second/unit.length); math.Abs(scaled) >= 0.9995 {
			return digits(scaled) + " " + unit.name
		}
	}
	return digits(v*1e9) + " ns"
}

// digits is three digits, or all of those before the point.
func digits(v float64) string {
	switch size := math.Abs(v); {
	case size == 0:
		return "0"
	case size >= 99.95:
		return fmt.Sprintf("%.0f", v)
	case size >= 9.995:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// ratio is how many times something is something else.
func ratio(v float64) string {
	if math.Abs(v) >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// span is a range, with the unit once when both ends have the same.
func span(low, high string) string {
	lowNumber, lowUnit, _ := strings.Cut(low, " ")
	_, highUnit, _ := strings.Cut(high, " ")
	if lowUnit == highUnit {
		low = lowNumber
	}
	return low + "–" + high
}

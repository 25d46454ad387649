package report

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/plot"
)

// spare is what a logarithmic axis shows beyond the outermost values.
const spare = 1.3

// logAxis makes an axis logarithmic, from the least value to the greatest. Both are above 0.
func logAxis(axis *plot.Axis, least, greatest float64, ticks plot.Ticker) {
	axis.Scale = plot.LogScale{}
	axis.Tick.Marker = ticks
	axis.Min, axis.Max = least/spare, greatest*spare
}

// zeroAxis makes an axis linear, from 0 on.
func zeroAxis(axis *plot.Axis, greatest float64, format func(float64) string) {
	axis.Min, axis.Max = 0, greatest*1.08
	axis.Tick.Marker = plot.TickerFunc(func(low, high float64) []plot.Tick {
		ticks := plot.DefaultTicks{}.Ticks(low, high)
		for i := range ticks {
			switch {
			case ticks[i].Value == 0:
				ticks[i].Label = "0"
			case ticks[i].Label != "":
				ticks[i].Label = short(format(ticks[i].Value))
			}
		}
		return ticks
	})
}

// steps has a mark at 1, 2 and 5 of every decade, or at 1 alone when there are many.
type steps struct {
	format func(float64) string
}

// Ticks are the marks of a range.
func (s steps) Ticks(low, high float64) []plot.Tick {
	factors := []float64{1, 2, 5}
	if high/low > 1e4 {
		factors = factors[:1]
	}
	var ticks []plot.Tick
	for decade := math.Floor(math.Log10(low)); decade <= math.Ceil(math.Log10(high)); decade++ {
		for _, factor := range factors {
			if v := factor * math.Pow(10, decade); low <= v && v <= high {
				ticks = append(ticks, plot.Tick{Value: v, Label: short(s.format(v))})
			}
		}
	}
	return ticks
}

// counts has a mark at each of some numbers of connections.
type counts []int

// Ticks are the numbers.
func (c counts) Ticks(float64, float64) []plot.Tick {
	var ticks []plot.Tick
	for _, n := range c {
		ticks = append(ticks, plot.Tick{Value: float64(n), Label: fmt.Sprint(n)})
	}
	return ticks
}

// nines has a mark at each percentile that is one nine longer. The axis is 1/(1-p).
type nines struct{}

// Ticks are 50 %, 90 %, 99 % and so on.
func (nines) Ticks(low, high float64) []plot.Tick {
	ticks := []plot.Tick{{Value: 2, Label: "50 %"}}
	for v, label := 10.0, "90 %"; v <= high; v *= 10 {
		ticks = append(ticks, plot.Tick{Value: v, Label: label})
		switch label {
		case "90 %":
			label = "99 %"
		case "99 %":
			label = "99.9 %"
		default:
			label = strings.Replace(label, " %", "9 %", 1)
		}
	}
	return ticks
}

// short is a formatted value without digits that say nothing: 200 µs for 200.00 µs, 1 ms for 1.00 ms.
func short(text string) string {
	number, unit, _ := strings.Cut(text, " ")
	if strings.Contains(number, ".") {
		number = strings.TrimRight(strings.TrimRight(number, "0"), ".")
	}
	return strings.TrimSpace(number + " " + unit)
}

package matrix

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ringport/ringport/internal/load"
)

// Load is what servers are asked to do.
type Load struct {
	// Name is what it is called: short, one word.
	Name string `toml:"name" json:"name"`
	// Title tells people what it is.
	Title string `toml:"title" json:"title"`
	// Network is tcp, unix or udp.
	Network string `toml:"network" json:"network"`
	// Pattern, Conns, Depth, Size, Idle and Arrivals are those of load.Config.
	Pattern  load.Pattern  `toml:"pattern" json:"pattern"`
	Conns    int           `toml:"conns" json:"conns"`
	Depth    int           `toml:"depth" json:"depth,omitempty"`
	Size     int           `toml:"size" json:"size,omitempty"`
	Idle     int           `toml:"idle" json:"idle,omitempty"`
	Arrivals load.Arrivals `toml:"arrivals" json:"arrivals,omitempty"`
	// Rate is how many messages are sent in a second, in an open loop; 0: a closed loop, or RateOf says.
	Rate float64 `toml:"rate" json:"rate,omitempty"`
	// RateOf is the name of a closed loop, and the rate is RatePart of what the best of the other servers does there.
	RateOf   string  `toml:"rate-of" json:"rate_of,omitempty"`
	RatePart float64 `toml:"rate-part" json:"rate_part,omitempty"`
}

// Open says whether it is an open loop.
func (l Load) Open() bool { return l.Rate != 0 || l.RateOf != "" }

// Connections is how many connections a server has to hold.
func (l Load) Connections() int { return max(l.config("", Timing{}).WithDefaults().Conns, 0) + l.Idle }

// withDefaults is the load with what the generator takes for granted, where it says nothing: reports look at it.
func (l Load) withDefaults() Load {
	cfg := l.config("", Timing{}).WithDefaults()
	l.Pattern, l.Conns = cfg.Pattern, cfg.Conns
	return l
}

// Validate says what is wrong with it.
func (l Load) Validate() error {
	if l.Name == "" || !isWord(l.Name) {
		return fmt.Errorf("matrix: a load is called %q; want letters, digits, dots and dashes", l.Name)
	}
	if !slices.Contains(networks, l.Network) {
		return fmt.Errorf("matrix: load %s has the network %q; there are %v", l.Name, l.Network, networks)
	}
	if l.RateOf != "" && (!(l.RatePart > 0 && l.RatePart <= 2) || l.Rate != 0) {
		return fmt.Errorf("matrix: load %s has a rate of %s, so it needs a rate-part above 0 and up to 2, and no rate",
			l.Name, l.RateOf)
	}
	if l.RateOf != "" {
		l.Rate = 1 // it will have one
	}
	if err := l.config(placeholder(l.Network), Timing{}).Validate(); err != nil {
		return fmt.Errorf("matrix: load %s: %w", l.Name, err)
	}
	return nil
}

// placeholder is an address of the network, for checking a configuration that has none yet.
func placeholder(network string) string {
	if network == "unix" {
		return "unix:///echo.sock"
	}
	return network + "://127.0.0.1:7"
}

// Timing is how long each run takes.
type Timing struct {
	// Warmup is not measured, Duration is.
	Warmup   time.Duration `json:"warmup_ns"`
	Duration time.Duration `json:"duration_ns"`
}

// config is the load as the generator takes it.
func (l Load) config(address string, t Timing) load.Config {
	return load.Config{
		Address:  address,
		Pattern:  l.Pattern,
		Conns:    l.Conns,
		Depth:    l.Depth,
		Size:     l.Size,
		Idle:     l.Idle,
		Rate:     l.Rate,
		Arrivals: l.Arrivals,
		Duration: t.Duration,
		Warmup:   t.Warmup,
	}
}

// Select picks loads by their names, in the order of the catalogue, with the closed loops that they take their rates
// from. The word all picks every one.
func Select(catalogue []Load, names []string) ([]Load, error) {
	byName := map[string]Load{}
	for _, l := range catalogue {
		byName[l.Name] = l
	}
	wanted := map[string]bool{}
	var unknown []error
	for _, name := range names {
		l, known := byName[name]
		switch {
		case name == "all":
			return catalogue, nil
		case !known:
			unknown = append(unknown, fmt.Errorf("matrix: there is no load %s; see echobench compare --list", name))
		default:
			wanted[name] = true
			if l.RateOf != "" {
				wanted[l.RateOf] = true
			}
		}
	}
	chosen := slices.DeleteFunc(slices.Clone(catalogue), func(l Load) bool { return !wanted[l.Name] })
	return chosen, errors.Join(unknown...)
}

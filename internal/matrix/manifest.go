package matrix

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Manifest is all that somebody needs to know to measure the same again, beside the servers' source code.
type Manifest struct {
	Machine Machine `json:"machine"`
	// Ring is what io_uring gives here; why it does not, when it does not.
	Ring string `json:"ring"`
	// Tool is what the comparison itself was built from.
	Tool string `json:"tool"`
	// Started is when it began, Took how long it was, Command how it was called.
	Started time.Time `json:"started"`
	Took    string    `json:"took"`
	Command []string  `json:"command"`
	// ServerCPUs and GeneratorCPUs are where each ran; none: anywhere.
	ServerCPUs    []int `json:"server_cpus"`
	GeneratorCPUs []int `json:"generator_cpus"`
	// Quick, Rounds, Seed and Timing are those of the Outcome.
	Quick  bool   `json:"quick"`
	Rounds int    `json:"rounds"`
	Seed   uint64 `json:"seed"`
	Timing Timing `json:"timing"`
	// Versions are what the servers say of themselves, by name, and Commands how they were started.
	Versions map[string]string   `json:"versions"`
	Commands map[string][]string `json:"commands"`
	// Loads has an example of how the generator was called, by load.
	Loads map[string]string `json:"loads"`
}

// ManifestOf describes a comparison that is over.
func ManifestOf(ctx context.Context, c Campaign, o Outcome) Manifest {
	m := Manifest{
		Machine:       ThisMachine(),
		ServerCPUs:    c.ServerCPUs,
		GeneratorCPUs: c.GeneratorCPUs,
		Quick:         o.Quick,
		Rounds:        o.Rounds,
		Seed:          o.Seed,
		Timing:        o.Timing,
		Versions:      map[string]string{},
		Commands:      map[string][]string{},
		Loads:         map[string]string{},
	}
	for _, s := range o.Servers {
		m.Versions[s.Name] = s.version(ctx)
		m.Commands[s.Name] = s.Command
	}
	for _, l := range o.Loads {
		if o.LoadsLeftOut[l.Name] == "" && (l.RateOf == "" || l.Rate != 0) {
			m.Loads[l.Name] = strings.Join(c.Generator(l.config(placeholder(l.Network), c.Timing)), " ")
		}
	}
	return m
}

// versionPatience is how long a program may take to say its version.
const versionPatience = 10 * time.Second

// version asks the server for its version, where its programs run.
func (s Server) version(ctx context.Context) string {
	if len(s.Version) == 0 {
		return "it has none"
	}
	ctx, cancel := context.WithTimeout(ctx, versionPatience)
	defer cancel()
	said := newOutput("")
	p, err := s.start(s.Version, nil, said)
	if err != nil {
		return fmt.Sprintf("unknown: %v", err)
	}
	stop := context.AfterFunc(ctx, p.Stop)
	defer stop()
	if err := p.Err(); err != nil {
		return fmt.Sprintf("unknown: %v", err)
	}
	return said.tail()
}

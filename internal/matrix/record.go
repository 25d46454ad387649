package matrix

import (
	"time"

	"github.com/ringport/ringport/internal/load"
)

// Record is what one run gave.
type Record struct {
	Step
	// Started is when the generator was started.
	Started time.Time `json:"started"`
	// Result is what it found; nil when there was no run, and Error says why.
	Result *load.Result `json:"result,omitempty"`
	Error  string       `json:"error,omitempty"`
}

// Valid says whether its figures may be used: there was a run, it did not fail, and no gate made it void.
func (r Record) Valid() bool { return r.Problem() == "" }

// Problem says why the figures may not be used, "" when they may.
func (r Record) Problem() string {
	switch {
	case r.Error != "":
		return r.Error
	case r.Result == nil:
		return "it was not run"
	case r.Result.Failure != "":
		return r.Result.Failure
	case r.Result.Void:
		return "void: " + failedGate(*r.Result)
	}
	return ""
}

// failedGate is what is said about the first gate that made a run void.
func failedGate(r load.Result) string {
	for _, g := range r.Gates {
		if !g.OK && g.Voids {
			return g.Name + ": " + g.Detail
		}
	}
	return "its gates do not say why"
}

// Unmeasured is a server that could not be measured on a network.
type Unmeasured struct {
	Server  string `json:"server"`
	Network string `json:"network"`
	Reason  string `json:"reason"`
}

// Outcome is all that a comparison found.
type Outcome struct {
	// Quick says that it was only a look: fewer rounds, shorter runs.
	Quick bool `json:"quick"`
	// Complete says that it was not interrupted.
	Complete bool `json:"complete"`
	// Rounds, Seed and Timing are how it was run.
	Rounds int    `json:"rounds"`
	Seed   uint64 `json:"seed"`
	Timing Timing `json:"timing"`
	// Servers are those that were asked for; the first one is what the others are compared with.
	Servers []Server `json:"servers"`
	// Loads are those that there were; the ones that take their rate from another have it.
	Loads []Load `json:"loads"`
	// Records are in the order in which the runs took place.
	Records []Record `json:"records"`
	// Unmeasured are the servers that did not start, and LoadsLeftOut says which loads there are no figures of, and
	// why.
	Unmeasured   []Unmeasured      `json:"unmeasured,omitempty"`
	LoadsLeftOut map[string]string `json:"loads_left_out,omitempty"`
}

// Of is the records of a server under a load, by round, from 1; nil where there is none that is valid.
func (o Outcome) Of(loadName, server string) []*Record {
	byRound := make([]*Record, o.Rounds+1)
	for i, r := range o.Records {
		if r.Load == loadName && r.Server == server && r.Valid() {
			byRound[r.Round] = &o.Records[i]
		}
	}
	return byRound[1:]
}

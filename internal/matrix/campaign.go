package matrix

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"github.com/ringport/ringport/internal/load"
	"github.com/ringport/ringport/internal/stat"
)

// Campaign is a comparison that can be run.
type Campaign struct {
	Servers []Server // the first one is what the others are compared with
	Loads   []Load
	Rounds  int
	Seed    uint64
	Timing  Timing
	Quick   bool
	// ServerCPUs and GeneratorCPUs are where each runs; none: anywhere.
	ServerCPUs    []int
	GeneratorCPUs []int
	// Generator is the command that runs a load and prints the load.Result as JSON.
	Generator func(load.Config) []string
	// Told hears of each run that is over, and of how many there will be; more become known when rates are.
	Told func(done, all int, r Record)
}

// Run runs it. When the context ends, the outcome is what there was until then.
func (c Campaign) Run(ctx context.Context) (Outcome, error) {
	if len(c.Servers) == 0 || len(c.Loads) == 0 || c.Rounds < 1 {
		return Outcome{}, errors.New("matrix: nothing to compare: want a server, a load and a round at least")
	}
	folder, err := os.MkdirTemp("", "echobench-")
	if err != nil {
		return Outcome{}, fmt.Errorf("matrix: make a folder for Unix sockets: %w", err)
	}
	defer os.RemoveAll(folder)
	r := &running{Campaign: c, folder: folder, all: c.runs(c.Loads), outcome: Outcome{
		Quick:        c.Quick,
		Rounds:       c.Rounds,
		Seed:         c.Seed,
		Timing:       c.Timing,
		Servers:      c.Servers,
		Loads:        slices.Clone(c.Loads),
		LoadsLeftOut: map[string]string{},
	}}
	r.leaveOutTooMany()
	closed, open := c.phases()
	err = r.phase(ctx, closed)
	if err == nil {
		r.settleRates(open)
		err = r.phase(ctx, open)
	}
	r.outcome.Complete = err == nil
	return r.outcome, err
}

// spareDescriptors is what a server or a generator has open beside its connections.
const spareDescriptors = 64

// leaveOutTooMany leaves out the loads with more connections than a process may have.
func (r *running) leaveOutTooMany() {
	limit := descriptorLimit()
	for _, l := range r.outcome.Loads {
		if needed := uint64(l.Connections() + spareDescriptors); limit != 0 && needed > limit {
			r.leaveOut(l, fmt.Sprintf("it needs %d descriptors, and a process may have %d; raise it with ulimit -Hn",
				needed, limit))
		}
	}
}

// leaveOut notes that a load is not run, and why.
func (r *running) leaveOut(l Load, why string) {
	r.outcome.LoadsLeftOut[l.Name] = why
	r.all -= r.runs([]Load{l})
}

// phases are the numbers of the loads that can be run at once, and of those whose rate must be found out before.
func (c Campaign) phases() (first, second []int) {
	for i, l := range c.Loads {
		if l.RateOf == "" {
			first = append(first, i)
		} else {
			second = append(second, i)
		}
	}
	return first, second
}

// runs is how many runs the loads make.
func (c Campaign) runs(loads []Load) int { return len(Plan(c.Seed, c.Rounds, loads, c.Servers)) }

// running is a campaign that is being run.
type running struct {
	Campaign
	folder  string
	outcome Outcome
	all     int
}

// phase runs all rounds of some of the loads.
func (r *running) phase(ctx context.Context, numbers []int) error {
	var loads []Load
	for _, i := range numbers {
		if l := r.outcome.Loads[i]; r.outcome.LoadsLeftOut[l.Name] == "" {
			loads = append(loads, l)
		}
	}
	for _, step := range Plan(r.Seed, r.Rounds, loads, r.Servers) {
		s := r.Servers[slices.IndexFunc(r.Servers, func(s Server) bool { return s.Name == step.Server })]
		l := loads[slices.IndexFunc(loads, func(l Load) bool { return l.Name == step.Load })]
		if r.isUnmeasured(s.Name, l.Network) {
			r.all--
			continue
		}
		record := r.step(ctx, step, s, l)
		if ctx.Err() != nil {
			return fmt.Errorf("matrix: stopped after %d of %d runs: %w", len(r.outcome.Records), r.all, context.Cause(ctx))
		}
		r.outcome.Records = append(r.outcome.Records, record)
		if r.Told != nil {
			r.Told(len(r.outcome.Records), r.all, record)
		}
	}
	return nil
}

// isUnmeasured says whether the server has failed to start on the network. It would again, and take time from others.
func (r *running) isUnmeasured(server, network string) bool {
	return slices.ContainsFunc(r.outcome.Unmeasured, func(u Unmeasured) bool {
		return u.Server == server && u.Network == network
	})
}

// step runs one server under one load.
func (r *running) step(ctx context.Context, step Step, s Server, l Load) Record {
	record := Record{Step: step, Started: time.Now()}
	p, err := startServer(ctx, s, l.Network, r.folder, r.ServerCPUs)
	if err != nil {
		record.Error = err.Error()
		if ctx.Err() == nil {
			r.outcome.Unmeasured = append(r.outcome.Unmeasured, Unmeasured{s.Name, l.Network, record.Error})
		}
		return record
	}
	defer p.Stop()
	cfg := l.config(p.address, r.Timing)
	cfg.PID = p.PID()
	cfg.Seed = r.Seed + uint64(step.Round) // the same for every server of the round
	record.Started = time.Now()
	result, err := generate(ctx, r.Generator(cfg), r.GeneratorCPUs, limitOf(cfg))
	if err != nil {
		record.Error = err.Error()
		return record
	}
	record.Result = &result
	return record
}

// settleRates gives the open loops their rates: a part of what the best of the other servers did.
func (r *running) settleRates(numbers []int) {
	for _, i := range numbers {
		l := &r.outcome.Loads[i]
		capacity := r.capacity(l.RateOf)
		switch {
		case r.outcome.LoadsLeftOut[l.Name] != "":
		case capacity == 0:
			r.leaveOut(*l, fmt.Sprintf("no server has a valid run of %s, which it takes its rate from", l.RateOf))
		default:
			l.Rate = max(math.Floor(capacity*l.RatePart), 1) // 0 would be a closed loop
		}
	}
}

// capacity is the best median rate under a load, of all servers but the first; of the first when it is alone.
func (r *running) capacity(loadName string) (best float64) {
	others := r.Servers
	if len(others) > 1 {
		others = others[1:]
	}
	for _, s := range others {
		var rates []float64
		for _, record := range r.outcome.Of(loadName, s.Name) {
			if record != nil {
				rates = append(rates, record.Result.Rate)
			}
		}
		best = max(best, stat.Summarize(rates).Median)
	}
	return best
}

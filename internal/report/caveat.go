package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ringport/ringport/internal/matrix"
	"github.com/ringport/ringport/internal/stat"
)

// Caveats say what the figures do not.
func Caveats(o matrix.Outcome, m matrix.Manifest) []string {
	caveats := []string{
		"Server and clients are on one machine. What they say to each other goes through " + way(o) + ", not through a " +
			"network card: interrupts, driver and wire are missing, and both sides share the caches and the memory.",
		cpuCaveat(m),
		"Latencies of closed loops flatter: while a server stalls, its clients wait and do not ask. Those of the open " +
			"loops count from the moment at which each message should have been sent.",
		intervalCaveat(o),
	}
	if slices.ContainsFunc(o.Servers, func(s matrix.Server) bool { return s.Agent != "" }) {
		caveats = append(caveats, "Servers ran in containers, with what those cost: control groups, and a filter that sees "+
			"each system call. Servers that make fewer of them are better off there than outside.")
	}
	if m.Machine.Hypervisor {
		caveats = append(caveats, "This is a virtual machine. Its neighbours take time from it that nobody here sees: "+
			"believe ratios, not absolute figures.")
	}
	if o.Quick {
		caveats = append([]string{"This was a quick look: few rounds, short runs. It shows that everything works, and " +
			"large differences. It is no evidence for small ones."}, caveats...)
	}
	if !o.Complete {
		caveats = append([]string{"The comparison was stopped before its end. What is here is what there was by then."},
			caveats...)
	}
	return caveats
}

// way is what server and clients are connected by: loopback, unless a server was given another address.
func way(o matrix.Outcome) string {
	if slices.ContainsFunc(o.Servers, func(s matrix.Server) bool { return s.Host != "" }) {
		return "addresses of the kernel's own, such as a bridge's, or a Unix socket"
	}
	return "the kernel's loopback or a Unix socket"
}

// cpuCaveat says what the CPUs allow to conclude.
func cpuCaveat(m matrix.Manifest) string {
	if len(m.ServerCPUs) == 0 || len(m.GeneratorCPUs) == 0 {
		return "Servers and generator shared all CPUs: who got how much of them is chance. Pin them for figures that count."
	}
	return fmt.Sprintf("Each server had the CPUs %v and the generator the CPUs %v. Nothing is said about how servers "+
		"do with more.", m.ServerCPUs, m.GeneratorCPUs)
}

// intervalCaveat says what an interval is.
func intervalCaveat(o matrix.Outcome) string {
	if o.Rounds < stat.Enough {
		return fmt.Sprintf("Intervals are all that was seen in %d rounds: too few for 95 %%, for which %d are needed.",
			o.Rounds, stat.Enough)
	}
	return "Intervals are of the median, at 95 % or a little more; a row that comes from too few valid rounds says " +
		"what its own are at. Of twenty at 95 %, one misses: do not hunt through all cells for a difference."
}

// Problem is something that went wrong, for the list of what is missing.
type Problem struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// Problems are all runs that are in no figure, and what was never run. Those of a server under a load are one, with
// what the first of them was.
func Problems(o matrix.Outcome) []Problem {
	var problems []Problem
	for _, u := range o.Unmeasured {
		problems = append(problems, Problem{u.Server + " on " + u.Network, u.Reason})
	}
	for _, l := range o.Loads {
		if why := o.LoadsLeftOut[l.Name]; why != "" {
			problems = append(problems, Problem{l.Name, why})
		}
	}
	for _, l := range o.Loads {
		for _, s := range o.Servers {
			problems = append(problems, problemsOf(o, l.Name, s.Name)...)
		}
	}
	return problems
}

// problemsOf are those of a server under a load: none, or one.
func problemsOf(o matrix.Outcome, loadName, server string) []Problem {
	var first string
	var failed []string
	for _, r := range o.Records {
		if r.Load != loadName || r.Server != server || r.Valid() || startedNever(o, r) {
			continue
		}
		first = cmp.Or(first, r.Problem())
		failed = append(failed, fmt.Sprint(r.Round))
	}
	if len(failed) == 0 {
		return nil
	}
	rounds := "round"
	if len(failed) > 1 {
		rounds = "rounds"
	}
	what := fmt.Sprintf("%s, %s, %s %s of %d", loadName, server, rounds, strings.Join(failed, ", "), o.Rounds)
	return []Problem{{what, first}}
}

// startedNever says whether a run's trouble is already in the list of servers that did not start.
func startedNever(o matrix.Outcome, r matrix.Record) bool {
	for _, u := range o.Unmeasured {
		if u.Server == r.Server && u.Reason == r.Error {
			return true
		}
	}
	return false
}

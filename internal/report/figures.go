package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"

	"github.com/ringport/ringport/internal/load"
	"github.com/ringport/ringport/internal/matrix"
)

// Figures draws all plots. One that there is nothing for says so.
func Figures(o matrix.Outcome) ([]Figure, error) {
	drawings := []drawing{throughput(o), cpu(o)}
	drawings = append(drawings, percentiles(o)...)
	drawings = append(drawings, offeredLoad(o)...)
	drawings = append(drawings, memory(o))
	var figures []Figure
	for _, d := range drawings {
		f, err := d.finish(o.Servers)
		if err != nil {
			return nil, err
		}
		figures = append(figures, f)
	}
	return figures, nil
}

func throughput(o matrix.Outcome) drawing {
	d := drawing{
		figure: Figure{
			Key:     figureThroughput,
			Title:   "Throughput by connections",
			Caption: "TCP, 64 B, one message at a time on each connection. Higher is better.",
			Missing: "No ping-pong loads of 64 B over TCP were run.",
		},
		x: "connections", y: "echoes per second",
	}
	loads := byConnections(o, isPingPong)
	d.all = seriesOf(o, loads, connectionsOf, rateMetric)
	d.set = func(p *plot.Plot, l limits) {
		logAxis(&p.X, l.left, l.right, connectionTicks(loads))
		zeroAxis(&p.Y, l.top, func(v float64) string { return decimal(v, "") })
	}
	return d
}

func cpu(o matrix.Outcome) drawing {
	d := drawing{
		figure: Figure{
			Key:   figureCPU,
			Title: "Server CPU per echo",
			Caption: "The same loads. Lower is better; where the generator is at its limit this is the figure to read, " +
				"since throughput is then the generator's.",
			Missing: "No ping-pong loads of 64 B over TCP were run.",
		},
		x: "connections", y: "CPU time per echo",
	}
	loads := byConnections(o, isPingPong)
	d.all = seriesOf(o, loads, connectionsOf, cpuMetric)
	d.set = func(p *plot.Plot, l limits) {
		logAxis(&p.X, l.left, l.right, connectionTicks(loads))
		zeroAxis(&p.Y, l.top, seconds)
	}
	return d
}

func memory(o matrix.Outcome) drawing {
	d := drawing{
		figure: Figure{
			Key:   figureMemory,
			Title: "Memory by connections",
			Caption: "Anonymous memory of the server's process (RssAnon: heap, stacks, buffers) at the end of the run. " +
				"The kernel's memory of the sockets is not in it. Lower is better; both axes are logarithmic.",
			Missing: "No loads over TCP told what memory the servers held.",
		},
		x: "connections", y: "RssAnon",
	}
	loads := byConnections(o, isIdle)
	if len(loads) < 2 { // no line yet
		loads = byConnections(o, func(l matrix.Load) bool { return isPingPong(l) || isIdle(l) })
	}
	d.all = seriesOf(o, loads, connectionsOf, memoryMetric)
	d.set = func(p *plot.Plot, l limits) {
		logAxis(&p.X, l.left, l.right, connectionTicks(loads))
		logAxis(&p.Y, l.bottom, l.top, steps{byteCount})
	}
	return d
}

// isPingPong says whether a load is one of those whose connections are compared.
func isPingPong(l matrix.Load) bool {
	small := cmp.Or(l.Size, load.DefaultSize) == load.DefaultSize
	return small && l.Network == "tcp" && l.Pattern == load.PingPong && !l.Open()
}

// isIdle says whether a load holds connections that do nothing.
func isIdle(l matrix.Load) bool { return l.Network == "tcp" && l.Pattern == load.Idle && !l.Open() }

// byConnections is the loads of a kind, one for each number of connections, fewest first.
func byConnections(o matrix.Outcome, isOne func(matrix.Load) bool) []matrix.Load {
	var loads []matrix.Load
	for _, l := range o.Loads {
		if isOne(l) {
			loads = append(loads, l)
		}
	}
	slices.SortStableFunc(loads, func(a, b matrix.Load) int { return cmp.Compare(a.Connections(), b.Connections()) })
	return slices.CompactFunc(loads, func(a, b matrix.Load) bool { return a.Connections() == b.Connections() })
}

func connectionsOf(l matrix.Load) float64 { return float64(l.Connections()) }

func connectionTicks(loads []matrix.Load) counts {
	var ticks counts
	for _, l := range loads {
		ticks = append(ticks, l.Connections())
	}
	return ticks
}

// seriesOf is a metric of every server over some loads, with its intervals.
func seriesOf(o matrix.Outcome, loads []matrix.Load, x func(matrix.Load) float64, m Metric) []series {
	var all []series
	for i, server := range o.Servers {
		s := series{server: i}
		for _, l := range loads {
			found := m.summary(o.Of(l.Name, server.Name))
			if found.N == 0 || found.Low <= 0 || x(l) <= 0 { // logarithms
				continue
			}
			s.points = append(s.points, plotter.XY{X: x(l), Y: found.Median})
			s.ranges = append(s.ranges, struct{ Low, High float64 }{found.Median - found.Low, found.High - found.Median})
		}
		if len(s.points) > 0 {
			all = append(all, s)
		}
	}
	return all
}

// offeredLoad is how latency grows with what is offered, a plot for each number of connections.
func offeredLoad(o matrix.Outcome) []drawing {
	groups := map[string][]matrix.Load{}
	var names []string
	for _, l := range o.Loads {
		if l.RateOf == "" || l.Rate == 0 {
			continue
		}
		if len(groups[l.RateOf]) == 0 {
			names = append(names, l.RateOf)
		}
		groups[l.RateOf] = append(groups[l.RateOf], l)
	}
	var drawings []drawing
	for _, name := range names {
		if d := offeredLoadOf(o, groups[name]); len(groups[name]) > 1 && len(d.all) > 0 {
			drawings = append(drawings, d)
		}
	}
	if len(drawings) == 0 {
		return []drawing{{figure: Figure{
			Key:     figureOffered,
			Title:   "Latency against offered load",
			Missing: "There are no valid runs of two open loops or more with different rates.",
		}}}
	}
	return drawings
}

// offeredLoadOf is that plot for one number of connections.
func offeredLoadOf(o matrix.Outcome, loads []matrix.Load) drawing {
	slices.SortFunc(loads, func(a, b matrix.Load) int { return cmp.Compare(a.Rate, b.Rate) })
	d := drawing{
		figure: Figure{
			Key:   figureOffered,
			Title: fmt.Sprintf("Latency against offered load, %d connections", loads[0].Connections()),
			Caption: "99th percentile of an open loop, counted from the moment at which each message should have been " +
				"sent. Where a server did not keep up, as its row in the table says, it grows with the length of the " +
				"run; where a line ends, no run was valid. Lower is better.",
		},
		x: "messages offered per second", y: "p99",
	}
	d.all = seriesOf(o, loads, func(l matrix.Load) float64 { return l.Rate }, p99Metric)
	d.set = func(p *plot.Plot, l limits) {
		zeroAxis(&p.X, l.right, func(v float64) string { return decimal(v, "") })
		logAxis(&p.Y, l.bottom, l.top, steps{seconds})
	}
	return d
}

// percentiles are the curves of the loads whose latencies matter most: one connection, and open loops in the middle.
func percentiles(o matrix.Outcome) []drawing {
	var drawings []drawing
	for _, l := range latencyLoads(o) {
		if d := percentilesOf(o, l); len(d.all) > 0 {
			drawings = append(drawings, d)
		}
	}
	if len(drawings) == 0 {
		return []drawing{{figure: Figure{
			Key:     figurePercentiles,
			Title:   "Latency percentiles",
			Missing: "No latencies were measured.",
		}}}
	}
	return drawings
}

// theMiddle is the part of the capacity at which latencies of open loops are looked at closely.
const theMiddle = 0.7

// latencyLoads chooses the loads; all ping-pong ones when none of those that matter most was run.
func latencyLoads(o matrix.Outcome) []matrix.Load {
	var chosen, others []matrix.Load
	for _, l := range o.Loads {
		single := l.Connections() == 1 && l.Pattern == load.PingPong
		middle := l.Open() && (l.RateOf == "" || l.RatePart == theMiddle)
		switch {
		case single || middle:
			chosen = append(chosen, l)
		case l.Pattern == load.PingPong:
			others = append(others, l)
		}
	}
	if len(chosen) == 0 {
		return others
	}
	return chosen
}

// percentilesOf is the latency curve of each server under a load, all valid rounds merged.
func percentilesOf(o matrix.Outcome, l matrix.Load) drawing {
	loop := "A closed loop: a server that stalls is asked less."
	if l.Open() {
		loop = "An open loop: counted from the moment at which each message should have been sent."
	}
	d := drawing{
		figure: Figure{
			Key:     figurePercentiles,
			Title:   "Latency percentiles: " + title(l),
			Caption: loop + " All valid rounds together. Lower is better.",
		},
		x: "of all messages", y: "latency", bare: true,
	}
	for i, s := range o.Servers {
		if curve := curveOf(merged(o.Of(l.Name, s.Name))); len(curve) > 1 {
			d.all = append(d.all, series{server: i, points: curve})
		}
	}
	d.set = func(p *plot.Plot, l limits) {
		logAxis(&p.X, l.left*spare, l.right/spare, nines{})
		logAxis(&p.Y, l.bottom, l.top, steps{seconds})
	}
	return d
}

// merged is the latencies of all rounds. Percentiles cannot be averaged; histograms can be added.
func merged(records []*matrix.Record) load.Histogram {
	all := load.NewHistogram()
	for _, r := range records {
		if r != nil {
			all.Merge(r.Result.Latency)
		}
	}
	return all
}

// The curve goes from the median to the percentile that this many messages lie beyond: fewer say nothing.
const (
	curvePoints = 60
	leastBeyond = 10
)

// curveOf is points of the curve of percentiles, evenly spaced on an axis of nines.
func curveOf(h load.Histogram) plotter.XYs {
	last := min(float64(h.Count())/leastBeyond, 1e6)
	if last < 4 {
		return nil
	}
	var points plotter.XYs
	for i := range curvePoints + 1 {
		x := 2 * math.Pow(last/2, float64(i)/curvePoints) // 1/(1-p)
		y := h.Percentile(100 * (1 - 1/x)).Seconds()
		if y > 0 {
			points = append(points, plotter.XY{X: x, Y: y})
		}
	}
	return points
}

package report

import (
	"github.com/ringport/ringport/internal/load"
	"github.com/ringport/ringport/internal/matrix"
	"github.com/ringport/ringport/internal/stat"
)

// Metric is something that runs are compared by.
type Metric struct {
	// Key is its name in results.json, Unit that in bench.txt.
	Key  string
	Unit string
	// Title heads a column.
	Title string
	// MoreIsBetter says which way is up.
	MoreIsBetter bool
	// Format writes a value for people.
	Format func(float64) string
	// Of is its value in a run, and whether the run has one.
	Of func(load.Result) (value float64, has bool)
}

// The metrics.
var (
	rateMetric = Metric{Key: "rate", Unit: "echoes/s", Title: "Echoes per second", MoreIsBetter: true, Format: perSecond,
		Of: func(r load.Result) (float64, bool) { return r.Rate, carries(r) }}

	connectMetric = Metric{Key: "rate", Unit: "echoes/s", Title: "Connections per second", MoreIsBetter: true,
		Format: perSecond, Of: rateMetric.Of}

	bytesMetric = Metric{Key: "bytes_per_second", Unit: "B/s", Title: "Throughput each way", MoreIsBetter: true,
		Format: bytesPerSecond, Of: func(r load.Result) (float64, bool) { return r.BytesPerSecond, carries(r) }}

	cpuMetric = Metric{Key: "cpu_seconds_per_echo", Unit: "cpu-sec/echo", Title: "Server CPU per echo", Format: seconds,
		Of: func(r load.Result) (float64, bool) {
			if r.Server == nil {
				return 0, false
			}
			return r.Server.CPUPerEcho, r.Server.CPUPerEcho > 0
		}}

	p50Metric  = percentile("p50_seconds", "p50-sec", "p50", 50)
	p99Metric  = percentile("p99_seconds", "p99-sec", "p99", 99)
	p999Metric = percentile("p99_9_seconds", "p99.9-sec", "p99.9", 99.9)

	memoryMetric = Metric{Key: "rss_anon_bytes", Unit: "RssAnon-B", Title: "Memory (RssAnon)", Format: byteCount,
		Of: func(r load.Result) (float64, bool) {
			if r.Server == nil {
				return 0, false
			}
			return float64(r.Server.End.RSSAnon), r.Server.End.RSSAnon > 0
		}}

	perConnectionMetric = Metric{Key: "rss_anon_bytes_per_connection", Unit: "RssAnon-B/conn",
		Title: "Memory per connection", Format: byteCount, Of: memoryPerConnection}
)

// carries says whether there were connections that carry messages: then a rate of 0 is one.
func carries(r load.Result) bool { return r.Config.Conns > 0 }

// percentile is the metric of a percentile of the latency.
func percentile(key, unit, title string, percent float64) Metric {
	return Metric{Key: key, Unit: unit, Title: title, Format: seconds,
		Of: func(r load.Result) (float64, bool) {
			return r.Latency.Percentile(percent).Seconds(), r.Latency.Count() > 0
		}}
}

// memoryPerConnection is what came on top of what the server held before the first one.
func memoryPerConnection(r load.Result) (float64, bool) {
	connections := r.Config.Conns + r.Config.Idle
	if r.Server == nil || connections == 0 {
		return 0, false
	}
	grown := float64(r.Server.End.RSSAnon) - float64(r.Server.Before.RSSAnon)
	return grown / float64(connections), true
}

// metricsOf is what a load is read by; the first one is what it is about.
func metricsOf(l matrix.Load) []Metric {
	switch {
	case l.Open():
		return []Metric{p99Metric, p50Metric, p999Metric, cpuMetric}
	case l.Pattern == load.Stream:
		return []Metric{bytesMetric, cpuMetric}
	case l.Pattern == load.Churn:
		cpu := cpuMetric
		cpu.Title = "Server CPU per connection"
		return []Metric{cpu, connectMetric, p50Metric, p99Metric}
	case l.Pattern == load.Idle && l.Conns == 0:
		return []Metric{memoryMetric, perConnectionMetric}
	case l.Connections() == 1:
		return []Metric{p50Metric, p99Metric, rateMetric, cpuMetric}
	}
	return []Metric{rateMetric, cpuMetric, p50Metric, p99Metric}
}

// allMetrics is what bench.txt has of every run.
func allMetrics() []Metric {
	return []Metric{rateMetric, bytesMetric, cpuMetric, p50Metric, p99Metric, p999Metric, memoryMetric}
}

// values is a metric in each round; nil where it is not known.
func (m Metric) values(records []*matrix.Record) []*float64 {
	values := make([]*float64, len(records))
	for i, r := range records {
		if r == nil {
			continue
		}
		if v, has := m.Of(*r.Result); has {
			values[i] = &v
		}
	}
	return values
}

// summary sums a metric up over the rounds.
func (m Metric) summary(records []*matrix.Record) stat.Summary {
	var known []float64
	for _, v := range m.values(records) {
		if v != nil {
			known = append(known, *v)
		}
	}
	return stat.Summarize(known)
}

// compare compares a metric of the first server with that of another.
func (m Metric) compare(first, other []*matrix.Record) stat.Comparison {
	a, b := m.values(first), m.values(other)
	pairs := make([]stat.Pair, len(a))
	for i := range a {
		pairs[i] = stat.Pair{A: a[i], B: b[i]}
	}
	return stat.Compare(pairs)
}

// best is the number of the best of some summaries, -1 when all are empty.
func (m Metric) best(summaries []stat.Summary) int {
	best := -1
	for i, s := range summaries {
		if s.N == 0 {
			continue
		}
		if best < 0 || m.MoreIsBetter == (s.Median > summaries[best].Median) && s.Median != summaries[best].Median {
			best = i
		}
	}
	return best
}

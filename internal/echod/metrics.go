package echod

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/ringport/ringport/internal/buildinfo"
)

// newRegistry has every metric of the process: the server's figures, the latency of turns, what was built and what the
// kernel offers, and those of the process and of Go. The registry is the daemon's own, since anybody can add to the
// library's default one.
func newRegistry(figures collector, latency prometheus.Histogram, features string) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		figures, latency, buildInfo(),
		constant("ring_features_info", "What the kernel offers to the shards' rings.",
			prometheus.Labels{"features": features}),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewGoCollector(),
	)
	return registry
}

// newLatency is the histogram of how long shards take to come round. A shard that idles does so in some ten
// microseconds; from a second on something is wrong.
func newLatency() prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: metricName("turn_latency_seconds"),
		Help: "How long a shard took to come round to something new, asked about once a second.",
		Buckets: []float64{25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 100e-3,
			250e-3, 500e-3, 1, 2.5},
	})
}

// buildInfo says which echod this is.
func buildInfo() prometheus.Collector {
	i := buildinfo.Read()
	revision := i.Commit
	if i.Modified {
		revision += "-modified"
	}
	return constant("build_info", "The version, the commit and the Go version of this echod.",
		prometheus.Labels{"version": i.Version, "revision": revision, "goversion": i.GoVersion})
}

// constant is a metric whose labels say everything; its value is 1.
func constant(name, help string, labels prometheus.Labels) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: metricName(name), Help: help, ConstLabels: labels},
		func() float64 { return 1 })
}

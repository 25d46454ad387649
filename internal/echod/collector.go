package echod

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/server"
)

// collector makes metrics of a server's figures, all of one moment. Every value of a label is there from the start,
// with zero, so that a rate of what has not happened yet is zero and not missing.
type collector struct {
	stats  func() server.Stats
	limits func() server.Config // as they are now: a reload changes them
	ready  func() error
}

// metric is a metric with how it is read.
type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(m moment, add adder)
}

// moment is what metrics are read from.
type moment struct {
	server.Stats
	limits server.Config
	ready  error
}

// adder takes a value with its labels.
type adder func(value float64, labels ...string)

// metrics is every metric of the server's figures.
var metrics = append(serverMetrics(), shardMetrics()...)

// Describe implements prometheus.Collector.
func (c collector) Describe(descs chan<- *prometheus.Desc) {
	for _, m := range metrics {
		descs <- m.desc
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(values chan<- prometheus.Metric) {
	now := moment{Stats: c.stats(), limits: c.limits(), ready: c.ready()}
	for _, m := range metrics {
		m.read(now, func(value float64, labels ...string) {
			values <- prometheus.MustNewConstMetric(m.desc, m.kind, value, labels...)
		})
	}
}

// metricName is the whole name of a metric.
func metricName(name string) string { return prometheus.BuildFQName("echod", "", name) }

// gauge and counter are metrics of the kind; the label's values are what read gives.
func gauge(name, help string, read func(moment, adder), labels ...string) metric {
	return metric{prometheus.NewDesc(metricName(name), help, labels, nil), prometheus.GaugeValue, read}
}

func counter(name, help string, read func(moment, adder), labels ...string) metric {
	return metric{prometheus.NewDesc(metricName(name), help, labels, nil), prometheus.CounterValue, read}
}

// one reads a value without a label.
func one[N int | int64 | uint64](read func(moment) N) func(moment, adder) {
	return func(m moment, add adder) { add(float64(read(m))) }
}

// byReason reads a count for each reason.
func byReason[R ~string](read func(moment) map[R]uint64) func(moment, adder) {
	return func(m moment, add adder) {
		for reason, n := range read(m) {
			add(float64(n), string(reason))
		}
	}
}

// truth is 1 for what holds.
func truth(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

// serverMetrics is what the server counts over all shards.
func serverMetrics() []metric {
	return []metric{
		gauge("ready", "Whether new clients are served: 0 while draining, at the limit of connections, and when "+
			"no descriptor is free.",
			func(m moment, add adder) { add(truth(m.ready == nil)) }),
		gauge("connections", "Connections by state: open; paused, not read from while much is queued for them; "+
			"parked, accepted and waiting for another one to end.", readConnections, "state"),
		gauge("max_connections", "Connections that may be open or paused at a time (--max-conns, or as many as there "+
			"are descriptors for).",
			one(func(m moment) int { return m.limits.MaxConns })),
		counter("connections_accepted_total", "Connections accepted.",
			one(func(m moment) uint64 { return m.Accepted })),
		counter("connections_rejected_total", "Connections closed as soon as they were accepted, by why.",
			byReason(func(m moment) map[server.RejectReason]uint64 { return m.Rejected }), "reason"),
		counter("connections_ended_total", "Connections that have ended, by why.",
			byReason(func(m moment) map[server.EndReason]uint64 { return m.Ended }), "reason"),
		counter("limit_reached_total", "Times that a limit was reached: max_conns and accept_rate stop accepting, "+
			"max_queued and high_water stop reading from a connection.", readLimits, "limit"),
		counter("received_bytes_total", "Bytes received, by transport: stream (TCP, Unix) or datagram (UDP).",
			func(m moment, add adder) {
				add(float64(m.BytesIn), "stream")
				add(float64(m.Datagrams.BytesIn), "datagram")
			}, "transport"),
		counter("sent_bytes_total", "Bytes sent, by transport: stream (TCP, Unix) or datagram (UDP).",
			func(m moment, add adder) {
				add(float64(m.BytesOut), "stream")
				add(float64(m.Datagrams.BytesOut), "datagram")
			}, "transport"),
		gauge("queue_bytes", "Bytes queued for all connections, which their peers have not taken yet.",
			one(func(m moment) int64 { return m.Queued })),
		gauge("max_queue_bytes", "Bytes that may be queued for all connections (--max-queued); 0: no limit.",
			one(func(m moment) int { return m.limits.MaxQueued })),
		counter("datagrams_received_total", "Datagrams received.",
			one(func(m moment) uint64 { return m.Datagrams.Received })),
		counter("datagrams_answered_total", "Datagrams answered.",
			one(func(m moment) uint64 { return m.Datagrams.Answered })),
		counter("datagrams_dropped_total", "Datagrams that were not answered, by why.",
			byReason(func(m moment) map[server.DropReason]uint64 { return m.Datagrams.Dropped }), "reason"),
	}
}

func readConnections(m moment, add adder) {
	add(float64(max(m.Sessions-m.Paused, 0)), "open") // counted one after the other, so that one may be ahead
	add(float64(m.Paused), "paused")
	add(float64(m.Parked), "parked")
}

func readLimits(m moment, add adder) {
	add(float64(m.ConnLimited), "max_conns")
	add(float64(m.RateLimited), "accept_rate")
	add(float64(m.QueueLimited), "max_queued")
	add(float64(m.Pauses), "high_water")
}

// ofShards reads a value of each shard.
func ofShards[N int | uint64](read func(ops.Stats) N) func(moment, adder) {
	return func(m moment, add adder) {
		for i, sh := range m.Shards {
			add(float64(read(sh)), strconv.Itoa(i))
		}
	}
}

// shardMetrics is what each shard's port and ring count.
func shardMetrics() []metric {
	total := func(name, help string, read func(ops.Stats) uint64) metric {
		return counter(name, help, ofShards(read), "shard")
	}
	level := func(name, help string, read func(ops.Stats) int) metric {
		return gauge(name, help, ofShards(read), "shard")
	}
	return []metric{
		total("ring_enters_total", "Calls of io_uring_enter.",
			func(s ops.Stats) uint64 { return s.Ring.Enters }),
		total("ring_empty_enters_total", "Calls of io_uring_enter that submitted, collected and awaited nothing.",
			func(s ops.Stats) uint64 { return s.Ring.EmptyEnters }),
		total("ring_empty_pairs_total", "Two empty enters in a row: the sign of a loop that spins.",
			func(s ops.Stats) uint64 { return s.Ring.EmptyPairs }),
		total("ring_sqes_total", "Requests submitted to the ring.",
			func(s ops.Stats) uint64 { return s.Ring.SQEs }),
		total("ring_cqes_total", "Completions reaped from the ring.",
			func(s ops.Stats) uint64 { return s.Ring.CQEs }),
		total("ring_overflows_total", "Enters that found completions on the kernel's overflow list.",
			func(s ops.Stats) uint64 { return s.Ring.Overflows }),
		total("ring_interrupts_total", "Waits that a signal ended.",
			func(s ops.Stats) uint64 { return s.Ring.Interrupts }),
		total("ring_busy_total", "Enters refused until completions were reaped.",
			func(s ops.Stats) uint64 { return s.Ring.Busy }),
		total("ring_no_memory_total", "Enters refused for want of memory.",
			func(s ops.Stats) uint64 { return s.Ring.NoMemory }),
		total("ring_partial_enters_total", "Enters that took only a part of the requests.",
			func(s ops.Stats) uint64 { return s.Ring.Partial }),
		total("turns_total", "Turns of the shard: requests out, enter, completions in.",
			func(s ops.Stats) uint64 { return s.Turns }),
		total("wakes_total", "Times that another goroutine woke the shard.",
			func(s ops.Stats) uint64 { return s.Wakes }),
		total("accept_errors_total", "Connections that were gone before they were accepted.",
			func(s ops.Stats) uint64 { return s.AcceptErrors }),
		total("no_descriptors_total", "Accepts that found no free descriptor.",
			func(s ops.Stats) uint64 { return s.NoDescriptors }),
		total("no_buffers_total", "Receives that found no posted buffer.",
			func(s ops.Stats) uint64 { return s.NoBuffers }),
		total("short_sends_total", "Sends that the socket took in parts.",
			func(s ops.Stats) uint64 { return s.ShortSends }),
		total("try_sends_total", "Sends made by another goroutine while the shard slept.",
			func(s ops.Stats) uint64 { return s.TrySends }),
		total("cancels_total", "Requests to cancel another one.",
			func(s ops.Stats) uint64 { return s.Cancels }),
		total("stale_completions_total", "Completions whose request had ended.",
			func(s ops.Stats) uint64 { return s.Stale }),
		total("buffer_leases_total", "Receive buffers that were filled.",
			func(s ops.Stats) uint64 { return s.Buffers.Leases }),
		gauge("buffers", "Receive buffers by state: posted to the kernel, leased by sends, or spare.",
			readBuffers, "shard", "state"),
		level("buffers_low_water", "Fewest receive buffers that were not leased at any time so far.",
			func(s ops.Stats) int { return s.Buffers.LowWater }),
		level("ops_in_flight", "Operations started and not completed.",
			func(s ops.Stats) int { return s.InFlight }),
		level("kernel_requests", "Requests that the kernel has.",
			func(s ops.Stats) int { return s.Slots }),
		level("sockets", "Sockets, listeners among them.",
			func(s ops.Stats) int { return s.Sockets }),
		level("starved_sockets", "Sockets that wait for a receive buffer.",
			func(s ops.Stats) int { return s.Starved }),
		level("blocked_listeners", "Listeners that wait for a free descriptor.",
			func(s ops.Stats) int { return s.Blocked }),
		level("timers", "Timers that are set.",
			func(s ops.Stats) int { return s.Timers }),
	}
}

func readBuffers(m moment, add adder) {
	for i, sh := range m.Shards {
		shard := strconv.Itoa(i)
		add(float64(sh.Buffers.Posted), shard, "posted")
		add(float64(sh.Buffers.Leased), shard, "leased")
		add(float64(sh.Buffers.Spare), shard, "spare")
	}
}

package load

import "time"

// Result is what a run has found. It is complete also when the run failed: as far as it came.
type Result struct {
	// Config is what was asked for, with the defaults.
	Config Config `json:"config"`
	// Start is when the measured window began.
	Start time.Time `json:"start"`
	// Seconds is how long the window was, by the monotonic clock.
	Seconds float64 `json:"seconds"`
	// ConnectSeconds is how long it took to open all connections before.
	ConnectSeconds float64 `json:"connect_seconds"`
	// Window counts what happened while it was measured.
	Window Counts `json:"window"`
	// Total counts what happened from the start to the end, warm-up and drain included.
	Total Counts `json:"total"`
	// Rate is the messages that came back in a second of the window; with Churn, one for each connection.
	Rate float64 `json:"rate"`
	// BytesPerSecond is the bytes that came back in a second of the window. As many went the other way.
	BytesPerSecond float64 `json:"bytes_per_second"`
	// Latency is the time of the messages that came back in the window, in an open loop of those that should have been
	// sent in it, from the intended moment on. With Churn it is from the start of the connect to the echo. Of a stream
	// it is from handing the message to the kernel to its last byte.
	Latency Histogram `json:"latency"`
	// Connect is the time that connects took: with Churn those of the window, otherwise those at the start.
	Connect Histogram `json:"connect"`
	// Schedule tells how an open loop kept its schedule; nil in a closed loop.
	Schedule *Schedule `json:"schedule,omitempty"`
	// Generator is what the load cost on this side.
	Generator GeneratorUsage `json:"generator"`
	// Server is what it cost the server, when Config.PID named it.
	Server *ServerUsage `json:"server,omitempty"`
	// Gates has what was checked about the run itself.
	Gates []Gate `json:"gates"`
	// Void says that a gate with Voids failed: the figures describe the generator, or nothing, and not the server.
	Void bool `json:"void"`
	// Errors counts failures by their kind. The first one ends a run; others may come before it has ended.
	Errors map[Kind]uint64 `json:"errors,omitempty"`
	// Failure is the first error, "" when there was none.
	Failure string `json:"failure,omitempty"`
}

// Counts is how much went to and fro.
type Counts struct {
	// Sent and Echoes are messages: those that were started, and those that came back, verified.
	Sent   uint64 `json:"sent"`
	Echoes uint64 `json:"echoes"`
	// BytesSent and BytesReceived are theirs; of a stream, received bytes count when they arrive, verified.
	BytesSent     uint64 `json:"bytes_sent"`
	BytesReceived uint64 `json:"bytes_received"`
	// Connects is connections that were opened.
	Connects uint64 `json:"connects"`
	// Lost is datagrams that did not come back within the timeout, and Strays those that came back after it, or twice.
	Lost   uint64 `json:"lost"`
	Strays uint64 `json:"strays"`
}

// Schedule tells how an open loop kept its schedule in the window.
type Schedule struct {
	// Intended is the messages that the schedule has in the window, and Sent those of them that were sent by its end.
	Intended uint64 `json:"intended"`
	Sent     uint64 `json:"sent"`
	// OfferedRate is Intended in a second.
	OfferedRate float64 `json:"offered_rate"`
	// Late is the messages that were sent more than a millisecond after their time.
	Late uint64 `json:"late"`
	// Lag is how long after their time messages were sent.
	Lag Histogram `json:"lag"`
}

// GeneratorUsage is what the generator used in the window.
type GeneratorUsage struct {
	// CPUSeconds is of the whole process, ThreadSeconds of the thread that drives the connections.
	CPUSeconds    float64 `json:"cpu_seconds"`
	ThreadSeconds float64 `json:"thread_seconds"`
	// SpinSeconds is the part of ThreadSeconds in which it waited without sleeping; see Config.Spin.
	SpinSeconds float64 `json:"spin_seconds"`
	// Load is ThreadSeconds without SpinSeconds, as a part of the window: at 1 the generator is the bottleneck.
	Load float64 `json:"load"`
	// CPUs are those that it may run on.
	CPUs []int `json:"cpus"`
	// Turns is the turns of its port, and Syscalls its enters of the ring.
	Turns    uint64 `json:"turns"`
	Syscalls uint64 `json:"syscalls"`
	// Allocations is the objects that the whole process has allocated on the heap: a few for the run, none for a
	// message.
	Allocations uint64 `json:"allocations"`
}

// ServerUsage is what the server's process used in the window.
type ServerUsage struct {
	PID int `json:"pid"`
	// CPUSeconds is all of it; UserSeconds and SystemSeconds are rounded to the kernel's ticks, mostly 10 ms.
	CPUSeconds    float64 `json:"cpu_seconds"`
	UserSeconds   float64 `json:"user_seconds"`
	SystemSeconds float64 `json:"system_seconds"`
	// CPUPerEcho is CPUSeconds for each message that came back, in seconds; 0 when none did.
	CPUPerEcho float64 `json:"cpu_seconds_per_echo"`
	// Load is CPUSeconds as a part of the window: 1 is one CPU.
	Load float64 `json:"load"`
	// VoluntarySwitches and InvoluntarySwitches are the context switches of all threads.
	VoluntarySwitches   uint64 `json:"voluntary_switches"`
	InvoluntarySwitches uint64 `json:"involuntary_switches"`
	// Threads is how many it had at the end of the window.
	Threads int `json:"threads"`
	// Before is its memory before the first connection, Start and End at both ends of the window.
	Before Memory `json:"before"`
	Start  Memory `json:"start"`
	End    Memory `json:"end"`
}

// Memory is what a process holds, in bytes.
type Memory struct {
	RSS     uint64 `json:"rss"`
	RSSAnon uint64 `json:"rss_anon"` // what is no file's: the heap, stacks, buffers
}

// Gate is one thing that was checked about a run.
type Gate struct {
	// Name is one of the Gate constants.
	Name string `json:"name"`
	// OK says whether it passed.
	OK bool `json:"ok"`
	// Voids says whether a run is void that does not pass. Others only mark it.
	Voids bool `json:"voids"`
	// Value is what was found, Want what it should have been, and Limit how far from it, or up to where, it may be.
	Value float64 `json:"value"`
	Want  float64 `json:"want"`
	Limit float64 `json:"limit"`
	// Detail is a sentence with the figures.
	Detail string `json:"detail"`
}

// The gates of a run, as Gate.Name has them.
const (
	GatePayload   = "payload"       // every byte that came back was right
	GateTotals    = "totals"        // counts that were made in different places agree, and rate x time with them
	GateEchoes    = "echoes"        // a message came back in the window; not asked of silent connections
	GateLittle    = "littles-law"   // closed loop: rate x mean latency is conns x depth, within 10 %
	GateSchedule  = "schedule"      // open loop: at most 1 % of the sends were late by more than 1 ms
	GateOffered   = "offered"       // open loop: what was sent is what should have been, within 1 %
	GateAchieved  = "achieved"      // open loop: what came back is what should have been sent, within 1 %
	GateKeptUp    = "kept-up"       // marks: open loop: answers came as fast as sends, within 1 % or 5 ms of the rate
	GateGenerator = "generator-cpu" // marks: the generator used at most 90 % of its CPU
	GateLoss      = "loss"          // marks: no datagram was lost
)

// Gate gives the gate of that name, and whether the run has it.
func (r Result) Gate(name string) (Gate, bool) {
	for _, g := range r.Gates {
		if g.Name == name {
			return g, true
		}
	}
	return Gate{}, false
}

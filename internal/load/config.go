package load

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/ringport/ringport/ops"
)

// Defaults of a Config.
const (
	DefaultConns           = 1
	DefaultSize            = 64        // bytes
	DefaultStreamSize      = 256 << 10 // of a message of Stream
	DefaultSlowSize        = 1 << 10   // of a message of Slow
	DefaultPipelinedDepth  = 16
	DefaultStreamDepth     = 4
	DefaultSlowDepth       = 16384 // more than the buffers of four sockets hold
	DefaultOpenDepth       = 1024
	DefaultDuration        = 5 * time.Second
	DefaultWarmup          = time.Second
	DefaultReadRate        = 64 << 10 // bytes per second of a connection of Slow
	DefaultTimeout         = 5 * time.Second
	DefaultDatagramTimeout = 500 * time.Millisecond
	DefaultOpenSpin        = 50 * time.Microsecond
)

// Limits of a Config: of what a machine has, and of what the arithmetic holds.
const (
	MinSize     = headerSize // bytes
	maxSize     = 64 << 20
	maxDatagram = 65507 // bytes of an IPv4 datagram, without its headers
	maxConns    = 1 << 20
	maxDepth    = 1 << 16
	maxRate     = 10_000_000
	maxTime     = 24 * time.Hour
)

// Pattern is what the connections of a run do.
type Pattern string

// The patterns.
const (
	PingPong  Pattern = "ping-pong" // one message at a time on each connection
	Pipelined Pattern = "pipelined" // Depth messages at a time on each connection
	Stream    Pattern = "stream"    // large messages, Depth of them on their way: bytes per second
	Churn     Pattern = "churn"     // connect, one message, close, and again
	Idle      Pattern = "idle"      // Conns connections do ping-pong beside Idle silent ones
	Slow      Pattern = "slow"      // connections that read ReadRate bytes per second, and send all they can
)

// Patterns lists every pattern.
func Patterns() []Pattern { return []Pattern{PingPong, Pipelined, Stream, Churn, Idle, Slow} }

// Arrivals is how the sends of an open loop lie in time.
type Arrivals string

// The arrivals.
const (
	Constant Arrivals = "constant" // one every 1/Rate seconds
	Poisson  Arrivals = "poisson"  // exponentially distributed gaps of that mean: users who know nothing of each other
)

// Config says what to do to which server. The zero value of a field is its default.
type Config struct {
	// Address is where the server listens: "tcp://127.0.0.1:7007", "udp://...", "unix:///run/echo.sock",
	// "unix://@name".
	Address string `json:"address"`
	// Pattern is what the connections do; "": PingPong.
	Pattern Pattern `json:"pattern"`
	// Conns is the number of connections, or UDP sockets, that carry messages, 1..1048576; 0: DefaultConns, and with
	// Idle none.
	Conns int `json:"conns"`
	// Depth is how many messages may be on their way on a connection, 1..65536; 0: 1 for PingPong, Churn and Idle,
	// DefaultPipelinedDepth, DefaultStreamDepth, DefaultSlowDepth, and in an open loop DefaultOpenDepth. Those of one
	// message at a time take no other number, but in an open loop.
	Depth int `json:"depth"`
	// Size is the bytes of a message, MinSize..67108864, of a datagram at most 65507; 0: DefaultSize,
	// DefaultStreamSize, DefaultSlowSize.
	Size int `json:"size"`
	// Duration is how long is measured, up to a day; 0: DefaultDuration.
	Duration time.Duration `json:"duration_ns"`
	// Warmup is how long the same is done before, without measuring, up to a day; 0: DefaultWarmup; negative: none.
	Warmup time.Duration `json:"warmup_ns"`
	// Rate is how many messages are sent in a second, over all connections, up to 10 million: an open loop. With Churn
	// it is not possible. 0: a closed loop.
	Rate float64 `json:"rate,omitempty"`
	// Arrivals is how the sends of an open loop lie in time; "": Constant. Without a Rate it must be "".
	Arrivals Arrivals `json:"arrivals,omitempty"`
	// Seed gives the random numbers: of Poisson, and of what messages contain.
	Seed uint64 `json:"seed"`
	// Idle is the number of connections that echo one message each at first, and are silent then, 0..1048576; for Idle.
	Idle int `json:"idle,omitempty"`
	// ReadRate is how many bytes a connection of Slow reads in a second, 1..; 0: DefaultReadRate.
	ReadRate int `json:"read_rate,omitempty"`
	// Timeout is how long a connect or an answer may take, up to a day; 0: DefaultTimeout, for datagrams
	// DefaultDatagramTimeout. An answer that takes longer is a failure; a datagram is lost.
	Timeout time.Duration `json:"timeout_ns"`
	// Spin is how long the generator waits for the next thing to happen without going to sleep, up to a day: it then is
	// there at once, and uses all of its CPU. 0: none, and in an open loop DefaultOpenSpin; negative: none.
	Spin time.Duration `json:"spin_ns"`
	// PID is the server's process, whose use of CPU and memory is measured; 0: none is.
	PID int `json:"pid,omitempty"`
	// Progress is told, several times a second, how far the run is; nil: nobody is. It runs on Run's goroutine.
	Progress func(Progress) `json:"-"`
}

// Phase is what a run is doing.
type Phase string

// The phases, in their order.
const (
	Connecting Phase = "connecting"
	WarmingUp  Phase = "warming up"
	Measuring  Phase = "measuring"
	Draining   Phase = "draining" // waits for the answers that are still to come
)

// Progress tells how far a run is.
type Progress struct {
	Phase     Phase
	Elapsed   time.Duration // of warm-up and measuring together
	Whole     time.Duration // how long both take
	Connected int           // connections that are open, the silent ones among them
	Echoes    uint64        // messages that came back since the start
	Lost      uint64        // datagrams that did not
}

// Open says whether it is an open loop.
func (c Config) Open() bool { return c.Rate != 0 }

// WithDefaults is the configuration with its defaults in the place of zeros, as a run uses it.
func (c Config) WithDefaults() Config {
	c.Pattern = orElse(c.Pattern, PingPong)
	if c.Pattern != Idle {
		c.Conns = orElse(c.Conns, DefaultConns)
	}
	c.Depth = orElse(c.Depth, c.defaultDepth())
	c.Size = orElse(c.Size, c.defaultSize())
	c.Duration = orElse(c.Duration, DefaultDuration)
	c.Warmup = max(orElse(c.Warmup, DefaultWarmup), 0)
	if c.Open() {
		c.Arrivals = orElse(c.Arrivals, Constant)
		c.Spin = orElse(c.Spin, DefaultOpenSpin)
	}
	c.Spin = max(c.Spin, 0)
	if c.Pattern == Slow {
		c.ReadRate = orElse(c.ReadRate, DefaultReadRate)
	}
	timeout := DefaultTimeout
	if network, _, err := ops.ParseEndpoint(c.Address); err == nil && network == "udp" {
		timeout = DefaultDatagramTimeout
	}
	c.Timeout = orElse(c.Timeout, timeout)
	return c
}

func (c Config) defaultDepth() int {
	switch {
	case c.Open():
		return DefaultOpenDepth
	case c.Pattern == Pipelined:
		return DefaultPipelinedDepth
	case c.Pattern == Stream:
		return DefaultStreamDepth
	case c.Pattern == Slow:
		return DefaultSlowDepth
	}
	return 1
}

func (c Config) defaultSize() int {
	switch c.Pattern {
	case Stream:
		return DefaultStreamSize
	case Slow:
		return DefaultSlowSize
	}
	return DefaultSize
}

// orElse is value, or its default when it is zero.
func orElse[T comparable](value, byDefault T) T {
	var zero T
	if value == zero {
		return byDefault
	}
	return value
}

// ErrConfig is what the errors of Config.Validate match.
var ErrConfig = errors.New("load: the configuration is wrong")

// FieldError says what is wrong with one field of a Config. It matches ErrConfig.
type FieldError struct {
	Field   string // its name in Config
	Problem string // goes on after the name: "is 0, want 1 to 9"
}

// Error names the field and the problem.
func (e *FieldError) Error() string { return "load: " + e.Field + " " + e.Problem }

// Unwrap gives ErrConfig.
func (e *FieldError) Unwrap() error { return ErrConfig }

// Validate names every field that is wrong, all at once: its error joins a *FieldError for each. A name in the address
// is not looked up.
func (c Config) Validate() error {
	c = c.WithDefaults()
	var v validation
	network, _, err := ops.ParseEndpoint(c.Address)
	v.check(err == nil, "Address", "is wrong: %v", err)
	v.pattern(c, network)
	lowest := 1
	if c.Pattern == Idle {
		lowest = 0
	}
	v.count("Conns", c.Conns, lowest, maxConns)
	v.count("Depth", c.Depth, 1, maxDepth)
	if network == "udp" {
		v.count("Size", c.Size, MinSize, maxDatagram)
	} else {
		v.count("Size", c.Size, MinSize, maxSize)
	}
	v.time("Duration", c.Duration)
	v.time("Warmup", c.Warmup)
	v.time("Timeout", c.Timeout)
	v.time("Spin", c.Spin)
	v.count("Idle", c.Idle, 0, maxConns)
	v.count("ReadRate", c.ReadRate, 0, math.MaxInt32)
	v.count("PID", c.PID, 0, math.MaxInt32)
	v.check(c.Rate >= 0 && c.Rate <= maxRate, "Rate", "is %v, want 0 to %d", c.Rate, maxRate)
	if c.Open() {
		v.check(c.Arrivals == Constant || c.Arrivals == Poisson,
			"Arrivals", "is %q, want %q or %q", c.Arrivals, Constant, Poisson)
	} else {
		v.check(c.Arrivals == "", "Arrivals", "is %q, but without a rate there is no schedule", c.Arrivals)
	}
	return errors.Join(v...)
}

// validation collects what is wrong.
type validation []error

func (v *validation) check(right bool, field, problem string, args ...any) {
	if !right {
		*v = append(*v, &FieldError{Field: field, Problem: fmt.Sprintf(problem, args...)})
	}
}

func (v *validation) count(field string, value, low, high int) {
	v.check(value >= low && value <= high, field, "is %d, want %d to %d", value, low, high)
}

func (v *validation) time(field string, value time.Duration) {
	v.check(value >= 0 && value <= maxTime, field, "is %v, want 0s to %v", value, maxTime)
}

// pattern holds what goes together with a pattern and what does not.
func (v *validation) pattern(c Config, network string) {
	single := c.Depth == 1 || c.Open()
	switch c.Pattern {
	case Pipelined, Stream:
	case PingPong, Idle:
		v.check(single, "Depth", "is %d, but %s has one message at a time on a connection; %s has more",
			c.Depth, c.Pattern, Pipelined)
	case Churn:
		v.check(c.Depth == 1, "Depth", "is %d, but a connection of %s carries one message", c.Depth, c.Pattern)
		v.check(!c.Open(), "Rate", "does not go with %s, which is as fast as the server lets it be", c.Pattern)
	case Slow:
		v.check(!c.Open(), "Rate", "does not go with %s, which sends all it can", c.Pattern)
	default:
		v.check(false, "Pattern", "is %q, want one of %v", c.Pattern, Patterns())
	}
	if network == "udp" {
		v.check(c.Pattern == PingPong || c.Pattern == Pipelined, "Pattern",
			"is %s, which needs connections, and UDP has none; %s and %s do without", c.Pattern, PingPong, Pipelined)
	}
	v.check(c.Idle == 0 || c.Pattern == Idle, "Idle", "is %d, but the pattern is %s, not %s", c.Idle, c.Pattern, Idle)
	v.check(c.Pattern != Idle || c.Conns+c.Idle > 0, "Conns", "and the silent ones are 0: there is nothing to do")
	v.check(c.Conns > 0 || !c.Open(), "Rate", "needs connections that carry messages, and there are none")
}

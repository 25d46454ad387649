package ops

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/uring"
)

// Defaults of a PortConfig.
const (
	DefaultReadAhead  = 64 << 10 // bytes per stream socket
	DefaultSyncBudget = 64       // synchronous completions per turn
	DefaultEntries    = 256      // SQEs per submit
)

// Limits that hold for every port.
const (
	maxPosts         = 1 << 20 // functions waiting for the next turn
	readAheadBuffers = 16      // buffers that one socket may hold unasked, however little is in them
	maxReadAhead     = 1 << 30
	maxSyncBudget    = 1 << 20
)

// PortConfig says what a port may use. The zero value of a field is its default.
type PortConfig struct {
	// ReadAhead is how many bytes a stream socket receives before anybody asks; 0: DefaultReadAhead; negative:
	// none, each ReceiveAsync is one request.
	ReadAhead int
	// TrySend lets SendAsync send on the caller's goroutine when the port's sleeps: it saves the wake-up.
	TrySend bool
	// DirectDescriptors is how many descriptors a table of the ring's own would hold. This version has none, so it is 0;
	// a positive number is ErrUnsupported. What they would cost is in ARCHITECTURE.md.
	DirectDescriptors int
	// SyncBudget is how many calls may complete synchronously in one turn, 1..1048576; 0: DefaultSyncBudget.
	SyncBudget int
	// Buffers and BufferSize are the number of receive buffers and the bytes of each; see bufring.Config.
	Buffers, BufferSize int
	// Entries is the number of requests that one enter submits at most, 1..32768; 0: DefaultEntries.
	Entries int
	// Restrict has the kernel refuse, for as long as the port lives, every operation of the ring that ports do not use:
	// a ring opens no files and makes no sockets then, whatever is written into its memory. A seccomp filter cannot see
	// that far. It costs nothing that could be measured. See IORING_REGISTER_RESTRICTIONS in io_uring_register(2).
	Restrict bool
	// Spin is how long the port watches its ring before it sleeps, up to 10ms; 0: it sleeps at once. What comes in
	// that time is served without a wake-up, which is much of the time of a lone round trip, for as much of a CPU.
	// Spinning keeps a processor of the Go scheduler busy: where GOMAXPROCS is not above the number of ports, other
	// goroutines wait as long. An idle port does not spin.
	Spin time.Duration

	newRing func(uring.Config) (ring, error) // nil: uring.New
	lookUp  func(ctx context.Context, host string) ([]netip.Addr, error)
	clock   func() time.Duration // nil: sinceEpoch
}

func (c PortConfig) withDefaults() PortConfig {
	if c.ReadAhead == 0 {
		c.ReadAhead = DefaultReadAhead
	}
	if c.SyncBudget == 0 {
		c.SyncBudget = DefaultSyncBudget
	}
	if c.Entries == 0 {
		c.Entries = DefaultEntries
	}
	if c.Buffers == 0 {
		c.Buffers = bufring.DefaultBuffers
	}
	if c.BufferSize == 0 {
		c.BufferSize = bufring.DefaultSize
	}
	if c.newRing == nil {
		c.newRing = newKernelRing
	}
	if c.lookUp == nil {
		c.lookUp = lookUpHost
	}
	if c.clock == nil {
		c.clock = sinceEpoch
	}
	return c
}

func newKernelRing(cfg uring.Config) (ring, error) {
	r, err := uring.New(cfg)
	if err != nil {
		return nil, err // not r: a nil *uring.Ring in the interface would not be nil
	}
	return r, nil
}

// Validate names every field that is out of its range.
func (c PortConfig) Validate() error {
	c = c.withDefaults()
	var wrong []error
	check := func(name string, value, low, high int) {
		if value < low || value > high {
			wrong = append(wrong, fmt.Errorf("ops: %s is %d, want %d to %d: %w", name, value, low, high, ErrArgument))
		}
	}
	if c.ReadAhead > maxReadAhead {
		check("ReadAhead", c.ReadAhead, 1, maxReadAhead)
	}
	if c.DirectDescriptors > 0 {
		wrong = append(wrong, c.noDirectDescriptors())
	} else {
		check("DirectDescriptors", c.DirectDescriptors, 0, 0)
	}
	check("SyncBudget", c.SyncBudget, 1, maxSyncBudget)
	check("Entries", c.Entries, 1, uring.MaxEntries)
	check("Buffers", c.Buffers, 1, bufring.MaxBuffers)
	if c.Spin < 0 || c.Spin > maxSpin {
		wrong = append(wrong, fmt.Errorf("ops: Spin is %v, want 0s to %v: %w", c.Spin, maxSpin, ErrArgument))
	}
	check("BufferSize", c.BufferSize, bufring.MinBufferSize, bufring.MaxBufferSize)
	return errors.Join(wrong...)
}

// noDirectDescriptors says that there are none: a socket could not tell its address then, nor be shown by Control or given
// away by Detach.
func (c PortConfig) noDirectDescriptors() error {
	return fmt.Errorf("ops: DirectDescriptors is %d: this version has none, since a socket without a descriptor of the "+
		"process has no LocalEndpoint, Control or Detach; leave it 0: %w", c.DirectDescriptors, ErrUnsupported)
}

// ringConfig sizes the ring: every posted buffer, every request of one submit and a backlog of accepts fit into
// the completion queue. A turn that submits several times reaps in between, once the queue is half full. What overflows
// it still, requests of many turns that complete all at once, the kernel keeps.
func (c PortConfig) ringConfig() uring.Config {
	entries := uint32(c.Entries)
	cfg := uring.Config{Entries: entries, CQEntries: max(uring.DefaultCQEntries, 2*entries)}
	if c.Restrict {
		cfg.Allow = portOperations
	}
	return cfg
}

// portOperations is every operation that a port asks of its ring.
var portOperations = []string{
	"ACCEPT", "ASYNC_CANCEL", "CLOSE", "CONNECT", "POLL_ADD", "RECV", "RECVMSG", "SEND", "SENDMSG", "SPLICE",
}

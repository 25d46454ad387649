package uring

// Limits and defaults of a Config.
const (
	DefaultEntries   = 256   // SQEs prepared between two enters
	DefaultCQEntries = 4096  // CQEs that fit between two reaps
	MaxEntries       = 32768 // the kernel's limit for the submission queue
	MaxCQEntries     = 65536 // the kernel's limit for the completion queue

	minEntries   = 8 // ENOMEM halves the queues down to these
	minCQEntries = 64
)

// Config says how large a ring is wanted and what it must do without. The zero value is the default.
type Config struct {
	Entries   uint32   // submission queue, rounded up to a power of two, 1..32768; 0: DefaultEntries
	CQEntries uint32   // completion queue, at least Entries, 1..65536; 0: DefaultCQEntries, or Entries if larger
	Workers   uint32   // io-wq threads at most for work that ends by itself, as reading a file; 0: 4
	Waiters   uint32   // and for work that may wait for a peer, as connecting to a full Unix listener; 0: 64
	Allow     []string // operations, spelt as Operations does, beside which all are refused for good; none: any
	Without   Flag     // set-up flags not to ask for, to behave as an older kernel would
}

func (c Config) withDefaults() Config {
	if c.Entries == 0 {
		c.Entries = DefaultEntries
	}
	c.Entries = min(c.Entries, MaxEntries)
	if c.CQEntries == 0 {
		c.CQEntries = DefaultCQEntries
	}
	c.CQEntries = min(max(c.CQEntries, c.Entries), MaxCQEntries)
	if c.Workers == 0 {
		c.Workers = 4
	}
	if c.Waiters == 0 {
		c.Waiters = 64
	}
	return c
}

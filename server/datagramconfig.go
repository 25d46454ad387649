package server

// Defaults of a DatagramConfig.
const (
	DefaultSourceRate  = 1000
	DefaultSourceBurst = 2000
	DefaultSources     = 4096
	DefaultTotalRate   = 100_000
	DefaultTotalBytes  = 64 << 20
)

// DatagramConfig limits what a server does for datagrams, whose senders anybody may forge. The zero value of a field
// is its default.
type DatagramConfig struct {
	// Public allows UDP listeners on addresses that other machines reach. Without it only loopback addresses are taken.
	Public bool
	// SourceRate is how many datagrams of one IPv4 address, or one IPv6 network of 64 bits, are answered in a second,
	// 1..1073741824; 0: DefaultSourceRate; negative: any number.
	SourceRate int
	// SourceBurst is how many are answered at once after a quiet time, 1..1073741824; 0: DefaultSourceBurst.
	SourceBurst int
	// Sources is how many sources are kept in mind by each shard, 1..1048576; 0: DefaultSources. The one that was quiet
	// the longest is forgotten first.
	Sources int
	// TotalRate is how many datagrams are answered in a second, over all sources and shards, 1..1073741824, and as many
	// at once after a quiet second; 0: DefaultTotalRate; negative: any number.
	TotalRate int
	// TotalBytes is how many bytes of datagrams are answered in a second, over all sources and shards,
	// 65536..1073741824, and as many at once after a quiet second; 0: DefaultTotalBytes; negative: any number.
	TotalBytes int
}

func (d DatagramConfig) withDefaults() DatagramConfig {
	d.SourceRate = orElse(d.SourceRate, DefaultSourceRate)
	d.SourceBurst = orElse(d.SourceBurst, DefaultSourceBurst)
	d.Sources = orElse(d.Sources, DefaultSources)
	d.TotalRate = orElse(d.TotalRate, DefaultTotalRate)
	d.TotalBytes = orElse(d.TotalBytes, DefaultTotalBytes)
	return d
}

// check notes what is wrong with a configuration whose defaults are filled in.
func (d DatagramConfig) check(wrong *faults) {
	if d.SourceRate >= 0 {
		wrong.count("Datagrams.SourceRate", d.SourceRate, 1, maxRate)
	}
	wrong.count("Datagrams.SourceBurst", d.SourceBurst, 1, maxRate)
	wrong.count("Datagrams.Sources", d.Sources, 1, maxSources)
	if d.TotalRate >= 0 {
		wrong.count("Datagrams.TotalRate", d.TotalRate, 1, maxRate)
	}
	if d.TotalBytes >= 0 {
		wrong.count("Datagrams.TotalBytes", d.TotalBytes, minBytes, maxRate)
	}
}

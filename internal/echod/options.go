package echod

import (
	"cmp"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/alecthomas/kong"

	"github.com/ringport/ringport/internal/size"
	"github.com/ringport/ringport/server"
)

// commands is the command line. Serving is what echod does when no command is named.
type commands struct {
	ShowVersion kong.VersionFlag   `name:"version"`
	Serve       serveOptions       `cmd:"" default:"withargs" help:"Sends back what it receives, on io_uring."`
	Healthcheck healthcheckOptions `cmd:"" help:"Asks a running echod whether it works."`
	Version     versionOptions     `cmd:"" help:"Prints the version."`
}

// command is one of the commands; run does what it is for and returns the exit status.
type command interface {
	run(p process) (status int)
}

// serveOptions is what people may set about serving. server.Config has the ranges, and the defaults that are variables.
// SIGHUP changes those with the tag reload.
type serveOptions struct {
	Addresses  addressOptions   `embed:"" group:"Addresses:"`
	Processors processorOptions `embed:"" group:"Processors:"`
	Limits     limitOptions     `embed:"" group:"Connections:"`
	Timeouts   timeoutOptions   `embed:"" group:"Times:"`
	Memory     memoryOptions    `embed:"" group:"Memory:"`
	Datagrams  datagramOptions  `embed:"" group:"UDP:"`
	Admin      adminOptions     `embed:"" group:"Administration:"`
	Log        logOptions       `embed:"" group:"Log:"`
	File       fileOptions      `embed:"" group:"Configuration:"`
}

type addressOptions struct {
	Listen   []string `placeholder:"${listen}"` // none: the server's default, or sockets that are inherited
	Handler  service  `default:"echo" placeholder:"echo"`
	TakeOver bool
}

type processorOptions struct {
	Shards  int           `default:"0"`
	PinCPUs bool          `name:"pin-cpus"`
	Spin    time.Duration `default:"0s"`
}

type limitOptions struct {
	MaxConns      int `default:"${maxConns}" reload:""`
	MaxConnsPerIP int `name:"max-conns-per-ip" default:"0" reload:""`
	AcceptRate    int `default:"${acceptRate}" reload:""`
	AcceptBurst   int `default:"0" reload:""`
	Backlog       int `default:"${backlog}"`
}

type timeoutOptions struct {
	IdleTimeout   time.Duration `default:"${idleTimeout}" reload:""`
	Lifetime      time.Duration `default:"${lifetime}" reload:""`
	WriteTimeout  time.Duration `default:"1m" reload:""`
	LingerTimeout time.Duration `default:"${lingerTimeout}" reload:""`
	DrainTimeout  time.Duration `default:"10s" reload:""`
}

type memoryOptions struct {
	HighWater  size.Size `default:"${highWater}" reload:""`
	MaxQueued  size.Size `default:"${maxQueued}" reload:""`
	BufferSize size.Size `default:"0B"`
	Buffers    int       `default:"0"`
}

type datagramOptions struct {
	Public      bool      `name:"udp-public"`
	SourceRate  int       `name:"udp-source-rate" default:"${sourceRate}" reload:""`
	SourceBurst int       `name:"udp-source-burst" default:"${sourceBurst}" reload:""`
	Sources     int       `name:"udp-sources" default:"${sources}"`
	TotalRate   int       `name:"udp-total-rate" default:"${totalRate}" reload:""`
	TotalBytes  size.Size `name:"udp-total-bytes" default:"${totalBytes}" reload:""`
}

type adminOptions struct {
	Admin string `placeholder:"ADDRESS"`
	Pprof bool
}

type logOptions struct {
	LogLevel  level  `default:"info" placeholder:"info" reload:""`
	LogFormat format `default:"text" placeholder:"text"`
}

type fileOptions struct {
	Config      string `placeholder:"FILE"`
	CheckConfig bool
	PrintConfig bool
}

// defaultMaxQueued keeps clients that do not read from taking the memory of a small machine, which the default of
// high-water alone would let them have: 10000 of them 2.5 GiB.
const defaultMaxQueued size.Size = 256 << 20

// defaults is the variables of the tags above.
func defaults() kong.Vars {
	return kong.Vars{
		"healthcheckAddress": healthcheckAddress,
		"version":            version(),
		"listen":             server.DefaultListen,
		"maxConns":           fmt.Sprint(server.DefaultMaxConns),
		"acceptRate":         fmt.Sprint(server.DefaultAcceptRate),
		"backlog":            fmt.Sprint(server.DefaultBacklog),
		"idleTimeout":        server.DefaultIdleTimeout.String(),
		"lifetime":           server.DefaultLifetime.String(),
		"lingerTimeout":      server.DefaultLingerTimeout.String(),
		"highWater":          size.Size(server.DefaultHighWater).String(),
		"maxQueued":          defaultMaxQueued.String(),
		"sourceRate":         fmt.Sprint(server.DefaultSourceRate),
		"sourceBurst":        fmt.Sprint(server.DefaultSourceBurst),
		"sources":            fmt.Sprint(server.DefaultSources),
		"totalRate":          fmt.Sprint(server.DefaultTotalRate),
		"totalBytes":         size.Size(server.DefaultTotalBytes).String(),
	}
}

// config is the server's configuration. The number of shards is settled here, since the runtime must know it too.
func (o serveOptions) config(log *slog.Logger) server.Config {
	return server.Config{
		Listen:        o.Addresses.Listen,
		TakeOver:      o.Addresses.TakeOver,
		Shards:        cmp.Or(o.Processors.Shards, runtime.GOMAXPROCS(0)), // what affinity and the cgroup leave
		PinCPUs:       o.Processors.PinCPUs,
		Spin:          o.Processors.Spin,
		MaxConns:      o.Limits.MaxConns,
		MaxConnsPerIP: o.Limits.MaxConnsPerIP,
		AcceptRate:    o.Limits.AcceptRate,
		AcceptBurst:   o.Limits.AcceptBurst,
		Backlog:       o.Limits.Backlog,
		IdleTimeout:   o.Timeouts.IdleTimeout,
		Lifetime:      o.Timeouts.Lifetime,
		WriteTimeout:  o.Timeouts.WriteTimeout,
		LingerTimeout: o.Timeouts.LingerTimeout,
		HighWater:     int(o.Memory.HighWater),
		MaxQueued:     int(o.Memory.MaxQueued),
		BufferSize:    int(o.Memory.BufferSize),
		Buffers:       o.Memory.Buffers,
		Datagrams:     o.Datagrams.config(),
		Logger:        log,
	}
}

func (o datagramOptions) config() server.DatagramConfig {
	return server.DatagramConfig{
		Public:      o.Public,
		SourceRate:  unlimitedAtZero(o.SourceRate),
		SourceBurst: o.SourceBurst,
		Sources:     o.Sources,
		TotalRate:   unlimitedAtZero(o.TotalRate),
		TotalBytes:  unlimitedAtZero(int(o.TotalBytes)),
	}
}

// unlimitedAtZero writes a flag's "0: any number" as the server does, for which zero is the default.
func unlimitedAtZero(n int) int {
	if n == 0 {
		return -1
	}
	return n
}

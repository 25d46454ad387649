package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/alecthomas/kong"

	"github.com/ringport/ringport/server"
)

// commands is the command line. Serving is what echod does when no command is named.
type commands struct {
	Version kong.VersionFlag `help:"Print the version and quit."`
	Serve   serveOptions     `cmd:"" default:"withargs" help:"Sends back what it receives, over TCP, on io_uring."`
}

// serveOptions is what people may set about serving. server.Config has the ranges, and the defaults that are variables.
type serveOptions struct {
	Addresses  addressOptions   `embed:"" group:"Addresses:"`
	Processors processorOptions `embed:"" group:"Processors:"`
	Limits     limitOptions     `embed:"" group:"Limits:"`
	Memory     memoryOptions    `embed:"" group:"Memory:"`
	Log        logOptions       `embed:"" group:"Log:"`
}

type addressOptions struct {
	Listen []string `default:"${listen}" help:"Where to listen; port 0 takes a free one. Repeatable."`
}

type processorOptions struct {
	Shards  int  `placeholder:"N" help:"Rings, each with a goroutine; one per CPU that echod may use if not given."`
	PinCPUs bool `name:"pin-cpus" help:"Keep each shard on a CPU of its own."`
}

type limitOptions struct {
	MaxConns     int           `default:"${maxConns}" help:"Connections at a time; more wait until others leave."`
	IdleTimeout  time.Duration `default:"${idleTimeout}" help:"Close connections that are silent so long; 0s: never."`
	HighWater    size          `default:"${highWater}" help:"Read no more from a client that leaves so much unread."`
	DrainTimeout time.Duration `default:"10s" help:"How long clients have to take what is theirs at the end."`
}

type memoryOptions struct {
	BufferSize size `default:"${bufferSize}" help:"Bytes of a receive buffer."`
	Buffers    int  `default:"${buffers}" help:"Receive buffers of a shard."`
}

type logOptions struct {
	LogLevel  level  `default:"info" help:"What to log at least: debug, info, warn or error."`
	LogFormat format `default:"text" placeholder:"text" help:"How to log it: text or json."`
}

// validate holds what the server's configuration does not. There zero stands for the default; here the flags have the
// defaults, so that a zero is somebody's wish, and what it would wish for does not exist.
func (o serveOptions) validate() error {
	var wrong []error
	for _, f := range []struct {
		flag string
		zero bool
	}{
		{"max-conns", o.Limits.MaxConns == 0},
		{"high-water", o.Limits.HighWater == 0},
		{"buffer-size", o.Memory.BufferSize == 0},
		{"buffers", o.Memory.Buffers == 0},
	} {
		if f.zero {
			wrong = append(wrong, fmt.Errorf("--%s is 0, want more", f.flag))
		}
	}
	if o.Limits.DrainTimeout < 0 {
		wrong = append(wrong, fmt.Errorf("--drain-timeout is %v, want 0s or more", o.Limits.DrainTimeout))
	}
	return errors.Join(wrong...)
}

// parse fills in the command line. It is done when nothing is left to do: help was printed, or usage was wrong.
func parse(c *commands, p process) (status int, done bool) {
	parser, err := kong.New(c,
		kong.Name("echod"),
		kong.Help(printHelp),
		kong.Vars{
			"version":     "echod " + version(),
			"listen":      server.DefaultListen,
			"maxConns":    fmt.Sprint(server.DefaultMaxConns),
			"idleTimeout": server.DefaultIdleTimeout.String(),
			"highWater":   size(server.DefaultHighWater).String(),
			"bufferSize":  size(server.DefaultBufferSize).String(),
			"buffers":     fmt.Sprint(server.DefaultBuffers),
		},
		kong.Writers(p.stdout, p.stderr),
		kong.Resolvers(environment(p.lookupEnv)),
		kong.Exit(func(code int) { status, done = code, true }),
	)
	if err == nil {
		_, err = parser.Parse(p.args)
	}
	if err != nil && !done {
		return wrongUsage(p.stderr, err), true
	}
	return status, done
}

// wrongUsage tells in one line what is wrong with the command line or the environment.
func wrongUsage(stderr io.Writer, err error) (status int) {
	fmt.Fprintf(stderr, "echod: usage: %s; see echod --help\n", oneLine(err))
	return exitUsage
}

package echod

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

const details = `Each setting can be given in the environment too, in the variable named beside it, and in a file. The ` +
	`command line goes first, then the environment, where an empty variable is as good as none, then the file. Sizes ` +
	`are written as 4096, 16KiB or 1MiB, times as 300ms, 10s or 1h30m.

SIGTERM and SIGINT stop it: it accepts no more, sends what it still has for its clients, and after the drain timeout ` +
	`closes what is left. A second signal ends it at once. SIGHUP reads the file again: limits, times, rates and the ` +
	`log level change at once, and what needs a restart is named in the log. SIGUSR1 logs one line of figures. SIGUSR2 ` +
	`starts the program again and leaves it the listeners, so that a new version serves without a refused connection.

The exit status is 0 when it was told to stop and did, 1 when it failed or was ended at once, and 2 when the command ` +
	`line, the environment or the file is wrong.

There are two commands more: echod healthcheck asks a running echod whether it works, and echod version prints the ` +
	`version.`

// Help is what --help says beside the flags.
func (serveOptions) Help() string { return details }

// texts is what each flag is for, with its unit.
var texts = map[string]string{
	"listen": "Where to listen: tcp://, udp://, unix:///PATH or unix://@NAME; port 0 takes a free one, and no host " +
		"is every address. Repeatable.",
	"handler":   "What to do with what comes: echo it (RFC 862), or discard it (RFC 863).",
	"take-over": "Listen also where another echod of the same user listens, which is about to stop.",

	"shards":   "Rings, each with a goroutine and a thread; 0: one per CPU that echod may use.",
	"pin-cpus": "Keep each shard on a CPU of its own.",
	"spin":     "How long a shard watches for more before it sleeps; 0s: not at all. It takes CPU to save wake-ups.",

	"max-conns":        "Connections at a time; more wait until others leave.",
	"max-conns-per-ip": "Connections of an IPv4 address or an IPv6 /64 at a time; more are closed; 0: any number.",
	"accept-rate":      "Connections to accept per second; more wait; 0: as many as come.",
	"accept-burst":     "Connections to accept at once after a quiet time; 0: those of a second.",
	"backlog":          "Connections that may wait at each listener until they are accepted.",

	"idle-timeout":   "Close connections that are silent so long; 0s: never.",
	"lifetime":       "End connections so long after they were made; 0s: never.",
	"write-timeout":  "Close connections whose client takes none of what waits for it so long; 0s: never.",
	"linger-timeout": "How long to read on after ending a connection, until its client has ended it too.",
	"drain-timeout":  "How long clients have to take what is theirs when echod is told to stop.",

	"high-water":  "Bytes that one client may leave unread before echod reads no more from it.",
	"max-queued":  "Bytes that all clients together may leave unread before echod reads no more; 0B: no limit.",
	"buffer-size": "Bytes of a receive buffer; longer datagrams are dropped; 0B: 16KiB, or 64KiB with UDP.",
	"buffers":     "Receive buffers of a shard; 0: 4096, or 1024 with UDP and no buffer-size.",

	"udp-public":       "Allow udp:// on addresses that other machines reach. Anybody can forge a datagram's sender.",
	"udp-source-rate":  "Datagrams of a source, an IPv4 address or an IPv6 /64, to answer per second; 0: any number.",
	"udp-source-burst": "Datagrams of a source to answer at once after a quiet time.",
	"udp-sources":      "Sources that each shard keeps in mind.",
	"udp-total-rate":   "Datagrams of all sources to answer per second; 0: any number.",
	"udp-total-bytes":  "Bytes of datagrams of all sources to answer per second; 0B: any number.",

	"admin": "Serve /metrics, /livez and /readyz at 127.0.0.1:9107 or unix:///PATH, say; nowhere if not given.",
	"pprof": "Serve /debug/pprof there too.",

	"log-level":  "What to log at least: debug, info, warn or error.",
	"log-format": "How to log it: text or json.",

	"config":       "Read settings from a TOML file. Its keys are the names of these flags.",
	"check-config": "Say whether the configuration is right, and quit.",
	"print-config": "Print the configuration as a file for --config, and quit.",

	"timeout": "How long the answer may take.",
	"version": "Print the version and quit.",
}

// describe gives each flag its text. In tags they would be lines too long to read.
func describe(k *kong.Kong) error {
	return kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok && flag.Help == "" {
			flag.Help = texts[flag.Name]
		}
		return next(nil)
	})
}

// helpWidth keeps lines readable on wide terminals.
const helpWidth = 100

// printHelp shows the flags of serving also where nobody names the command.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	options.WrapUpperBound = helpWidth
	options.ValueFormatter = explainFlag
	if selected := ctx.Selected(); selected == nil || selected.Name == "serve" {
		serving, err := kong.Trace(ctx.Kong, []string{"serve"})
		if err != nil {
			return err
		}
		ctx = serving
		options.NoAppSummary = true
		fmt.Fprintln(ctx.Stdout, "Usage: echod [serve] [flags]")
	}
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return &unprintedError{err}
	}
	return nil
}

// unprintedError is that the help could not be written, which is nothing wrong with the command line.
type unprintedError struct{ error }

func (e *unprintedError) Unwrap() error { return e.error }

// explainFlag is the help of a flag with its variable.
func explainFlag(value *kong.Value) string {
	if value.Flag == nil || variable(value.Flag) == "" {
		return value.Help
	}
	return strings.TrimSuffix(value.Help, ".") + " ($" + variable(value.Flag) + ")."
}

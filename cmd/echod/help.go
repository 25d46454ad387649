package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

const details = `Each flag can be given in the environment too, in the variable named beside it. The command line ` +
	`goes first; an empty variable is as good as none. Sizes are written as 4096, 16KiB or 1MiB, durations as 300ms, ` +
	`10s or 1h30m.

SIGTERM and SIGINT stop it: it accepts no more, sends what it still has for its clients, and after the drain timeout ` +
	`closes what is left. A second signal ends it at once.

The exit status is 0 when it was told to stop and did, 1 when it failed or was ended at once, and 2 when the command ` +
	`line or the environment is wrong.`

// Help is what --help says beside the flags.
func (serveOptions) Help() string { return details }

// helpWidth keeps lines readable on wide terminals.
const helpWidth = 100

// printHelp shows the flags of serving also where nobody names the command.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	options.WrapUpperBound = helpWidth
	options.ValueFormatter = explainFlag
	options.NoAppSummary = true
	if ctx.Selected() == nil {
		serving, err := kong.Trace(ctx.Kong, []string{"serve"})
		if err != nil {
			return err
		}
		ctx = serving
	}
	fmt.Fprintln(ctx.Stdout, "Usage: echod [serve] [flags]")
	return kong.DefaultHelpPrinter(options, ctx)
}

// explainFlag is the help of a flag with its variable.
func explainFlag(value *kong.Value) string {
	if value.Flag == nil || variable(value.Flag) == "" {
		return value.Help
	}
	return strings.TrimSuffix(value.Help, ".") + " ($" + variable(value.Flag) + ")."
}

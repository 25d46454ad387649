package main

import (
	"fmt"
	"io"

	"github.com/alecthomas/kong"
)

// parse fills in the command line, and finds the command that it names. There is none when nothing is left to do: help
// was printed, or usage was wrong.
func parse(c *commands, p process) (chosen command, status int) {
	var done bool
	parser, err := kong.New(c,
		kong.Name("echod"),
		kong.Help(printHelp),
		defaults(),
		kong.PostBuild(describe),
		kong.Writers(p.stdout, p.stderr),
		kong.Resolvers(environment(p.lookupEnv)),
		kong.Exit(func(code int) { status, done = code, true }),
	)
	var ctx *kong.Context
	if err == nil {
		ctx, err = parser.Parse(p.args)
	}
	switch {
	case done:
		return nil, status
	case err != nil:
		return nil, wrongUsage(p.stderr, err)
	}
	return ctx.Selected().Target.Addr().Interface().(command), exitDone
}

// wrongUsage tells in one line what is wrong with the command line or the environment.
func wrongUsage(stderr io.Writer, err error) (status int) {
	fmt.Fprintf(stderr, "echod: usage: %s; see echod --help\n", oneLine(err))
	return exitUsage
}

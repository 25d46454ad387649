package echobench

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/ringport/ringport/internal/buildinfo"
)

// commands is the command line.
type commands struct {
	Version kong.VersionFlag `help:"Print the version and quit."`
	Run     runOptions       `cmd:"" help:"Puts load on one server and tells what it found."`
	Compare compareOptions   `cmd:"" help:"Measures several servers under several loads, and writes a report."`
	Report  reportCommand    `cmd:"" help:"Writes the report of a comparison anew, from its figures."`
	Agent   agentCommand     `cmd:"" help:"Starts servers for a comparison that runs in another container."`
}

// command is what a command line may ask for.
type command interface {
	run(p process) (status int)
}

// parse fills in the command line and finds the command. There is none when nothing is left to do: help was printed, or
// something is wrong and was told.
func parse(c *commands, p process) (chosen command, status int) {
	done := false
	parser, err := kong.New(c,
		kong.Name("echobench"),
		kong.Description("Measures echo servers, and verifies every byte."),
		kong.ConfigureHelp(kong.HelpOptions{WrapUpperBound: helpWidth}),
		kong.Vars{"version": "echobench " + buildinfo.Read().String()},
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(func(code int) { status, done = code, true }),
	)
	if err != nil {
		return nil, wrongUsage(p.stderr, err)
	}
	ctx, err := parser.Parse(p.args)
	switch {
	case done:
		return nil, status
	case err != nil:
		return nil, wrongUsage(p.stderr, err)
	}
	chosen, found := ctx.Selected().Target.Addr().Interface().(command)
	if !found {
		return nil, wrongUsage(p.stderr, errors.New("name a command"))
	}
	return chosen, exitDone
}

// helpWidth keeps lines readable on wide terminals.
const helpWidth = 100

// wrongUsage tells in one line what is wrong with the command line.
func wrongUsage(stderr io.Writer, err error) (status int) {
	fmt.Fprintf(stderr, "echobench: usage: %s; see echobench --help\n", oneLine(err))
	return exitUsage
}

// oneLine is the error's text on one line: errors that were joined stand on lines of their own.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

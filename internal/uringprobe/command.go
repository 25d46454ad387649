package uringprobe

import (
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"
)

// The exit statuses beside those of a verdict are those of sysexits.h, so that none is taken for a verdict.
const (
	exitUsage  = 64
	exitOutput = 74
)

const description = `Tells whether io_uring works here and what ringport makes of it.

The exit status is 0 when ringport runs at full speed here, 1 when it runs with less, 2 when it cannot run, ` +
	`64 when the command line is wrong and 74 when the report could not be written.`

// Main is the program, with the arguments and the streams of this process; it returns the exit status.
func Main() (status int) {
	return run(os.Args[1:], os.Stdout, os.Stderr)
}

// options is the command line.
type options struct {
	JSON    bool `name:"json" help:"Print the report as JSON."`
	Version bool `help:"Print the version and quit."`
}

// run is the whole command; it returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	var o options
	if status, done := parse(&o, args, stdout, stderr); done {
		return status
	}
	if o.Version {
		_, err := fmt.Fprintln(stdout, "uringprobe", version())
		return conclude(0, err, stderr)
	}
	r := probe()
	write := writeText
	if o.JSON {
		write = writeJSON
	}
	return conclude(r.ExitStatus, write(stdout, r), stderr)
}

// parse fills in the options. It is done when there is nothing left to do: help was printed, or usage was wrong.
func parse(o *options, args []string, stdout, stderr io.Writer) (status int, done bool) {
	parser, err := kong.New(o,
		kong.Name("uringprobe"),
		kong.Description(description),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { status, done = code, true }),
	)
	if err == nil {
		_, err = parser.Parse(args)
	}
	if err != nil {
		fmt.Fprintf(stderr, "uringprobe: usage: %v; see uringprobe --help\n", err)
		return exitUsage, true
	}
	return status, done
}

// conclude gives the exit status, or another one when writing failed.
func conclude(status int, err error, stderr io.Writer) int {
	if err == nil {
		return status
	}
	fmt.Fprintf(stderr, "uringprobe: write the report: %v\n", err)
	return exitOutput
}

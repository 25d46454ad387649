package echobench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/ringport/ringport/internal/buildinfo"
	"github.com/ringport/ringport/internal/matrix"
	"github.com/ringport/ringport/internal/report"
	"github.com/ringport/ringport/uring"
)

// compareOptions is what people may set about a comparison.
type compareOptions struct {
	What   whatOptions   `embed:"" group:"What:"`
	Rounds roundOptions  `embed:"" group:"Rounds:"`
	Where  whereOptions  `embed:"" group:"Where:"`
	Report reportOptions `embed:"" group:"Report:"`
}

type whatOptions struct {
	Servers string   `placeholder:"FILE" help:"TOML file with a table [[server]] for each, and [[load]] if any."`
	Server  []string `sep:"none" placeholder:"NAME=COMMAND" help:"A server over TCP; {addr} is where. Repeatable."`
	Only    []string `placeholder:"NAME,..." help:"These servers, in this order; the first is what others are beside."`
	Loads   []string `placeholder:"NAME,..." help:"These loads; all, or with --quick some."`
	List    bool     `help:"List the loads, and quit."`
}

type roundOptions struct {
	Rounds   int           `placeholder:"N" help:"How often each server meets each load: 6, at least 5; 2 with --quick."`
	Duration time.Duration `placeholder:"TIME" help:"How long each run measures; 3s, or 400ms with --quick."`
	Warmup   time.Duration `placeholder:"TIME" help:"How long each runs before; 1s, or 200ms with --quick."`
	Quick    bool          `help:"A look that takes two minutes, and is marked as one."`
	Seed     uint64        `placeholder:"N" help:"Of the order; of the clock if not given. The report has it."`
}

type whereOptions struct {
	ServerCPU string `placeholder:"LIST" help:"CPUs of the servers; the first one, any for all."`
	ClientCPU string `placeholder:"LIST" help:"CPUs of the generator; the second one, any for all."`
}

type reportOptions struct {
	Out string `placeholder:"DIR" help:"Where the report goes, a new folder; echobench-DATE if not given."`
}

// Fewest rounds of a comparison that counts, and what is used if nothing is said. With six the median has an interval
// of 95 % without assuming anything.
const (
	fewestRounds  = 5
	defaultRounds = 6
	quickRounds   = 2
)

// Help is what --help says beside the flags.
func (compareOptions) Help() string {
	return `Every server meets every load in every round, in random order, as a fresh process on CPUs of its own. Loads at ` +
		`a part of the capacity come last, with the rate that the best of the other servers allows.

The folder of the report has report.html, results.json, manifest.json, bench.txt for benchstat, and hdr/ with the ` +
		`histograms of every run. Ratios are the first server divided by another, as medians of the ratios within rounds.

A [[server]] has name, group (go or c), networks = ["tcp", "unix", "udp"], command = ["prog", "--listen", "{addr}"] and ` +
		`version = ["prog", "--version"]. It prints a line with the word ready and its address when clients can connect. ` +
		`host = "IP" is where it listens instead of 127.0.0.1. agent = "PATH" is the socket of an echobench agent that ` +
		`starts it in another container.

The exit status is 0 when the first server was measured without a failure, 1 when not, and 2 for a wrong command line.`
}

// run makes the comparison and writes the report; it returns the exit status.
func (o compareOptions) run(p process) (status int) {
	file, err := o.What.file()
	if err != nil {
		return wrongUsage(p.stderr, err)
	}
	if o.What.List {
		return list(p.stdout, file.Extend(matrix.Catalogue()))
	}
	c, err := o.campaign(file)
	if err == nil {
		err = o.Report.check()
	}
	if err != nil {
		return wrongUsage(p.stderr, err)
	}
	c.Told = tell(p.stderr)
	return o.compare(p, c)
}

// compare runs it, and writes down what there is, also when it was stopped.
func (o compareOptions) compare(p process, c matrix.Campaign) (status int) {
	started := time.Now()
	outcome, err := c.Run(p.ctx)
	if err != nil {
		status = failed(p.stderr, err)
	}
	if len(outcome.Records) == 0 {
		return exitFailure
	}
	manifest := matrix.ManifestOf(context.WithoutCancel(p.ctx), c, outcome)
	manifest.Started = started
	manifest.Took = time.Since(started).Round(time.Second).String()
	manifest.Tool = "echobench " + buildinfo.Read().String()
	manifest.Command = append([]string{"echobench"}, p.args...)
	manifest.Ring = ring()
	folder := o.Report.folder(started)
	if err := report.Write(folder, outcome, manifest); err != nil {
		return failed(p.stderr, err)
	}
	if err := report.WriteText(p.stdout, outcome); err != nil {
		return failed(p.stderr, err)
	}
	fmt.Fprintf(p.stdout, "the report is in %s/%s\n", folder, report.HTMLFile)
	if err := trouble(outcome); err != nil {
		return failed(p.stderr, err)
	}
	return status
}

// trouble is what went wrong with the first server, which is the one that this is about.
func trouble(o matrix.Outcome) error {
	first, valid := o.Servers[0].Name, 0
	for _, r := range o.Records {
		switch {
		case r.Server != first:
		case r.Valid():
			valid++
		case r.Error != "" || r.Result.Failure != "":
			return fmt.Errorf("%s failed in round %d of %s: %s", first, r.Round, r.Load, r.Problem())
		}
	}
	if valid == 0 {
		return fmt.Errorf("%s has no valid run", first)
	}
	return nil
}

// ring is what io_uring gives on this machine, for the manifest.
func ring() string {
	r, err := uring.New(uring.Config{})
	if err != nil {
		return err.Error()
	}
	defer r.Close()
	return r.Features().String()
}

// campaign is the comparison that was asked for.
func (o compareOptions) campaign(file matrix.File) (matrix.Campaign, error) {
	servers, err := o.What.servers(file)
	if err != nil {
		return matrix.Campaign{}, err
	}
	loads, err := o.What.loads(file, o.Rounds.Quick)
	if err != nil {
		return matrix.Campaign{}, err
	}
	if err := o.Rounds.validate(); err != nil {
		return matrix.Campaign{}, err
	}
	serverCPUs, clientCPUs, err := o.Where.cpus()
	if err != nil {
		return matrix.Campaign{}, err
	}
	generator, err := generatorCommand()
	if err != nil {
		return matrix.Campaign{}, err
	}
	return matrix.Campaign{
		Servers:       servers,
		Loads:         loads,
		Rounds:        o.Rounds.rounds(),
		Seed:          o.Rounds.seed(),
		Timing:        o.Rounds.timing(),
		Quick:         o.Rounds.Quick,
		ServerCPUs:    serverCPUs,
		GeneratorCPUs: clientCPUs,
		Generator:     generator,
	}, nil
}

// check says before anything is measured whether the report can be written.
func (o reportOptions) check() error {
	if o.Out == "" {
		return nil
	}
	entries, err := os.ReadDir(o.Out)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("--out: %w", err)
	case len(entries) > 0:
		return fmt.Errorf("--out %s: there is something in that folder; name a new one", o.Out)
	}
	return nil
}

// folder is where the report goes.
func (o reportOptions) folder(started time.Time) string {
	if o.Out == "" {
		return "echobench-" + started.Format("20060102-150405")
	}
	return o.Out
}

// list prints the loads.
func list(stdout io.Writer, loads []matrix.Load) (status int) {
	quick := matrix.Quick()
	for _, l := range loads {
		mark := ""
		if slices.Contains(quick, l.Name) {
			mark = "quick"
		}
		fmt.Fprintf(stdout, "%-18s %-5s %s\n", l.Name, mark, l.Title)
	}
	return exitDone
}

// tell prints a line for every run that is over.
func tell(stderr io.Writer) func(done, all int, r matrix.Record) {
	return func(done, all int, r matrix.Record) {
		what := r.Problem()
		if what == "" {
			what = report.Brief(*r.Result)
		}
		fmt.Fprintf(stderr, "%4d/%d  round %d  %-18s %-10s %s\n", done, all, r.Round, r.Load, r.Server, what)
	}
}

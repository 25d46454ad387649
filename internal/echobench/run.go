package echobench

import (
	"errors"
	"fmt"
	"time"

	"github.com/ringport/ringport/internal/load"
	"github.com/ringport/ringport/internal/size"
)

// runOptions is what people may set about one run. load.Config has the ranges, and the defaults that differ by pattern.
type runOptions struct {
	Addr   string        `arg:"" placeholder:"ADDR" help:"tcp://HOST:PORT, udp://HOST:PORT, unix:///PATH, unix://@NAME."`
	Load   loadOptions   `embed:"" group:"Load:"`
	Open   openOptions   `embed:"" group:"Open loop:"`
	Watch  watchOptions  `embed:"" group:"Generator and server:"`
	Output outputOptions `embed:"" group:"Output:"`
}

type loadOptions struct {
	Pattern  string        `default:"ping-pong" placeholder:"NAME" help:"ping-pong, pipelined, stream, churn, idle, slow."`
	Conns    int           `default:"1" help:"Connections that carry messages; UDP sockets."`
	Depth    int           `placeholder:"N" help:"Messages on their way on a connection; 16 pipelined, 4 stream."`
	Size     size.Size     `placeholder:"BYTES" help:"Bytes of a message, from 16 on; 64, and 256KiB with stream."`
	Duration time.Duration `default:"5s" help:"How long to measure."`
	Warmup   time.Duration `default:"1s" help:"How long to do the same before, without measuring."`
	Idle     int           `placeholder:"N" help:"Silent connections beside the others; with --pattern idle."`
	ReadRate size.Size     `placeholder:"BYTES" help:"What a connection of --pattern slow reads in a second; 64KiB."`
	Timeout  time.Duration `placeholder:"TIME" help:"How long an answer may take; 5s, and 500ms for datagrams."`
	Seed     uint64        `default:"1" help:"Of the random numbers: contents of messages, --arrivals poisson."`
}

type openOptions struct {
	Rate     float64 `placeholder:"N" help:"Send so many messages a second, whatever comes back."`
	Arrivals string  `placeholder:"HOW" help:"How they lie in time: constant, or poisson."`
}

type watchOptions struct {
	CPUs string        `name:"cpus" placeholder:"LIST" help:"Keep the generator on these CPUs, such as 1 or 2-3."`
	Spin time.Duration `placeholder:"TIME" help:"Wait so long for an answer before sleeping; 50µs in an open loop."`
	PID  int           `name:"pid" placeholder:"N" help:"The server's process: tell what it used."`
}

type outputOptions struct {
	JSON     bool   `name:"json" help:"Print one JSON object instead of the summary."`
	HDR      string `name:"hdr" placeholder:"FILE" help:"Write the histograms there, as an HDR log."`
	Progress bool   `help:"Show progress on stderr also when that is no terminal."`
}

// Help is what --help says beside the flags.
func (runOptions) Help() string {
	return `Without --rate each connection sends the next message when an answer has come. With --rate messages are ` +
		`sent on schedule, and a latency counts from the moment that the schedule names.

Every byte that comes back is compared with what was sent: the message's number, the connection's mark, and a cut ` +
		`of a pseudo-random block. Lost, doubled, swapped or changed bytes end the run with the place of the first ` +
		`one. Datagrams may be lost, which is counted.

A run is void when nothing came back while it was measured, when more than 1 % of the sends of --rate were late ` +
		`by more than a millisecond, when the rate was not reached within 1 %, when counts disagree, or when without ` +
		`--rate the number of messages on their way was not what it should have been (Little's law, within 10 %). One ` +
		`in which the server did not keep up with --rate is marked: its latencies grow with the length of the run.

The exit status is 0 for a sound run, 1 for one that failed or is void, and 2 for a wrong command line.`
}

// config is the run that was asked for.
func (o runOptions) config() load.Config {
	return load.Config{
		Address:  o.Addr,
		Pattern:  load.Pattern(o.Load.Pattern),
		Conns:    o.Load.Conns,
		Depth:    o.Load.Depth,
		Size:     int(o.Load.Size),
		Duration: o.Load.Duration,
		Warmup:   orNone(o.Load.Warmup),
		Rate:     o.Open.Rate,
		Arrivals: load.Arrivals(o.Open.Arrivals),
		Seed:     o.Load.Seed,
		Idle:     o.Load.Idle,
		ReadRate: int(o.Load.ReadRate),
		Timeout:  o.Load.Timeout,
		Spin:     o.Watch.Spin,
		PID:      o.Watch.PID,
	}
}

// orNone is what load.Config calls none, where the command line says 0s.
func orNone(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

// run makes the run and tells what it found; it returns the exit status.
func (o runOptions) run(p process) (status int) {
	cfg := o.config()
	if err := o.validate(cfg); err != nil {
		return wrongUsage(p.stderr, err)
	}
	if err := pin(o.Watch.CPUs); err != nil {
		return failed(p.stderr, err)
	}
	bar := newBar(p.stderr, o.Output.Progress)
	cfg.Progress = bar.show
	result, err := load.Run(p.ctx, cfg)
	bar.clear()
	if errors.Is(err, load.ErrConfig) {
		return wrongUsage(p.stderr, flagErrors(err))
	}
	return o.tell(p, result, err)
}

// tell writes what was found where it was asked for.
func (o runOptions) tell(p process, result load.Result, err error) (status int) {
	told := o.print(p.stdout, result)
	if told == nil && o.Output.HDR != "" {
		told = writeHDR(o.Output.HDR, result)
	}
	for _, problem := range []error{err, told} {
		if problem != nil {
			status = failed(p.stderr, problem)
		}
	}
	if result.Void {
		status = exitFailure
	}
	return status
}

// validate holds what load.Config does not. There zero stands for the default; here some flags have the defaults, so
// that a zero is somebody's wish.
func (o runOptions) validate(cfg load.Config) error {
	var wrong []error
	if o.Load.Duration <= 0 {
		wrong = append(wrong, fmt.Errorf("--duration is %v, want more than 0s", o.Load.Duration))
	}
	if o.Load.Warmup < 0 {
		wrong = append(wrong, fmt.Errorf("--warmup is %v, want 0s or more", o.Load.Warmup))
	}
	if o.Load.Conns == 0 && cfg.Pattern != load.Idle {
		wrong = append(wrong, errors.New("--conns is 0, want more"))
	}
	if o.Watch.Spin < 0 {
		wrong = append(wrong, fmt.Errorf("--spin is %v, want 0s or more", o.Watch.Spin))
	}
	if o.Watch.CPUs != "" {
		if _, err := load.ParseCPUs(o.Watch.CPUs); err != nil {
			wrong = append(wrong, fmt.Errorf("--cpus: %w", err))
		}
	}
	return errors.Join(append(wrong, flagErrors(cfg.Validate()))...)
}

// pin keeps the process on the CPUs of a list, if there is one.
func pin(list string) error {
	if list == "" {
		return nil
	}
	cpus, err := load.ParseCPUs(list)
	if err != nil {
		return err
	}
	return load.Pin(cpus)
}

package echod

import (
	"context"
	"fmt"
	"time"
)

// healthcheckOptions is the command that asks a running echod whether it works. It needs no ring.
type healthcheckOptions struct {
	Address string        `arg:"" optional:"" default:"${listen}" name:"address" help:"${healthcheckAddress}"`
	Handler service       `default:"echo" placeholder:"echo" help:"What echod does there: echo or discard."`
	Timeout time.Duration `default:"5s"`
}

const healthcheckDetails = `It needs no ring, and prints one line. The exit status is 0 when echod works, 1 when it ` +
	`does not or does not answer in time, and 2 when the command line or the environment is wrong.`

// Help is what --help says beside the flags.
func (healthcheckOptions) Help() string { return healthcheckDetails }

const healthcheckAddress = `Whom to ask. tcp://HOST:PORT, udp://HOST:PORT and unix:///PATH get a few bytes, which ` +
	`must come back, or must not with --handler=discard; http://HOST:PORT and http+unix:///PATH, an admin address, are ` +
	`asked for /readyz.`

// run asks, and says what came of it.
func (o healthcheckOptions) run(p process) (status int) {
	ask, err := checkOf(o.Address, o.Handler)
	if err == nil && o.Timeout <= 0 {
		err = fmt.Errorf("--timeout is %v, want more than 0s", o.Timeout)
	}
	if err != nil {
		return wrongUsage(p.stderr, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), o.Timeout)
	defer cancel()
	asked := make(chan error, 1)
	go func() { asked <- ask(ctx) }()
	select {
	case err = <-asked:
	case sig := <-p.signals:
		cancel()
		<-asked
		err = fmt.Errorf("ended by the signal %v", sig)
	}
	if err != nil {
		fmt.Fprintf(p.stderr, "echod: healthcheck: %s: %s\n", o.Address, oneLine(err))
		return exitFailure
	}
	_, err = fmt.Fprintf(p.stdout, "echod: %s works\n", o.Address)
	return printed(p, err)
}

package matrix

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/child"
	"github.com/ringport/ringport/internal/load"
)

// errNoResult says that a generator ended without figures.
var errNoResult = errors.New("matrix: the generator gave no result")

// errNotDone says that a generator did not end.
var errNotDone = errors.New("matrix: the generator was not done")

// margin is how long a generator may take beside its run: to open thousands of connections on a busy machine, and to
// get all answers that are on their way at the end.
const margin = time.Minute

// limitOf is how long a generator may take for a run. One that a server has hang is a failure of that run, and not the
// end of the comparison.
func limitOf(cfg load.Config) time.Duration {
	cfg = cfg.WithDefaults()
	timeouts := 2 * cfg.Timeout // of a connect, and of the last answer
	return cfg.Warmup + cfg.Duration + timeouts + margin
}

// generate runs the generator on the CPUs, in a process of its own: what Go's runtime does for the comparison's sake is
// not on its account. A run that failed gives what it has, and why is in it.
func generate(ctx context.Context, argv []string, cpus []int, limit time.Duration) (load.Result, error) {
	cmd := child.Command(argv)
	var figures, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &figures, &complaints
	if err := child.StartOn(cpus, cmd); err != nil {
		return load.Result{}, fmt.Errorf("matrix: start the generator: %w", err)
	}
	limited, done := context.WithTimeout(ctx, limit)
	defer done()
	stop := context.AfterFunc(limited, func() { _ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL) })
	ended := cmd.Wait()
	killed := !stop()
	switch {
	case ctx.Err() != nil:
		return load.Result{}, ctx.Err()
	case killed:
		return load.Result{}, fmt.Errorf("%w after %v and was killed; does the server still answer? It said: %s",
			errNotDone, limit, oneLine(complaints.Bytes()))
	}
	var result load.Result
	if err := json.Unmarshal(figures.Bytes(), &result); err != nil {
		return load.Result{}, fmt.Errorf("%w (%v, %v); it said: %s", errNoResult, ended, err, oneLine(complaints.Bytes()))
	}
	return result, nil
}

// oneLine is what was said, without its newlines.
func oneLine(text []byte) string {
	return string(bytes.Join(bytes.Fields(text), []byte(" ")))
}

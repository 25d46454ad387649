package matrix

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/child"
	"github.com/ringport/ringport/internal/load"
)

// errNoResult says that a generator ended without figures.
var errNoResult = errors.New("matrix: the generator gave no result")

// generate runs the generator on the CPUs, in a process of its own: what Go's runtime does for the comparison's sake is
// not on its account. A run that failed gives what it has, and why is in it.
func generate(ctx context.Context, argv []string, cpus []int) (load.Result, error) {
	cmd := child.Command(argv)
	var figures, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &figures, &complaints
	if err := child.StartOn(cpus, cmd); err != nil {
		return load.Result{}, fmt.Errorf("matrix: start the generator: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL) })
	ended := cmd.Wait()
	stop()
	if ctx.Err() != nil {
		return load.Result{}, ctx.Err()
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

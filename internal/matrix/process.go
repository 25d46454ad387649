package matrix

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// How long a server may take to be ready, and to end when it is told to.
const (
	readyPatience = 30 * time.Second
	stopPatience  = 5 * time.Second
)

// process is a server that runs.
type process struct {
	cmd     *exec.Cmd
	output  *output
	address string        // where it is ready
	ended   chan struct{} // closed when it has ended
}

// startServer starts a server on the CPUs and waits until it is ready to be connected to. Folder is for the path of a
// Unix socket.
func startServer(ctx context.Context, s Server, network, folder string, cpus []int) (*process, error) {
	socket := filepath.Join(folder, "echo.sock")
	_ = os.Remove(socket) // what the server before left there, when there was one
	argv := s.commandFor(listenOn(network, socket))
	p := &process{cmd: command(argv), output: newOutput(network), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	if err := startOn(cpus, p.cmd); err != nil {
		return nil, fmt.Errorf("matrix: start server %s: %w", s.Name, err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended does not matter: it should not have, or was told to
		close(p.ended)
	}()
	if err := p.waitReady(ctx); err != nil {
		p.stop()
		return nil, fmt.Errorf("matrix: server %s (%s): %w", s.Name, strings.Join(argv, " "), err)
	}
	return p, nil
}

// listenOn is the address that a server is given: the kernel chooses a port, so that no run meets what is left of
// another's connections.
func listenOn(network, socket string) string {
	if network == "unix" {
		return "unix://" + socket
	}
	return network + "://127.0.0.1:0"
}

// waitReady waits for the line that says where the server is.
func (p *process) waitReady(ctx context.Context) error {
	timeout := time.NewTimer(readyPatience)
	defer timeout.Stop()
	select {
	case p.address = <-p.output.ready:
		return nil
	case <-p.ended:
		return fmt.Errorf("it ended before it was ready (%s); it said: %s", p.cmd.ProcessState, p.output.tail())
	case <-timeout.C:
		return fmt.Errorf("it was not ready after %v: no line of its output has the word ready and the address; "+
			"it said: %s", readyPatience, p.output.tail())
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop ends the server: it is asked to, and killed when it takes too long. Nothing of it is left afterwards.
func (p *process) stop() {
	pid := p.cmd.Process.Pid
	_ = unix.Kill(-pid, unix.SIGTERM)
	timeout := time.NewTimer(stopPatience)
	defer timeout.Stop()
	select {
	case <-p.ended:
	case <-timeout.C:
	}
	_ = unix.Kill(-pid, unix.SIGKILL) // whoever of the group is still there
	<-p.ended
}

// command is a program with its arguments, not yet started. It has a process group of its own, so that Ctrl-C does not
// end it while it is measured, and dies with its parent.
func command(argv []string) *exec.Cmd {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
	cmd.WaitDelay = stopPatience // for grandchildren that keep the output open
	return cmd
}

// startOn starts a program that may run on these CPUs only; on any when there are none. A process inherits this from
// the thread that makes it, so there is no moment in which it runs elsewhere, and Go programs count no other CPUs.
func startOn(cpus []int, cmd *exec.Cmd) error {
	if len(cpus) == 0 {
		return cmd.Start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, wanted unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("sched_getaffinity: %w", err)
	}
	for _, cpu := range cpus {
		wanted.Set(cpu)
	}
	if err := unix.SchedSetaffinity(0, &wanted); err != nil {
		return fmt.Errorf("run it on CPUs %v only: %w; is there such a CPU, and may this process use it?", cpus, err)
	}
	return errors.Join(cmd.Start(), unix.SchedSetaffinity(0, &before))
}

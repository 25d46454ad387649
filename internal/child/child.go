package child

import (
	"io"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

// stopPatience is how long a program may take to end when it is told to.
const stopPatience = 5 * time.Second

// Child is a program that runs.
type Child struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // how it ended; not to be read before that
}

// Start starts a program on the CPUs, on any when there are none. Output gets what it prints, errors too.
func Start(argv []string, cpus []int, output io.Writer) (*Child, error) {
	c := &Child{cmd: Command(argv), ended: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr = output, output
	if err := StartOn(cpus, c.cmd); err != nil {
		return nil, err
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.ended)
	}()
	return c, nil
}

// PID is the number of its process.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Ended is closed when it has ended, and all that it printed has been written.
func (c *Child) Ended() <-chan struct{} { return c.ended }

// Err says how it ended: nil with status 0. It waits for the end.
func (c *Child) Err() error {
	<-c.ended
	return c.err
}

// Stop ends it: it is asked to, and killed when it takes too long. Nothing of it is left afterwards.
func (c *Child) Stop() {
	_ = unix.Kill(-c.PID(), unix.SIGTERM)
	timeout := time.NewTimer(stopPatience)
	defer timeout.Stop()
	select {
	case <-c.ended:
	case <-timeout.C:
	}
	_ = unix.Kill(-c.PID(), unix.SIGKILL) // whoever of the group is still there
	<-c.ended
}

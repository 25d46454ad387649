package child

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Command is a program with its arguments, not yet started. It has a process group of its own, so that Ctrl-C does not
// end it while it is measured, and dies with its parent.
func Command(argv []string) *exec.Cmd {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
	cmd.WaitDelay = stopPatience // for grandchildren that keep the output open
	return cmd
}

// StartOn starts a program that may run on these CPUs only; on any when there are none. A process inherits this from
// the thread that makes it, so there is no moment in which it runs elsewhere, and Go programs count no other CPUs.
func StartOn(cpus []int, cmd *exec.Cmd) error {
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

package load

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxCPUs is how many CPUs a unix.CPUSet can name.
const maxCPUs = 1024

// ParseCPUs reads a list as taskset(1) and cpusets write it: "0", "1,3", "2-5,7". Returns an error that matches
// ErrConfig.
func ParseCPUs(list string) (cpus []int, err error) {
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		low, lowErr := strconv.ParseUint(first, 10, 16)
		high, highErr := strconv.ParseUint(last, 10, 16)
		if lowErr != nil || highErr != nil || high < low || high >= maxCPUs {
			return nil, fmt.Errorf("%w: CPUs %q: %q is neither a CPU nor a range of them; write for example 1 or 0,2-3",
				ErrConfig, list, part)
		}
		for cpu := low; cpu <= high; cpu++ {
			cpus = append(cpus, int(cpu))
		}
	}
	return cpus, nil
}

// Pin keeps the whole process, and those that it starts, on the given CPUs. It is called once, before Run.
func Pin(cpus []int) error {
	var set unix.CPUSet
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	// Threads that start meanwhile have their parent's CPUs, the old ones or the new ones: a second look finds them.
	for range 2 {
		if err := pinThreads(&set); err != nil {
			return fmt.Errorf("load: pin to the CPUs %v: %w; the machine, or the container, has %v", cpus, err, CPUs())
		}
	}
	return nil
}

func pinThreads(set *unix.CPUSet) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, thread := range threads {
		tid, err := strconv.Atoi(thread.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(tid, set); err != nil && !errors.Is(err, syscall.ESRCH) {
			return os.NewSyscallError("sched_setaffinity", err)
		}
	}
	return nil
}

// CPUs is those that the calling thread may run on; none when the kernel does not tell.
func CPUs() (cpus []int) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil
	}
	for cpu := range maxCPUs {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}

package server

import (
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// usableCPUs lists the CPUs that the process may use, as it was when it was first asked: a pinned shard that asked
// again would see only its own.
var usableCPUs = sync.OnceValue(func() []int {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil || set.Count() == 0 {
		return allCPUs() // more CPUs than the set has bits
	}
	cpus := make([]int, 0, set.Count())
	for cpu := 0; len(cpus) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
})

func allCPUs() []int {
	cpus := make([]int, runtime.NumCPU())
	for i := range cpus {
		cpus[i] = i
	}
	return cpus
}

// pin keeps the calling thread on these CPUs.
func pin(cpus ...int) error {
	var set unix.CPUSet
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("server: pin a shard to CPU %v: %w; run without PinCPUs", cpus, err)
	}
	return nil
}

package load

import (
	"math"
	"runtime/metrics"

	"golang.org/x/sys/unix"
)

// usage is what the generator has used since its process began.
type usage struct {
	cpu, thread moment
	spun        moment
	turns       uint64
	enters      uint64
	objects     uint64 // allocated on the heap
}

// usage must be called on the port's goroutine: it asks for its thread's time.
func (g *generator) usage() usage {
	stats := g.port.Stats()
	return usage{
		cpu:     clock(unix.CLOCK_PROCESS_CPUTIME_ID),
		thread:  clock(unix.CLOCK_THREAD_CPUTIME_ID),
		spun:    g.spun,
		turns:   stats.Turns,
		enters:  stats.Ring.Enters,
		objects: objects(),
	}
}

// clock reads a clock of the kernel's that every Linux has.
func clock(id int32) moment {
	var now unix.Timespec
	if err := unix.ClockGettime(id, &now); err != nil {
		return 0
	}
	return moment(now.Nano())
}

// objects is how many objects the process has allocated.
func objects() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}

// figures is what was used between two looks.
func (u usage) figures(before usage, seconds float64) GeneratorUsage {
	thread, spun := (u.thread - before.thread).Seconds(), (u.spun - before.spun).Seconds()
	return GeneratorUsage{
		CPUSeconds:    (u.cpu - before.cpu).Seconds(),
		ThreadSeconds: thread,
		SpinSeconds:   spun,
		Load:          perSecond(math.Max(thread-spun, 0), seconds),
		CPUs:          CPUs(),
		Turns:         u.turns - before.turns,
		Syscalls:      u.enters - before.enters,
		Allocations:   u.objects - before.objects,
	}
}

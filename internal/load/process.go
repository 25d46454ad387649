package load

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is the unit of CPU times in /proc/PID/stat: USER_HZ, which is 100 wherever Go runs on Linux.
const ticksPerSecond = 100

// processSample is what a process has used up to a moment.
type processSample struct {
	user, system time.Duration
	ran          map[string]time.Duration // by thread, in nanoseconds; nil where the kernel does not count them
	voluntary    uint64
	involuntary  uint64
	memory       Memory
}

// readProcess looks at a process. folder is /proc/PID.
func readProcess(folder string) (*processSample, error) {
	s := &processSample{}
	if err := s.readTimes(folder); err != nil {
		return nil, err
	}
	status, err := os.ReadFile(filepath.Join(folder, "status"))
	if err != nil {
		return nil, err
	}
	s.memory = Memory{RSS: kilobytes(status, "VmRSS:"), RSSAnon: kilobytes(status, "RssAnon:")}
	threads, err := os.ReadDir(filepath.Join(folder, "task"))
	if err != nil {
		return nil, err
	}
	s.ran = make(map[string]time.Duration, len(threads))
	for _, thread := range threads {
		s.readThread(filepath.Join(folder, "task", thread.Name()), thread.Name())
	}
	return s, nil
}

// readTimes reads the CPU time of the process, threads that have ended included.
func (s *processSample) readTimes(folder string) error {
	stat, err := os.ReadFile(filepath.Join(folder, "stat"))
	if err != nil {
		return err
	}
	// The name of the program stands in parentheses, and may have any character in it.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const user, system = 11, 12 // behind the name
	if len(fields) <= system {
		return fmt.Errorf("load: %s/stat has %d fields, want more", folder, len(fields))
	}
	if s.user, err = ticks(fields[user]); err != nil {
		return fmt.Errorf("load: %s/stat: %w", folder, err)
	}
	if s.system, err = ticks(fields[system]); err != nil {
		return fmt.Errorf("load: %s/stat: %w", folder, err)
	}
	return nil
}

func ticks(text string) (time.Duration, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	return time.Duration(n) * time.Second / ticksPerSecond, err
}

// readThread adds a thread. One that has ended meanwhile is left out.
func (s *processSample) readThread(folder, tid string) {
	status, err := os.ReadFile(filepath.Join(folder, "status"))
	if err != nil {
		return
	}
	s.voluntary += number(status, "voluntary_ctxt_switches:")
	s.involuntary += number(status, "nonvoluntary_ctxt_switches:")
	schedstat, err := os.ReadFile(filepath.Join(folder, "schedstat"))
	if err != nil {
		return
	}
	first, _, _ := strings.Cut(string(schedstat), " ")
	if ran, err := strconv.ParseInt(first, 10, 64); err == nil {
		s.ran[tid] = time.Duration(ran)
	}
}

// kilobytes is a line of a status file in bytes; 0 where it is missing.
func kilobytes(status []byte, name string) uint64 { return number(status, name) << 10 }

// number is the number in a line of a status file; 0 where it is missing.
func number(status []byte, name string) uint64 {
	for line := range bytes.Lines(status) {
		rest, found := bytes.CutPrefix(line, []byte(name))
		if !found {
			continue
		}
		if fields := bytes.Fields(rest); len(fields) > 0 {
			n, _ := strconv.ParseUint(string(fields[0]), 10, 64)
			return n
		}
	}
	return 0
}

// cpu is the time used since before: by the nanosecond, unless a thread has ended whose share only the ticks know.
func (s *processSample) cpu(before *processSample) time.Duration {
	byTicks := s.user + s.system - before.user - before.system
	if len(before.ran) == 0 {
		return byTicks
	}
	var sum time.Duration
	for tid, ran := range s.ran {
		sum += ran - before.ran[tid]
	}
	for tid := range before.ran {
		if _, alive := s.ran[tid]; !alive {
			return byTicks
		}
	}
	return sum
}

// sampleServer looks at the server, if it is known. One that has gone is nil: its connections tell more about it.
func (g *generator) sampleServer() *processSample {
	if g.cfg.PID == 0 {
		return nil
	}
	sample, err := readProcess(processFolder(g.cfg.PID))
	if err != nil {
		return nil
	}
	return sample
}

func processFolder(pid int) string { return "/proc/" + strconv.Itoa(pid) }

// figures is what the server used between two looks; before is from before the first connection.
func (s *processSample) figures(pid int, first, before *processSample, seconds float64, echoes uint64) *ServerUsage {
	cpu := s.cpu(first).Seconds()
	u := &ServerUsage{
		PID:                 pid,
		CPUSeconds:          cpu,
		UserSeconds:         (s.user - first.user).Seconds(),
		SystemSeconds:       (s.system - first.system).Seconds(),
		Load:                perSecond(cpu, seconds),
		VoluntarySwitches:   since(s.voluntary, first.voluntary),
		InvoluntarySwitches: since(s.involuntary, first.involuntary),
		Threads:             len(s.ran),
		Before:              before.memory,
		Start:               first.memory,
		End:                 s.memory,
	}
	if echoes > 0 {
		u.CPUPerEcho = cpu / float64(echoes)
	}
	return u
}

// since is how much a sum over threads has grown; 0 when a thread has ended and taken more with it.
func since(now, before uint64) uint64 {
	if now < before {
		return 0
	}
	return now - before
}

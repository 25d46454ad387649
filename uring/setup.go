package uring

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/sys"
)

// Flag is a set of IORING_SETUP flags.
type Flag uint32

// The set-up flags that New asks for, with the kernel that brought each.
const (
	FlagCQSize       Flag = sys.IORING_SETUP_CQSIZE        // 5.5: a completion queue of our own size
	FlagClamp        Flag = sys.IORING_SETUP_CLAMP         // 5.6: too large queues become the largest
	FlagDisabled     Flag = sys.IORING_SETUP_R_DISABLED    // 5.10: starts when its owner enables it
	FlagSubmitAll    Flag = sys.IORING_SETUP_SUBMIT_ALL    // 5.18: a bad SQE does not stop the batch
	FlagCoopTaskrun  Flag = sys.IORING_SETUP_COOP_TASKRUN  // 5.19: completions interrupt nobody
	FlagTaskrunFlag  Flag = sys.IORING_SETUP_TASKRUN_FLAG  // 5.19: pending work shows in the SQ flags word
	FlagSingleIssuer Flag = sys.IORING_SETUP_SINGLE_ISSUER // 6.0: one thread enters
	FlagDeferTaskrun Flag = sys.IORING_SETUP_DEFER_TASKRUN // 6.1: completions are made inside the enter only
	FlagNoSQArray    Flag = sys.IORING_SETUP_NO_SQARRAY    // 6.6: no index array between SQ and SQEs
)

const fullSpeed = FlagCQSize | FlagClamp | FlagDisabled | FlagSubmitAll | FlagTaskrunFlag |
	FlagSingleIssuer | FlagDeferTaskrun | FlagNoSQArray

// step is one way down the ladder, taken when the kernel does not know the flags above.
type step struct{ drop, add Flag }

// ladder goes from the newest flag down. What is left below it (5.10) is a ring, but not one for us: multishot
// accept and buffer rings came with 5.19.
var ladder = []step{
	{drop: FlagNoSQArray},
	{drop: FlagDeferTaskrun, add: FlagCoopTaskrun},
	{drop: FlagSingleIssuer},
	{drop: FlagCoopTaskrun | FlagTaskrunFlag},
	{drop: FlagSubmitAll},
}

// without removes flags and what the kernel accepts only beside them.
func (f Flag) without(drop Flag) Flag {
	f &^= drop
	if f&FlagSingleIssuer == 0 && f&FlagDeferTaskrun != 0 {
		f = f&^FlagDeferTaskrun | FlagCoopTaskrun&^drop
	}
	if f&(FlagDeferTaskrun|FlagCoopTaskrun) == 0 {
		if drop&FlagCoopTaskrun == 0 {
			return f | FlagCoopTaskrun
		}
		f &^= FlagTaskrunFlag
	}
	return f
}

// setup walks the ladder: EINVAL costs a flag, ENOMEM half of the queues. EPERM and ENOSYS are final: whoever
// refuses rings refuses them with any flags.
func setup(cfg Config) (int, sys.Params, error) {
	flags := fullSpeed.without(cfg.Without)
	rungs := ladder
	entries, cqEntries := cfg.Entries, cfg.CQEntries
	for {
		params := sys.Params{Flags: uint32(flags), CQEntries: cqEntries}
		fd, errno := sys.Setup(entries, &params)
		switch {
		case errno == 0:
			return fd, params, nil
		case errno == syscall.EINVAL && len(rungs) > 0:
			flags, rungs = descend(flags, rungs, cfg.Without)
		case errno == syscall.ENOMEM && (entries > minEntries || cqEntries > minCQEntries):
			entries, cqEntries = halve(entries, minEntries), halve(cqEntries, minCQEntries)
		case errno == syscall.EINTR:
		default:
			return -1, params, setupError(errno, cfg)
		}
	}
}

// halve makes a queue smaller, but not smaller than the least; one that is below it from the start stays.
func halve(n, least uint32) uint32 { return min(n, max(n/2, least)) }

// descend takes the next step that changes something. What the caller does without is not added on the way.
func descend(flags Flag, rungs []step, without Flag) (Flag, []step) {
	for len(rungs) > 0 {
		next := flags
		if flags&rungs[0].drop != 0 {
			next = flags&^rungs[0].drop | rungs[0].add&^without
		}
		if next&(FlagDeferTaskrun|FlagCoopTaskrun) == 0 {
			next &^= FlagTaskrunFlag // the kernel takes it only beside one of them
		}
		rungs = rungs[1:]
		if next != flags {
			return next, rungs
		}
	}
	return flags, nil
}

func setupError(errno syscall.Errno, cfg Config) error {
	e := &SetupError{Errno: errno}
	switch errno {
	case syscall.EPERM, syscall.EACCES:
		e.Cause, e.Mend = refusal(sysctlDisabled(), seccompMode())
	case syscall.ENOSYS:
		e.Cause, e.Mend = absence(seccompMode())
	case syscall.ENOMEM:
		e.Cause, e.Mend = memlockCause(ringBytes(cfg)), memlockMend
	case syscall.EMFILE, syscall.ENFILE:
		e.Cause = "no file descriptor is free"
		e.Mend = "raise the limit on open files (ulimit -n, LimitNOFILE=)"
	case syscall.EINVAL:
		e.Cause = "the kernel is too old for io_uring networking"
		e.Mend = "use kernel 5.19 or newer, 6.1 for full speed"
	default:
		e.Cause = "an unexpected refusal by the kernel"
		e.Mend = "see io_uring_setup(2) for this error"
	}
	return e
}

// refusal finds out who refuses rings: the sysctl says so itself, otherwise it is a seccomp filter or an LSM.
func refusal(sysctl, seccomp string) (cause, mend string) {
	switch sysctl {
	case "2":
		return "the sysctl kernel.io_uring_disabled is 2: io_uring is off for everyone",
			"set it to 0 (sysctl -w kernel.io_uring_disabled=0)"
	case "1":
		return "the sysctl kernel.io_uring_disabled is 1: io_uring is for privileged processes only",
			"set it to 0, or put this user into the group of kernel.io_uring_group"
	}
	if seccomp == "2" {
		return "the seccomp profile of this process refuses io_uring, as those of Docker 25 and containerd 2 do", profileMend
	}
	return "a security policy (seccomp, SELinux, AppArmor) refuses io_uring",
		"allow io_uring_setup, io_uring_enter and io_uring_register in it"
}

// absence finds out who says that there is no io_uring: a seccomp filter, if there is one, is likelier than the kernel.
func absence(seccomp string) (cause, mend string) {
	const built = "a kernel with CONFIG_IO_URING from 5.19 on"
	if seccomp == "2" {
		return "the seccomp profile of this process hides io_uring, as that of Podman does, " +
			"or this kernel was built without io_uring", profileMend + "; it takes " + built
	}
	return "this kernel was built without io_uring, or a sandbox (gVisor) hides it",
		"use " + built + ", or allow io_uring in the sandbox"
}

// profileMend has a command that works as it stands, in a clone of this repository, with the image that is built there.
const profileMend = "allow io_uring_setup, io_uring_enter and io_uring_register in it: " +
	"docker run --security-opt seccomp=deploy/seccomp.json ringport " +
	"(with that file of https://github.com/ringport/ringport, and your image), " +
	"or SystemCallFilter=@aio in the unit of systemd"

func sysctlDisabled() string {
	b, err := os.ReadFile("/proc/sys/kernel/io_uring_disabled")
	if err != nil {
		return "" // before 6.6 there is none
	}
	return strings.TrimSpace(string(b))
}

// seccompMode is 2 where a filter is in force; a thread may have one of its own.
func seccompMode() string {
	b, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if mode, ok := strings.CutPrefix(line, "Seccomp:"); ok {
			return strings.TrimSpace(mode)
		}
	}
	return ""
}

const memlockMend = "raise the limit (ulimit -l, LimitMEMLOCK=, docker run --ulimit memlock=-1), " +
	"grant CAP_IPC_LOCK, or ask for smaller rings"

func memlockCause(needed uint64) string {
	limit := "unknown"
	var rl unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_MEMLOCK, &rl) == nil {
		limit = fmt.Sprintf("%d bytes", rl.Cur)
		if rl.Cur == unix.RLIM_INFINITY {
			limit = "unlimited"
		}
	}
	return fmt.Sprintf("no memory for it: it needs %d bytes of the locked memory of this user, whose limit is %s",
		needed, limit)
}

// MemlockBytes is how much of the user's RLIMIT_MEMLOCK a ring of this size is charged for. Processes with
// CAP_IPC_LOCK are not charged.
func (c Config) MemlockBytes() uint64 { return ringBytes(c.withDefaults()) }

func ringBytes(cfg Config) uint64 {
	page := uint64(os.Getpagesize())
	round := func(n uint64) uint64 { return (n + page - 1) / page * page }
	const header = 64 * 5 // the ring words in front of the CQEs
	return round(header+uint64(powerOfTwo(cfg.CQEntries))*16+uint64(powerOfTwo(cfg.Entries))*4) +
		round(uint64(powerOfTwo(cfg.Entries))*64)
}

func powerOfTwo(n uint32) uint32 {
	p := uint32(1)
	for p < n && p < 1<<31 {
		p <<= 1
	}
	return p
}

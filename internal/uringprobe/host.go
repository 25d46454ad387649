package uringprobe

import (
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/uring"
)

// host is what decides about rings outside of the kernel's abilities.
type host struct {
	Kernel       string  `json:"kernel"`
	Architecture string  `json:"architecture"`
	Disabled     *int    `json:"io_uring_disabled"` // sysctl kernel.io_uring_disabled; null before 6.6
	Group        *int    `json:"io_uring_group"`    // sysctl kernel.io_uring_group; null before 6.6
	Seccomp      string  `json:"seccomp"`           // none, strict, filter or unknown
	IPCLock      bool    `json:"cap_ipc_lock"`
	Namespace    bool    `json:"user_namespace"` // capabilities do not count outside of it
	Memlock      memlock `json:"memlock"`
}

// memlock compares the limit on locked memory with what a default ring is charged.
type memlock struct {
	Limit      *uint64 `json:"limit_bytes"` // RLIMIT_MEMLOCK, of all processes of the user; null: unlimited
	Ring       uint64  `json:"ring_bytes"`
	BufferRing uint64  `json:"buffer_ring_bytes"`
	Needed     uint64  `json:"needed_bytes"`
	Charged    bool    `json:"charged"` // false with CAP_IPC_LOCK
	Enough     bool    `json:"enough"`
}

// postedBuffers is how many buffers a group posts unless told otherwise: an entry of 16 bytes for each.
const postedBuffers = 256

// thisHost looks at the machine and at this process.
func thisHost() host {
	limit := unix.Rlimit{Cur: unix.RLIM_INFINITY}
	_ = unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit)
	return hostOf(os.DirFS("/proc"), kernelRelease(), limit.Cur)
}

// hostOf reads the files of proc, those of a thread because seccomp and capabilities are a thread's.
func hostOf(proc fs.FS, kernel string, limit uint64) host {
	status := threadStatus(proc)
	h := host{
		Kernel:       kernel,
		Architecture: runtime.GOARCH,
		Disabled:     sysctl(proc, "io_uring_disabled"),
		Group:        sysctl(proc, "io_uring_group"),
		Seccomp:      seccomp(status["Seccomp"]),
		IPCLock:      capable(status["CapEff"], unix.CAP_IPC_LOCK),
		Namespace:    inUserNamespace(proc),
	}
	h.Memlock = memlockOf(limit, !h.IPCLock || h.Namespace)
	return h
}

func memlockOf(limit uint64, charged bool) memlock {
	page := uint64(os.Getpagesize())
	m := memlock{
		Ring:       uring.Config{}.MemlockBytes(),
		BufferRing: (postedBuffers*16 + page - 1) / page * page,
		Charged:    charged,
	}
	m.Needed = m.Ring + m.BufferRing
	if limit != unix.RLIM_INFINITY {
		m.Limit = &limit
	}
	m.Enough = !charged || limit >= m.Needed
	return m
}

func kernelRelease() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(name.Release[:])
}

// threadStatus is the fields of the thread's status file.
func threadStatus(proc fs.FS) map[string]string {
	fields := map[string]string{}
	text, _ := fs.ReadFile(proc, "thread-self/status")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			fields[name] = strings.TrimSpace(value)
		}
	}
	return fields
}

// sysctl is a number below kernel, nil when there is none.
func sysctl(proc fs.FS, name string) *int {
	text, err := fs.ReadFile(proc, "sys/kernel/"+name)
	if err != nil {
		return nil
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return nil
	}
	return &n
}

// seccomp names the mode. See proc_pid_status(5).
func seccomp(mode string) string {
	switch mode {
	case "0":
		return "none"
	case "1":
		return "strict"
	case "2":
		return "filter"
	}
	return "unknown"
}

// capable looks for a capability in a mask as the status file spells it.
func capable(mask string, capability uint) bool {
	bits, err := strconv.ParseUint(mask, 16, 64)
	return err == nil && bits&(1<<capability) != 0
}

// inUserNamespace reports whether the process is in a user namespace of its own: the first one maps every number to
// itself. The kernel asks for CAP_IPC_LOCK in the first one only.
func inUserNamespace(proc fs.FS) bool {
	text, err := fs.ReadFile(proc, "self/uid_map")
	if err != nil {
		return false
	}
	return strings.Join(strings.Fields(string(text)), " ") != "0 0 4294967295"
}

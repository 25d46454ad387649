package matrix

import (
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine is what figures depend on beside the programs. What cannot be read is left out.
type Machine struct {
	Kernel       string `json:"kernel"`
	System       string `json:"system"` // the distribution
	Architecture string `json:"architecture"`
	CPU          string `json:"cpu"` // its model
	CPUs         string `json:"cpus_online"`
	// Hypervisor says that it is a virtual machine: its CPUs may be taken away at any time.
	Hypervisor bool `json:"hypervisor"`
	// Siblings are the CPUs that share a core, by CPU; Governors the frequency governors.
	Siblings  map[string]string `json:"siblings,omitempty"`
	Governors map[string]string `json:"governors,omitempty"`
	// Mitigations is what the kernel does against each fault of the CPU.
	Mitigations map[string]string `json:"mitigations,omitempty"`
	Clock       string            `json:"clock_source,omitempty"`
	MemoryKiB   string            `json:"memory,omitempty"`
	// Sysctls are the kernel's settings that matter here.
	Sysctls map[string]string `json:"sysctls"`
	// Descriptors is how many files a process may have open.
	Descriptors uint64 `json:"descriptors"`
	// LoadAverage is of the last minute, when this was read. Others' work counts in it, and disturbs.
	LoadAverage string `json:"load_average,omitempty"`
}

// sysctls are the settings whose values are noted.
var sysctls = []string{
	"kernel/io_uring_disabled",
	"kernel/perf_event_paranoid",
	"kernel/sched_autogroup_enabled",
	"net/core/busy_poll",
	"net/core/busy_read",
	"net/core/default_qdisc",
	"net/core/netdev_budget",
	"net/core/netdev_max_backlog",
	"net/core/rmem_default",
	"net/core/rmem_max",
	"net/core/somaxconn",
	"net/core/wmem_default",
	"net/core/wmem_max",
	"net/ipv4/ip_local_port_range",
	"net/ipv4/tcp_congestion_control",
	"net/ipv4/tcp_max_syn_backlog",
	"net/ipv4/tcp_rmem",
	"net/ipv4/tcp_tw_reuse",
	"net/ipv4/tcp_wmem",
	"net/unix/max_dgram_qlen",
}

// ThisMachine looks at the machine that this runs on.
func ThisMachine() Machine {
	m := machineOf(os.DirFS("/"))
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		m.Kernel = unix.ByteSliceToString(name.Release[:]) + " " + unix.ByteSliceToString(name.Version[:])
	}
	m.Descriptors = descriptorLimit()
	return m
}

// descriptorLimit is how many files a process may have open; 0 when that is not known. It is the hard limit: Go raises
// the soft one by itself, and so do the servers.
func descriptorLimit() uint64 {
	var files unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &files) != nil {
		return 0
	}
	return files.Max
}

// machineOf reads the files of a root folder.
func machineOf(root fs.FS) Machine {
	m := Machine{
		Architecture: runtime.GOARCH,
		System:       strings.Trim(field(root, "etc/os-release", "PRETTY_NAME", "="), `"`),
		CPU:          field(root, "proc/cpuinfo", "model name", ":"),
		CPUs:         content(root, "sys/devices/system/cpu/online"),
		Hypervisor:   slices.Contains(strings.Fields(field(root, "proc/cpuinfo", "flags", ":")), "hypervisor"),
		Siblings:     perCPU(root, "topology/thread_siblings_list"),
		Governors:    perCPU(root, "cpufreq/scaling_governor"),
		Mitigations:  inFolder(root, "sys/devices/system/cpu/vulnerabilities"),
		Clock:        content(root, "sys/devices/system/clocksource/clocksource0/current_clocksource"),
		MemoryKiB:    field(root, "proc/meminfo", "MemTotal", ":"),
		Sysctls:      map[string]string{},
	}
	for _, name := range sysctls {
		if value := content(root, "proc/sys/"+name); value != "" {
			m.Sysctls[strings.ReplaceAll(name, "/", ".")] = value
		}
	}
	m.LoadAverage, _, _ = strings.Cut(content(root, "proc/loadavg"), " ")
	return m
}

// content is a file with its spaces made single; "" when it cannot be read.
func content(root fs.FS, name string) string {
	text, _ := fs.ReadFile(root, name)
	return strings.Join(strings.Fields(string(text)), " ")
}

// field is the value of the first line of a file that begins with a name.
func field(root fs.FS, file, name, separator string) string {
	text, _ := fs.ReadFile(root, file)
	for line := range strings.Lines(string(text)) {
		if key, value, found := strings.Cut(line, separator); found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// perCPU is a file that each CPU has.
func perCPU(root fs.FS, name string) map[string]string {
	found := map[string]string{}
	files, _ := fs.Glob(root, "sys/devices/system/cpu/cpu[0-9]*/"+name)
	for _, file := range files {
		cpu := strings.Split(strings.TrimPrefix(file, "sys/devices/system/cpu/"), "/")[0]
		found[cpu] = content(root, file)
	}
	return found
}

// inFolder is every file of a folder.
func inFolder(root fs.FS, folder string) map[string]string {
	found := map[string]string{}
	entries, _ := fs.ReadDir(root, folder)
	for _, entry := range entries {
		found[entry.Name()] = content(root, path.Join(folder, entry.Name()))
	}
	return found
}

package uringprobe

import (
	"io/fs"
	"runtime"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/uring"
)

// procOf is a /proc with these files.
func procOf(files map[string]string) fs.FS {
	proc := fstest.MapFS{}
	for name, text := range files {
		proc[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return proc
}

func statusFile(capabilities, seccomp string) string {
	return "Name:\turingprobe\nCapPrm:\t0000000000000000\nCapEff:\t" + capabilities + "\nSeccomp:\t" + seccomp +
		"\nSeccomp_filters:\t0\n"
}

const (
	allCapabilities = "000001ffffffffff"
	onlyIPCLock     = "0000000000004000"
	allButIPCLock   = "000001ffffffbfff"
	firstNamespace  = "         0          0 4294967295\n"
	ownNamespace    = "         0       1000          1\n"
)

func TestTheHostIsReadFromProc(t *testing.T) {
	number := func(n int) *int { return &n }
	tests := []struct {
		name  string
		files map[string]string
		want  host // without Memlock
	}{
		{"a root shell", map[string]string{
			"sys/kernel/io_uring_disabled": "0\n", "sys/kernel/io_uring_group": "-1\n",
			"thread-self/status": statusFile(allCapabilities, "0"), "self/uid_map": firstNamespace,
		}, host{Disabled: number(0), Group: number(-1), Seccomp: "none", IPCLock: true}},
		{"a container", map[string]string{
			"sys/kernel/io_uring_disabled": "2\n", "sys/kernel/io_uring_group": "27\n",
			"thread-self/status": statusFile(allButIPCLock, "2"), "self/uid_map": firstNamespace,
		}, host{Disabled: number(2), Group: number(27), Seccomp: "filter"}},
		{"a rootless container", map[string]string{
			"sys/kernel/io_uring_disabled": "1\n",
			"thread-self/status":           statusFile(onlyIPCLock, "1"), "self/uid_map": ownNamespace,
		}, host{Disabled: number(1), Seccomp: "strict", IPCLock: true, Namespace: true}},
		{"an old kernel", map[string]string{
			"thread-self/status": statusFile("0000000000000000", "0"), "self/uid_map": firstNamespace,
		}, host{Seccomp: "none"}},
		{"no proc", nil, host{Seccomp: "unknown"}},
		{"nonsense", map[string]string{
			"sys/kernel/io_uring_disabled": "maybe\n", "thread-self/status": statusFile("many", "9"),
		}, host{Seccomp: "unknown"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := hostOf(procOf(test.files), "6.1.0", unix.RLIM_INFINITY)
			got.Memlock = memlock{}
			test.want.Kernel, test.want.Architecture = "6.1.0", runtime.GOARCH
			require.Equal(t, test.want, got)
		})
	}
}

func TestRingsAreChargedUnlessTheCapabilityCounts(t *testing.T) {
	tests := []struct {
		name, capabilities, namespace string
		limit                         uint64
		charged, enough               bool
	}{
		{"with the capability", onlyIPCLock, firstNamespace, 0, false, true},
		{"in a user namespace", onlyIPCLock, ownNamespace, 0, true, false},
		{"without it", allButIPCLock, firstNamespace, 64 << 10, true, false},
		{"without it, by default", allButIPCLock, firstNamespace, 8 << 20, true, true},
		{"unlimited", allButIPCLock, firstNamespace, unix.RLIM_INFINITY, true, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := hostOf(procOf(map[string]string{
				"thread-self/status": statusFile(test.capabilities, "0"), "self/uid_map": test.namespace,
			}), "", test.limit).Memlock
			require.Equal(t, test.charged, m.Charged)
			require.Equal(t, test.enough, m.Enough)
			require.Equal(t, test.limit == unix.RLIM_INFINITY, m.Limit == nil)
		})
	}
}

func TestADefaultRingNeedsWhatTheLibraryUses(t *testing.T) {
	require.Equal(t, bufring.DefaultPosted, postedBuffers)
	m := thisHost().Memlock
	require.Equal(t, uring.Config{}.MemlockBytes(), m.Ring)
	require.GreaterOrEqual(t, m.BufferRing, uint64(16*bufring.DefaultPosted))
	require.Equal(t, m.Ring+m.BufferRing, m.Needed)
	require.Regexp(t, `^\d+\.\d+`, thisHost().Kernel)
}

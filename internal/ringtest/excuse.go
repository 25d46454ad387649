package ringtest

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// machine is what decides whether io_uring should work here.
type machine struct {
	required bool   // RINGPORT_REQUIRED=1
	release  string // of the kernel
	sysctl   string // kernel.io_uring_disabled, empty before 6.6
	seccomp  string // mode of this thread's filter: 2 when there is one
}

// giveUp ends the test for want of a ring.
func giveUp(t testing.TB, err error) {
	t.Helper()
	if reason := excuse(err, thisMachine()); reason != "" {
		t.Skipf("ringtest: %s: %v", reason, err)
	}
	t.Fatalf("ringtest: io_uring should work here: %v", err)
}

// excuse says why this machine need not have a ring; it is empty when it must.
func excuse(err error, m machine) string {
	switch {
	case m.required, !errors.Is(err, errors.ErrUnsupported):
		return ""
	case !since519(m.release):
		return "the kernel is older than 5.19"
	case m.sysctl != "" && m.sysctl != "0":
		return "the sysctl kernel.io_uring_disabled is " + m.sysctl
	case m.seccomp == "2":
		return "a seccomp filter is in force"
	}
	return ""
}

// since519 reports whether a release such as "6.1.0-amd64" is 5.19 or newer.
func since519(release string) bool {
	var major, minor int
	if n, _ := fmt.Sscanf(release, "%d.%d", &major, &minor); n != 2 {
		return false
	}
	return major > 5 || major == 5 && minor >= 19
}

func thisMachine() machine {
	m := machine{required: os.Getenv("RINGPORT_REQUIRED") == "1"}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		m.release = unix.ByteSliceToString(name.Release[:])
	}
	sysctl, _ := os.ReadFile("/proc/sys/kernel/io_uring_disabled")
	m.sysctl = strings.TrimSpace(string(sysctl))
	status, _ := os.ReadFile("/proc/thread-self/status")
	for line := range strings.Lines(string(status)) {
		if mode, ok := strings.CutPrefix(line, "Seccomp:"); ok {
			m.seccomp = strings.TrimSpace(mode)
		}
	}
	return m
}

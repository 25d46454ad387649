package ringtest

import (
	"io"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/sys"
	"github.com/ringport/ringport/uring"
)

func TestOnlyARefusalExcusesATest(t *testing.T) {
	refused := &uring.SetupError{Errno: syscall.EPERM}
	missing := &uring.SetupError{Errno: syscall.ENOSYS}
	tests := []struct {
		name    string
		err     error
		machine machine
		want    string
	}{
		{"nothing refuses", refused, machine{release: "6.18.44", sysctl: "0", seccomp: "0"}, ""},
		{"no sysctl yet", refused, machine{release: "5.19.0", seccomp: "0"}, ""},
		{"newer major", missing, machine{release: "7.0-rc1"}, ""},
		{"old kernel", missing, machine{release: "5.18.19-generic"}, "older than 5.19"},
		{"older major", missing, machine{release: "4.19.0"}, "older than 5.19"},
		{"unknown kernel", missing, machine{release: "gVisor"}, "older than 5.19"},
		{"sysctl for all", refused, machine{release: "6.6.1", sysctl: "2"}, "io_uring_disabled is 2"},
		{"sysctl for users", refused, machine{release: "6.6.1", sysctl: "1"}, "io_uring_disabled is 1"},
		{"seccomp", refused, machine{release: "6.6.1", sysctl: "0", seccomp: "2"}, "seccomp"},
		{"required", refused, machine{required: true, release: "5.4", sysctl: "2", seccomp: "2"}, ""},
		{"no refusal", &uring.SetupError{Errno: syscall.ENOMEM}, machine{release: "5.4", seccomp: "2"}, ""},
		{"something else", io.ErrUnexpectedEOF, machine{release: "6.1", sysctl: "2"}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := excuse(test.err, test.machine)
			if test.want == "" {
				require.Empty(t, got)
			} else {
				require.Contains(t, got, test.want)
			}
		})
	}
}

func TestThisMachineIsKnown(t *testing.T) {
	require.Regexp(t, `^\d+\.\d+`, thisMachine().release)
	require.Regexp(t, `^[012]$`, thisMachine().seccomp)
}

func TestWhereRingsAreRequiredARefusalFails(t *testing.T) {
	t.Setenv("RINGPORT_REQUIRED", "1")
	defer sys.Inject(&sys.Calls{Setup: func(uint32, *sys.Params) (int, syscall.Errno) { return -1, syscall.EPERM }})()
	probe := onRecord(t, func(t testing.TB) { NewRing(t, uring.Config{}) })
	require.Contains(t, probe.failure, "should work here")
	require.Contains(t, probe.failure, "operation not permitted")
	require.Empty(t, probe.skip)
}

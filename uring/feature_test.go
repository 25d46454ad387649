package uring_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/internal/sys"
	"github.com/ringport/ringport/uring"
)

func TestFlagsHaveTheKernelsSpelling(t *testing.T) {
	tests := []struct {
		flags uring.Flag
		want  string
	}{
		{0, "0x0"},
		{uring.FlagSubmitAll, "SUBMIT_ALL"},
		{uring.FlagNoSQArray | uring.FlagCQSize, "CQSIZE|NO_SQARRAY"},
		{1 << 31, "0x80000000"},
		{uring.FlagClamp | 1<<30, "CLAMP|0x40000000"},
		{uring.FullSpeed, "CQSIZE|CLAMP|R_DISABLED|SUBMIT_ALL|TASKRUN_FLAG|SINGLE_ISSUER|DEFER_TASKRUN|NO_SQARRAY"},
		{uring.FlagCoopTaskrun, "COOP_TASKRUN"},
	}
	for _, test := range tests {
		require.Equal(t, test.want, test.flags.String())
	}
}

func TestReleasesCompareByTheirNumbers(t *testing.T) {
	tests := []struct {
		release, minimum string
		want             bool
	}{
		{"6.18.44-generic", "6.18", true},
		{"6.18.44-generic", "6.19", false},
		{"6.2.0", "6.10", false},
		{"6.10.0", "6.2", true},
		{"5.19", "6.0", false},
		{"7.0.0", "6.18", true},
		{"6.1-rc3", "6.1", true},
		{"6.1-amd64", "6.1", true},
		{"6.12+", "6.12", true},
		{"5.15.167.4-microsoft-standard-WSL2", "5.15", true},
		{"6", "6.0", true},
		{"", "5.1", false},
		{"unknown", "5.1", false},
	}
	for _, test := range tests {
		got := uring.KernelAtLeast(test.release, test.minimum)
		require.Equal(t, test.want, got, "%q, %q", test.release, test.minimum)
	}
}

func FuzzKernelVersion(f *testing.F) {
	for _, release := range []string{"6.18.44-generic", "6.1-rc3", "", ".", "6.", "-1.-1", "99999999999999999999.1"} {
		f.Add(release)
	}
	f.Fuzz(func(t *testing.T, release string) {
		major, minor := uring.KernelVersion(release)
		require.GreaterOrEqual(t, minor, 0)
		require.True(t, uring.KernelAtLeast(release, release))
		if major > 0 && major < 1000 {
			require.False(t, uring.KernelAtLeast(release, "1000.0"))
			require.True(t, uring.KernelAtLeast(release, "0.0"))
		}
	})
}

func TestFeaturesTellWhatTheRingGot(t *testing.T) {
	ring := ringtest.NewRing(t, uring.Config{Entries: 100, CQEntries: 300})
	f := ring.Features()
	require.EqualValues(t, 128, f.SQEntries, "rounded up")
	require.EqualValues(t, 512, f.CQEntries)
	require.Equal(t, 128, ring.Room())
	require.NotZero(t, f.Bits&sys.IORING_FEAT_EXT_ARG)
	var name unix.Utsname
	require.NoError(t, unix.Uname(&name))
	require.Equal(t, unix.ByteSliceToString(name.Release[:]), f.Kernel)
	require.True(t, strings.HasPrefix(f.String(), "kernel "+f.Kernel+", sq 128, cq 512, "+f.Flags.String()), f)
}

func TestTooLargeQueuesAreClamped(t *testing.T) {
	ring, err := uring.New(uring.Config{Entries: 1 << 20, CQEntries: 1 << 20})
	if err != nil {
		ringtest.Require(t)
	}
	require.NoError(t, err)
	defer ring.Close()
	require.EqualValues(t, uring.MaxEntries, ring.Features().SQEntries)
	require.EqualValues(t, uring.MaxCQEntries, ring.Features().CQEntries)
}

func TestTheZeroConfigIsTheDefault(t *testing.T) {
	tests := []struct {
		cfg    uring.Config
		sq, cq uint32
	}{
		{cfg: uring.Config{}, sq: 256, cq: 4096},
		{cfg: uring.Config{Entries: 8192}, sq: 8192, cq: 8192},
		{cfg: uring.Config{Entries: 64, CQEntries: 16}, sq: 64, cq: 64},
		{cfg: uring.Config{CQEntries: 1}, sq: 256, cq: 256},
	}
	for _, test := range tests {
		ring := ringtest.NewRing(t, test.cfg)
		require.Equal(t, test.sq, ring.Features().SQEntries)
		require.Equal(t, test.cq, ring.Features().CQEntries)
		require.NoError(t, ring.Close())
	}
}

func TestMissingNamesWhatFullSpeedNeeds(t *testing.T) {
	all := uring.Features{Flags: uring.FullSpeed, Capabilities: uring.Capabilities{
		BufferRing: true, MultishotAccept: true, MultishotReceive: true}}
	require.Empty(t, all.Missing(), "NO_SQARRAY, the registered descriptor and the limit are extras")
	require.NotContains(t, all.String(), "without")

	old := all
	old.Flags = uring.FlagCQSize | uring.FlagCoopTaskrun | uring.FlagTaskrunFlag | uring.FlagSubmitAll
	old.MultishotReceive = false
	require.Equal(t, []string{"multishot receive", "SINGLE_ISSUER", "DEFER_TASKRUN"}, old.Missing())
	require.Contains(t, old.String(), ", without multishot receive, SINGLE_ISSUER, DEFER_TASKRUN")
}

func TestFeaturesAreListedWithTheirKernel(t *testing.T) {
	ring := ringtest.NewRing(t, uring.Config{})
	f := ring.Features()
	for _, feature := range f.List() {
		require.Regexp(t, `^[56]\.\d+$`, feature.MinKernel, feature.Name)
		require.NotEmpty(t, feature.Gives, feature.Name)
		if uring.KernelAtLeast(f.Kernel, feature.MinKernel) {
			require.True(t, feature.Present, "%s came with %s, and this is %s",
				feature.Name, feature.MinKernel, f.Kernel)
		}
	}
}

func TestOperationsAreListedWithTheirKernel(t *testing.T) {
	ring := ringtest.NewRing(t, uring.Config{})
	f := ring.Features()
	for _, operation := range uring.Operations() {
		require.Regexp(t, `^[56]\.\d+$`, operation.MinKernel)
		if uring.KernelAtLeast(f.Kernel, operation.MinKernel) && operation.Name != "RECV_ZC" { // a build option
			require.True(t, f.Supports(operation.Code), operation.Name)
		}
	}
	require.False(t, f.Supports(255))
	require.False(t, uring.Features{}.Supports(0), "nothing is known before the probe")
}

func TestARingWithoutItsFoundationsIsRefused(t *testing.T) {
	tests := []struct {
		bit       uint32
		minKernel string
	}{
		{sys.IORING_FEAT_SINGLE_MMAP, "5.4"},
		{sys.IORING_FEAT_NODROP, "5.5"},
		{sys.IORING_FEAT_SUBMIT_STABLE, "5.5"},
		{sys.IORING_FEAT_EXT_ARG, "5.11"},
	}
	ringtest.Require(t)
	for _, test := range tests {
		t.Run(test.minKernel, func(t *testing.T) {
			ringtest.Descriptors(t)
			t.Cleanup(sys.Inject(&sys.Calls{Setup: func(entries uint32, p *sys.Params) (int, syscall.Errno) {
				fd, errno := setup(entries, p)
				p.Features &^= test.bit
				return fd, errno
			}}))
			_, err := uring.New(uring.Config{})
			var feature *uring.FeatureError
			require.ErrorAs(t, err, &feature)
			require.Equal(t, test.minKernel, feature.MinKernel)
			require.ErrorIs(t, err, errors.ErrUnsupported)
		})
	}
}

// setup is the system call itself, for hooks that stand in front of it.
func setup(entries uint32, p *sys.Params) (int, syscall.Errno) {
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, uintptr(entries), uintptr(unsafe.Pointer(p)), 0)
	return int(fd), errno
}

func TestADescriptorThatCannotBeMappedIsClosed(t *testing.T) {
	ringtest.Descriptors(t)
	t.Cleanup(sys.Inject(&sys.Calls{Setup: func(entries uint32, p *sys.Params) (int, syscall.Errno) {
		p.SQEntries, p.CQEntries = 8, 8
		fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
		require.NoError(t, err)
		return fd, 0
	}}))
	_, err := uring.New(uring.Config{})
	require.ErrorIs(t, err, syscall.ENODEV)
	require.ErrorContains(t, err, "uring: map the queues: ")
}

func TestAKernelThatDoesNotBoundWorkersIsGoodEnough(t *testing.T) {
	ringtest.Require(t)
	refuseRegister(t, sys.IORING_REGISTER_IOWQ_MAX_WORKERS, syscall.EINVAL)
	exercise(t, ringtest.NewRing(t, uring.Config{Entries: 8, CQEntries: 32}))
}

func TestARingThatCannotBeProbedIsClosed(t *testing.T) {
	ringtest.Descriptors(t)
	ringtest.Require(t)
	refuseRegister(t, sys.IORING_REGISTER_PROBE, syscall.EINVAL)
	_, err := uring.New(uring.Config{})
	require.ErrorIs(t, err, syscall.EINVAL)
	require.ErrorContains(t, err, "uring: register probe: ")
}

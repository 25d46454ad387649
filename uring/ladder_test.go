package uring_test

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/uring"
)

// rungs is the way down, in the kernel's numbers: what is asked for after so many refusals.
var rungs = []struct {
	name  string
	flags uint32
}{
	// CQSIZE CLAMP R_DISABLED SUBMIT_ALL TASKRUN_FLAG SINGLE_ISSUER DEFER_TASKRUN NO_SQARRAY
	{"full speed", 0x132d8},
	{"before 6.6", 0x032d8},  // without NO_SQARRAY
	{"before 6.1", 0x013d8},  // COOP_TASKRUN for DEFER_TASKRUN
	{"before 6.0", 0x003d8},  // without SINGLE_ISSUER
	{"before 5.19", 0x000d8}, // without COOP_TASKRUN and TASKRUN_FLAG
	{"before 5.18", 0x00058}, // without SUBMIT_ALL: what 5.10 knows
}

func TestEINVALPeelsOneFlagAtATime(t *testing.T) {
	ringtest.Require(t) // the self-test runs before any injection
	for refusals, rung := range rungs {
		t.Run(rung.name, func(t *testing.T) {
			ringtest.Descriptors(t)
			calls := scriptSetups(t, repeat(syscall.EINVAL, refusals)...)
			ring := ringtest.NewRing(t, uring.Config{Entries: 16, CQEntries: 64})
			require.Len(t, *calls, refusals+1)
			for i, call := range *calls {
				require.Equal(t, rungs[i].flags, call.Flags, "call %d", i)
				require.EqualValues(t, 16, call.SQEntries)
				require.EqualValues(t, 64, call.CQEntries)
			}
			require.Equal(t, uring.Flag(rung.flags), ring.Features().Flags)
			exercise(t, ring)
		})
	}
}

func TestEINVALOnTheLastRungIsFinal(t *testing.T) {
	calls := scriptSetups(t, repeat(syscall.EINVAL, 50)...)
	_, err := uring.New(uring.Config{})
	require.ErrorIs(t, err, syscall.EINVAL)
	require.Len(t, *calls, len(rungs))
}

func TestRefusalsAreNotRetried(t *testing.T) {
	for _, errno := range []syscall.Errno{
		syscall.EPERM, syscall.EACCES, syscall.ENOSYS, syscall.EMFILE, syscall.ENFILE, syscall.EFAULT,
	} {
		t.Run(unix.ErrnoName(errno), func(t *testing.T) {
			calls := scriptSetups(t, errno)
			_, err := uring.New(uring.Config{})
			require.ErrorIs(t, err, errno)
			require.Len(t, *calls, 1)
		})
	}
}

func TestASignalDuringSetupIsNoAnswer(t *testing.T) {
	calls := scriptSetups(t, syscall.EINTR, syscall.EINTR)
	ring := ringtest.NewRing(t, uring.Config{})
	require.Equal(t, (*calls)[0], (*calls)[2])
	require.Equal(t, uring.FullSpeed&ring.Features().Flags, ring.Features().Flags)
}

func TestENOMEMHalvesBothQueues(t *testing.T) {
	ringtest.Require(t)
	scriptSetups(t, syscall.ENOMEM, syscall.ENOMEM)
	ring := ringtest.NewRing(t, uring.Config{Entries: 256, CQEntries: 4096})
	require.EqualValues(t, 64, ring.Features().SQEntries)
	require.EqualValues(t, 1024, ring.Features().CQEntries)
	exercise(t, ring)
}

func TestENOMEMEndsAtTheLeast(t *testing.T) {
	type size struct{ entries, cqEntries uint32 }
	tests := []struct {
		asked size
		calls []size
	}{
		{size{256, 4096}, []size{{256, 4096}, {128, 2048}, {64, 1024}, {32, 512}, {16, 256}, {8, 128}, {8, 64}}},
		{size{8, 512}, []size{{8, 512}, {8, 256}, {8, 128}, {8, 64}}},
		{size{64, 64}, []size{{64, 64}, {32, 64}, {16, 64}, {8, 64}}},
		{size{100, 300}, []size{{100, 300}, {50, 150}, {25, 75}, {12, 64}, {8, 64}}},
		{size{2, 4}, []size{{2, 4}}},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.asked), func(t *testing.T) {
			cfg := uring.Config{Entries: test.asked.entries, CQEntries: test.asked.cqEntries}
			calls := scriptSetups(t, repeat(syscall.ENOMEM, 50)...)
			_, err := uring.New(cfg)
			var sizes []size
			for _, call := range *calls {
				sizes = append(sizes, size{call.SQEntries, call.CQEntries})
				require.Equal(t, rungs[0].flags, call.Flags, "memory has nothing to do with flags")
			}
			require.Equal(t, test.calls, sizes)

			var setup *uring.SetupError
			require.ErrorAs(t, err, &setup)
			require.Equal(t, syscall.ENOMEM, setup.Errno)
			require.Contains(t, setup.Cause, fmt.Sprintf("needs %d bytes", cfg.MemlockBytes()))
			require.Contains(t, setup.Mend, "LimitMEMLOCK=")
		})
	}
}

func TestAnOldKernelWithLittleMemoryGetsASmallPlainRing(t *testing.T) {
	ringtest.Require(t)
	calls := scriptSetups(t, syscall.EINVAL, syscall.ENOMEM, syscall.EINVAL)
	ring, err := uring.New(uring.Config{Entries: 64, CQEntries: 128})
	require.NoError(t, err)
	defer ring.Close()
	require.Len(t, *calls, 4)
	require.Equal(t, uring.Flag(rungs[2].flags), ring.Features().Flags)
	require.EqualValues(t, 32, ring.Features().SQEntries)
}

func TestARingWithoutAFlagWorks(t *testing.T) {
	tests := []struct {
		name    string
		without uring.Flag
		flags   uint32
	}{
		{"nothing", 0, 0x132d8},
		{"NO_SQARRAY", uring.FlagNoSQArray, 0x032d8},
		{"DEFER_TASKRUN", uring.FlagDeferTaskrun, 0x113d8},                     // COOP_TASKRUN takes its place
		{"SINGLE_ISSUER", uring.FlagSingleIssuer, 0x103d8},                     // DEFER_TASKRUN needs it
		{"TASKRUN_FLAG", uring.FlagTaskrunFlag, 0x130d8},                       // allowed beside DEFER_TASKRUN alone
		{"COOP_TASKRUN", uring.FlagCoopTaskrun, 0x132d8},                       // not asked for anyway
		{"SUBMIT_ALL", uring.FlagSubmitAll, 0x13258},                           //
		{"R_DISABLED", uring.FlagDisabled, 0x13298},                            // the creator is the owner
		{"CLAMP", uring.FlagClamp, 0x132c8},                                    //
		{"CQSIZE", uring.FlagCQSize, 0x132d0},                                  // twice the submission queue
		{"task work", uring.FlagDeferTaskrun | uring.FlagCoopTaskrun, 0x110d8}, // TASKRUN_FLAG needs one of them
		{"as 5.10", uring.FullSpeed | uring.FlagCoopTaskrun, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ringtest.Descriptors(t)
			ring := ringtest.NewRing(t, uring.Config{Entries: 16, CQEntries: 64, Without: test.without})
			require.Equal(t, uring.Flag(test.flags), ring.Features().Flags)
			exercise(t, ring)
		})
	}
}

func TestTheLadderDoesNotAddWhatTheCallerDoesWithout(t *testing.T) {
	calls := scriptSetups(t, repeat(syscall.EINVAL, 50)...)
	_, err := uring.New(uring.Config{Without: uring.FlagCoopTaskrun})
	require.ErrorIs(t, err, errors.ErrUnsupported)
	var flags []uint32
	for _, call := range *calls {
		flags = append(flags, call.Flags)
	}
	require.Equal(t, []uint32{0x132d8, 0x032d8, 0x010d8, 0x000d8, 0x00058}, flags)
}

// exercise sends nops and a stream through the ring: what every rung must be able to do.
func exercise(t *testing.T, ring *uring.Ring) {
	t.Helper()
	require.Equal(t, 5, nops(ring, 100, 5))
	require.Equal(t, []uint64{100, 101, 102, 103, 104}, tokens(collect(t, ring, 5)))
	if ring.Features().MultishotReceive {
		receiveMultishot(t, ring)
	}
	require.Zero(t, ring.Stats().EmptyPairs)
}

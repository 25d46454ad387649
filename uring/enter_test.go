package uring_test

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/internal/sys"
	"github.com/ringport/ringport/uring"
)

func TestEnterWithNothingToDoIsNoSystemCall(t *testing.T) {
	ring := newRing(t)
	calls := scriptEnters(t)
	before := ring.Stats()
	for range 10 {
		require.NoError(t, ring.Enter(0, 0))
	}
	require.Empty(t, *calls)
	require.Equal(t, before, ring.Stats())
	require.True(t, ring.Idle())
}

func TestEnterWithoutWaitNeverBlocks(t *testing.T) {
	ring := newRing(t)
	near, _ := socketPair(t)
	calls := scriptEnters(t)
	ring.NextSQE().PrepPoll(near, unix.POLLIN, 1) // completes when the peer writes, which it does not
	require.NoError(t, ring.Enter(0, -1))
	require.Equal(t, []enterCall{{submit: 1, wait: 0, flags: enterFlags(ring), raw: true}}, *calls)
	require.Zero(t, ring.Ready())
}

func TestEnterCollectsDeferredWork(t *testing.T) {
	ring := newRing(t)
	near, far := socketPair(t)
	ring.NextSQE().PrepPoll(near, unix.POLLIN, 1)
	require.NoError(t, ring.Enter(0, 0))
	require.True(t, ring.Idle())
	write(t, far, "x")
	require.False(t, ring.Idle(), "the flags word tells of the work")
	if ring.Features().Flags&uring.FlagDeferTaskrun != 0 {
		require.Zero(t, ring.Ready(), "and it is done by an enter only")
	}
	require.NoError(t, ring.Enter(0, 0))
	require.Equal(t, 1, ring.Ready())
	require.False(t, ring.Idle())
}

func TestABlockingEnterTellsTheScheduler(t *testing.T) {
	ring := newRing(t)
	calls := scriptEnters(t)
	nops(ring, 0, 1)
	require.NoError(t, ring.Enter(1, -1))
	nops(ring, 0, 1)
	require.NoError(t, ring.Enter(1, time.Second))
	require.Equal(t, []enterCall{
		{submit: 1, wait: 1, flags: enterFlags(ring)},
		{submit: 1, wait: 1, flags: enterFlags(ring) | sys.IORING_ENTER_EXT_ARG},
	}, *calls)
}

func TestALargeBatchTellsTheScheduler(t *testing.T) {
	ring := ringtest.NewRing(t, uring.Config{})
	calls := scriptEnters(t)
	for _, n := range []int{uring.RawBatch, uring.RawBatch + 1} {
		require.Equal(t, n, nops(ring, 0, n))
		require.NoError(t, ring.Enter(0, 0))
	}
	require.True(t, (*calls)[0].raw)
	require.False(t, (*calls)[1].raw, "a stop-the-world would wait for it")
	require.Len(t, collect(t, ring, 2*uring.RawBatch+1), 2*uring.RawBatch+1)
}

// enterFlags is what each enter of a ring asks for: completions, through the registered descriptor if there is one.
func enterFlags(ring *uring.Ring) uint32 {
	if ring.Features().RegisteredFD {
		return sys.IORING_ENTER_GETEVENTS | sys.IORING_ENTER_REGISTERED_RING
	}
	return sys.IORING_ENTER_GETEVENTS
}

func TestATimeoutEndsTheWait(t *testing.T) {
	ring := newRing(t)
	for _, timeout := range []time.Duration{0, time.Microsecond, time.Millisecond} {
		require.NoError(t, ring.Enter(1, timeout))
		require.Zero(t, ring.Ready())
	}
	require.EqualValues(t, 3, ring.Stats().Enters)
	require.Zero(t, ring.Stats().EmptyEnters, "a deadline was met")
}

func TestATimeoutIsSplitForTheKernel(t *testing.T) {
	ring := newRing(t)
	nops(ring, 1, 1)
	require.NoError(t, ring.Enter(1, 90*time.Second+5))
	require.Equal(t, uring.Timespec{Sec: 90, Nsec: 5}, ring.Timeout())
}

func TestEINTRIsTheCallersTurn(t *testing.T) {
	ring := newRing(t)
	scriptEnters(t, answer{errno: syscall.EINTR})
	nops(ring, 1, 2)
	require.NoError(t, ring.Enter(1, -1))
	require.EqualValues(t, 1, ring.Stats().Interrupts)
	require.Equal(t, 2, ring.Unsubmitted(), "the SQEs stay prepared")
	require.Equal(t, []uint64{1, 2}, tokens(collect(t, ring, 2)))
}

func TestETIMEIsNoError(t *testing.T) {
	ring := newRing(t)
	scriptEnters(t, answer{errno: syscall.ETIME}, answer{errno: syscall.ETIME})
	require.NoError(t, ring.Enter(1, time.Hour))
	require.NoError(t, ring.Enter(1, time.Hour))
	require.Equal(t, uring.Stats{Enters: 2}, ring.Stats())
}

func TestEBUSYLeavesTheSQEsPrepared(t *testing.T) {
	ring := newRing(t)
	calls := scriptEnters(t, answer{errno: syscall.EBUSY})
	nops(ring, 1, 3)
	require.NoError(t, ring.Enter(0, 0))
	require.Len(t, *calls, 1, "the caller reaps before the next one")
	require.EqualValues(t, 1, ring.Stats().Busy)
	require.Equal(t, 3, ring.Unsubmitted())
	require.Equal(t, []uint64{1, 2, 3}, tokens(collect(t, ring, 3)))
}

func TestEAGAINWaitsForACompletion(t *testing.T) {
	ring := newRing(t)
	calls := scriptEnters(t, answer{errno: syscall.EAGAIN})
	nops(ring, 1, 3)
	require.NoError(t, ring.Enter(0, 0))
	require.Equal(t, []enterCall{
		{submit: 3, flags: enterFlags(ring), raw: true},
		{wait: 1, flags: enterFlags(ring) | sys.IORING_ENTER_EXT_ARG}, // with a timeout, submitting nothing
	}, *calls)
	require.EqualValues(t, 1, ring.Stats().NoMemory)
	require.EqualValues(t, 2, ring.Stats().Enters)
	require.Zero(t, ring.Stats().EmptyPairs)
	require.Equal(t, 3, ring.Unsubmitted())
	require.Equal(t, []uint64{1, 2, 3}, tokens(collect(t, ring, 3)))
}

func TestEAGAINGoesOnAtOnceWhenThereIsSomethingToReap(t *testing.T) {
	ring := newRing(t)
	nops(ring, 1, 1)
	require.NoError(t, ring.Enter(0, 0))
	nops(ring, 2, 1)
	scriptEnters(t, answer{errno: syscall.EAGAIN})
	require.NoError(t, ring.Enter(1, -1))
	require.Zero(t, ring.Stats().EmptyEnters)
	require.Equal(t, []uint64{1, 2}, tokens(collect(t, ring, 2)))
}

func TestDroppedCompletionsAreErrLost(t *testing.T) {
	dropped := answer{errno: syscall.EBADR}
	tests := []struct {
		name    string
		answers []answer
	}{
		{"told by the enter", []answer{dropped}},
		{"told by the wait after EAGAIN", []answer{{errno: syscall.EAGAIN}, dropped}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ring := newRing(t)
			scriptEnters(t, test.answers...)
			nops(ring, 1, 1)
			require.ErrorIs(t, ring.Enter(1, -1), uring.ErrLost)
		})
	}
}

func TestDroppedCompletionsShowInEveryEnter(t *testing.T) {
	ring := newRing(t)
	nops(ring, 1, 1)
	require.NoError(t, ring.Enter(0, 0))
	ring.SetDropped(1) // a submit that succeeds hides EBADR
	for range 2 {
		nops(ring, 2, 1)
		require.ErrorIs(t, ring.Enter(0, 0), uring.ErrLost)
		require.ErrorIs(t, ring.Enter(1, 0), uring.ErrLost)
	}
}

func TestOtherErrorsWrapTheErrno(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EFAULT, syscall.EOPNOTSUPP, syscall.EINVAL, syscall.EBADF} {
		ring := newRing(t)
		scriptEnters(t, answer{errno: errno})
		nops(ring, 1, 1)
		err := ring.Enter(0, 0)
		require.ErrorIs(t, err, errno)
		require.False(t, errors.Is(err, uring.ErrLost))
		require.Regexp(t, "^uring: io_uring_enter: .*: the ring is closed or was damaged$", err.Error())
		require.Equal(t, []uint64{1}, tokens(collect(t, ring, 1)), "nothing is lost by it")
	}
}

func TestWhatAPartialSubmitLeavesGoesWithTheNextEnter(t *testing.T) {
	ring := newRing(t)
	calls := scriptSubmits(t, 2)
	nops(ring, 1, 5)
	require.NoError(t, ring.Enter(0, 0))
	require.Equal(t, 3, ring.Unsubmitted())
	require.EqualValues(t, 1, ring.Stats().Partial)
	require.EqualValues(t, 2, ring.Stats().SQEs)
	require.Equal(t, 16-3, ring.Room())
	nops(ring, 6, 1)
	require.NoError(t, ring.Enter(0, 0))
	require.EqualValues(t, 4, (*calls)[1].submit)
	require.Equal(t, []uint64{1, 2, 3, 4, 5, 6}, tokens(collect(t, ring, 6)))
	require.Len(t, *calls, 2)
}

func TestABlockingEnterSubmitsEverythingBeforeItWaits(t *testing.T) {
	ring := newRing(t)
	calls := scriptSubmits(t, 2, 1)
	nops(ring, 1, 5)
	require.NoError(t, ring.Enter(5, -1))
	require.Equal(t, 5, ring.Ready())
	var submits []uint32
	for _, call := range *calls {
		submits = append(submits, call.submit)
	}
	require.Equal(t, []uint32{5, 3, 2}, submits)
	require.EqualValues(t, 2, ring.Stats().Partial)
	require.EqualValues(t, 5, ring.Stats().SQEs)
	require.Equal(t, []uint64{1, 2, 3, 4, 5}, tokens(collect(t, ring, 5)))
}

func TestAnEnterThatTakesNothingDoesNotTurnByItself(t *testing.T) {
	ring := newRing(t)
	calls := scriptEnters(t, answer{n: 0})
	nops(ring, 1, 2)
	require.NoError(t, ring.Enter(1, -1))
	require.Len(t, *calls, 1)
	require.Equal(t, []uint64{1, 2}, tokens(collect(t, ring, 2)))
}

func TestABadRequestDoesNotStopTheBatch(t *testing.T) {
	tests := []struct {
		name    string
		without uring.Flag
		partial uint64
	}{
		{"in the kernel", 0, 0},
		{"by another enter, before 5.18", uring.FlagSubmitAll, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ring := ringtest.NewRing(t, uring.Config{Entries: 8, CQEntries: 8, Without: test.without})
			nops(ring, 1, 4)
			bad := ring.NextSQE()
			bad.PrepNop(5)
			bad.Opcode = 200
			nops(ring, 6, 2)
			require.NoError(t, ring.Enter(7, -1))
			require.Equal(t, test.partial, ring.Stats().Partial)
			cqes := collect(t, ring, 7)
			require.Equal(t, []uint64{1, 2, 3, 4, 5, 6, 7}, tokens(cqes))
			require.Equal(t, syscall.EINVAL, cqes[4].Errno())
		})
	}
}

func TestTwoEmptyEntersInARowAreAPair(t *testing.T) {
	ring := newRing(t)
	interrupted := answer{errno: syscall.EINTR}
	scriptEnters(t,
		interrupted, kernel, // one alone, then one that submits
		interrupted, interrupted, interrupted, // three in a row are two pairs
		answer{errno: syscall.ETIME}, interrupted, // a deadline is no spin
		kernel)
	enter := func() { require.NoError(t, ring.Enter(1, time.Hour)) }
	expect := func(enters, pairs int) {
		t.Helper()
		require.EqualValues(t, enters, ring.Stats().EmptyEnters)
		require.EqualValues(t, pairs, ring.Stats().EmptyPairs)
	}
	enter()
	expect(1, 0)
	nops(ring, 1, 1)
	enter()
	collect(t, ring, 1)
	expect(1, 0)
	enter()
	enter()
	enter()
	expect(4, 2)
	enter()
	enter()
	expect(5, 2)
	nops(ring, 2, 1)
	enter()
	expect(5, 2)
	require.EqualValues(t, 8, ring.Stats().Enters)
}

func TestAWaitThatCollectsIsNotEmpty(t *testing.T) {
	ring := newRing(t)
	near, far := socketPair(t)
	ring.NextSQE().PrepPollMultishot(near, unix.POLLIN, 1)
	require.NoError(t, ring.Enter(0, 0))
	for range 5 {
		write(t, far, "x")
		require.NoError(t, ring.Enter(1, -1)) // submits nothing
		cqe := one(t, ring)
		require.True(t, cqe.More())
		read(t, near, 1)
	}
	require.Zero(t, ring.Stats().EmptyEnters)
}

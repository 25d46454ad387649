package uring_test

import (
	"errors"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/internal/sys"
	"github.com/ringport/ringport/uring"
)

func TestARestrictedRingDoesWhatItIsAllowed(t *testing.T) {
	exercise(t, ringtest.NewRing(t, uring.Config{Allow: []string{"NOP", "RECV"}}))
}

func TestARestrictedRingRefusesEverythingElse(t *testing.T) {
	ring := ringtest.NewRing(t, uring.Config{Allow: []string{"RECV"}})
	ring.NextSQE().PrepNop(1)
	require.NoError(t, ring.Enter(1, patience))
	var cqes [4]uring.CQE
	require.Equal(t, 1, ring.Reap(cqes[:]))
	require.Equal(t, -int32(syscall.EACCES), cqes[0].Res)
}

func TestARestrictedRingSelectsBuffersAndTakesThemBack(t *testing.T) {
	ring := ringtest.NewRing(t, uring.Config{Allow: []string{"RECV"}})
	newBuffers(t, ring).Close()
}

func TestAnOperationThatDoesNotExistIsNoRestriction(t *testing.T) {
	ringtest.Require(t)
	_, err := uring.New(uring.Config{Allow: []string{"RECV", "FLY"}})
	require.ErrorContains(t, err, `"FLY"`)
}

func TestARingThatIsEnabledFromTheStartIsNotRestricted(t *testing.T) {
	ringtest.Require(t)
	_, err := uring.New(uring.Config{Allow: []string{"NOP"}, Without: uring.FlagDisabled})
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

func TestAFailedRestrictionIsAnError(t *testing.T) {
	ringtest.Require(t)
	refuseRegister(t, sys.IORING_REGISTER_RESTRICTIONS, syscall.EACCES)
	_, err := uring.New(uring.Config{Allow: []string{"NOP"}})
	require.ErrorIs(t, err, syscall.EACCES)
	require.ErrorContains(t, err, "register restrictions")
}

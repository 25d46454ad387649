package uring_test

import (
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/internal/sys"
	"github.com/ringport/ringport/uring"
)

// probeAfresh runs the self-test again, now and after the test.
func probeAfresh(t *testing.T) (uring.Capabilities, error) {
	t.Helper()
	ringtest.Descriptors(t)
	uring.ForgetProbe()
	t.Cleanup(uring.ForgetProbe)
	return uring.Probe()
}

func TestTheSelfTestFindsWhatTheKernelHas(t *testing.T) {
	ringtest.Require(t)
	c, err := probeAfresh(t)
	require.NoError(t, err)
	ring := ringtest.NewRing(t, uring.Config{})
	require.Equal(t, c, ring.Features().Capabilities)
	for _, expected := range []struct {
		minKernel string
		has       bool
	}{
		{"5.19", c.BufferRing}, {"5.19", c.MultishotAccept}, {"6.0", c.MultishotReceive}, {"6.18", c.ReceiveLimit},
	} {
		if uring.KernelAtLeast(ring.Features().Kernel, expected.minKernel) {
			require.True(t, expected.has, "%+v", c)
		}
	}
}

func TestTheSelfTestRunsOnce(t *testing.T) {
	ringtest.Require(t)
	_, err := probeAfresh(t)
	require.NoError(t, err)
	calls := scriptSetups(t)
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() { _, _ = uring.Probe() })
	}
	callers.Wait()
	require.Empty(t, *calls)
}

func TestASelfTestThatCouldNotRunIsRunAgain(t *testing.T) {
	ringtest.Require(t)
	scriptSetups(t, syscall.EMFILE)
	_, err := probeAfresh(t)
	require.ErrorIs(t, err, syscall.EMFILE)
	c, err := uring.Probe()
	require.NoError(t, err)
	require.NotZero(t, c)
}

func TestEnableTellsWhyTheSelfTestCouldNotRun(t *testing.T) {
	ringtest.Require(t)
	t.Cleanup(uring.ForgetProbe)
	ring, err := uring.New(uring.Config{})
	require.NoError(t, err)
	defer ring.Close()
	uring.ForgetProbe()
	scriptSetups(t, syscall.EMFILE)
	require.ErrorIs(t, ring.Enable(), syscall.EMFILE)
}

func TestAKernelWithoutBufferRingsIsSeen(t *testing.T) {
	ringtest.Require(t)
	refuseRegister(t, sys.IORING_REGISTER_PBUF_RING, syscall.EINVAL)
	c, err := probeAfresh(t)
	require.NoError(t, err)
	require.False(t, c.BufferRing)
	require.False(t, c.MultishotReceive)
	require.False(t, c.ReceiveLimit)
}

func TestASelfTestWithoutMemoryDoesNotBlameTheKernel(t *testing.T) {
	ringtest.Require(t)
	refuseRegister(t, sys.IORING_REGISTER_PBUF_RING, syscall.ENOMEM)
	_, err := probeAfresh(t)
	require.ErrorIs(t, err, syscall.ENOMEM)
	require.ErrorContains(t, err, "uring: self-test: ")
}

func TestBufferRingMemoryMustHoldItsEntries(t *testing.T) {
	ring := ringtest.NewRing(t, uring.Config{})
	require.ErrorContains(t, ring.RegisterBufferRing(nil, 0, 1), "smaller than its entries")
	require.ErrorContains(t, ring.RegisterBufferRing(make([]byte, 63), 4, 1), "smaller than its entries")
}

func TestAGroupIsRegisteredOnce(t *testing.T) {
	ring := ringtest.NewRing(t, uring.Config{})
	newBuffers(t, ring)
	_, err := uring.NewBuffers(ring)
	require.ErrorIs(t, err, syscall.EEXIST)
	require.ErrorContains(t, err, "uring: register buffer ring: ")
	require.ErrorContains(t, err, "exists already")
	require.ErrorIs(t, ring.UnregisterBufferRing(99), syscall.ENOENT)
}

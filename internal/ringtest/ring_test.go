package ringtest

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/uring"
)

func TestNewRingIsReadyForUse(t *testing.T) {
	Descriptors(t)
	ring := NewRing(t, uring.Config{})
	ring.NextSQE().PrepNop(7)
	require.NoError(t, ring.Enter(1, -1))
	var cqe [1]uring.CQE
	require.Equal(t, 1, ring.Reap(cqe[:]))
	require.EqualValues(t, 7, cqe[0].UserData)
}

func TestRequireLetsATestRunWhereRingsWork(t *testing.T) {
	NewRing(t, uring.Config{})
	seen := onRecord(t, func(t testing.TB) { Require(t) })
	require.Empty(t, seen.skip+seen.failure)
}

func TestDescriptorsSeesOneLeftOpen(t *testing.T) {
	var leak *os.File
	probe := onRecord(t, func(t testing.TB) {
		compareDescriptors(t, 0)
		leak, _ = os.Open("/dev/null")
	})
	defer leak.Close()
	require.Contains(t, probe.failure, "-> /dev/null")
	require.Contains(t, probe.failure, "new:")
}

func TestDescriptorsSeesOneClosedTooMuch(t *testing.T) {
	file, err := os.Open("/dev/null")
	require.NoError(t, err)
	probe := onRecord(t, func(t testing.TB) {
		compareDescriptors(t, 0)
		_ = file.Close()
	})
	require.Contains(t, probe.failure, "-> /dev/null")
}

func TestDescriptorsWaitsForWhatOthersClose(t *testing.T) {
	probe := onRecord(t, func(t testing.TB) {
		Descriptors(t)
		file, _ := os.Open("/dev/null")
		t.Cleanup(func() { go file.Close() })
	})
	require.Empty(t, probe.failure)
}

func TestOnlyTheFirstCallOfDescriptorsInATestCounts(t *testing.T) {
	probe := onRecord(t, func(t testing.TB) {
		Descriptors(t)
		file, _ := os.Open("/dev/null")
		Descriptors(t)
		_ = file.Close()
	})
	require.Empty(t, probe.failure)
}

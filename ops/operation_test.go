package ops_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
)

func TestOperationsHaveTheNumbersAndNamesOfDotNet(t *testing.T) {
	names := []string{
		"None", "Accept", "Connect", "Disconnect", "Receive", "ReceiveFrom", "ReceiveMessageFrom", "Send",
		"SendPackets", "SendTo",
	}
	require.Len(t, names, ops.OperationCount)
	for number, name := range names {
		require.Equal(t, name, ops.Operation(number).String())
	}
	require.EqualValues(t, 0, ops.None)
	require.EqualValues(t, 4, ops.Receive)
	require.EqualValues(t, 9, ops.SendTo)
	require.Equal(t, "Operation(10)", ops.Operation(10).String())
}

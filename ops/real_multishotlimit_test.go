package ops_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
)

func TestALimitOfMultishotIsInRange(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	_, s := pair(t, p)
	for _, n := range []int{-1, 1<<30 + 1} {
		require.ErrorIs(t, s.SetMultishotLimit(n), ops.ErrArgument)
	}
	for _, n := range []int{0, 1, 1 << 30} {
		require.NoError(t, s.SetMultishotLimit(n))
	}
}

func TestAMultishotReceiveWithALimitLosesNothing(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	require.NoError(t, s.SetMultishotLimit(1000))
	var check streamCheck
	ended := make(chan error, 1)
	op := ops.NewOp(func(op *ops.Op) {
		check.take(op.Bytes())
		if !op.More() {
			ended <- op.Err()
		}
	})
	op.Multishot = true
	require.True(t, s.ReceiveAsync(op))
	_, err := c.Write(patterned(100_000))
	require.NoError(t, err)
	require.NoError(t, c.CloseWrite())
	require.NoError(t, await(t, ended))
	check.require(t, 100_000)
}

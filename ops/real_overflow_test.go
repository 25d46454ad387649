package ops_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/uring"
)

func TestATurnThatSubmitsMoreThanTheCompletionQueueHoldsReapsInBetween(t *testing.T) {
	const entries, sends = 8, 200
	p := newPort(t, ops.WithRing(ops.PortConfig{Entries: entries}, func(c *uring.Config) { c.CQEntries = 2 * entries }))
	require.EqualValues(t, 2*entries, p.Features().CQEntries)
	from, to := bind(t, p, ops.Dgram, anyLoopback), bind(t, p, ops.Dgram, anyLoopback)
	all := jobs(sends) // datagrams complete as they are submitted
	onPort(t, p, func() {
		for _, j := range all {
			j.RemoteEndpoint = to.LocalEndpoint()
			j.SetBuffer([]byte("x"))
			from.SendToAsync(j.Op)
		}
	})
	for _, j := range all {
		require.NoError(t, j.wait(t).Err())
	}
	turnBy(t, p)
	require.Zero(t, p.Stats().Ring.Overflows)
}

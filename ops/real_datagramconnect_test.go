package ops_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
)

// prepareDatagramConnect gives a round a datagram socket that is to connect, every other time with initial data.
func prepareDatagramConnect(t *testing.T, p *ops.Port, r *round) {
	s, err := p.NewSocket(ops.FamilyIPv4, ops.Dgram)
	require.NoError(t, err)
	require.NoError(t, s.Bind(anyLoopback))
	r.s = s
	r.op.RemoteEndpoint = s.LocalEndpoint()
	if r.number%2 == 0 {
		r.op.SetBuffer([]byte("data"))
	}
}

// The port's goroutine serves the socket while its caller is in connect(2): the connect is the caller's alone.
func TestADatagramConnectRacesWithReceives(t *testing.T) {
	race{
		prepare: prepareDatagramConnect,
		act:     func(r *round) { r.start(r.s.ConnectAsync) },
		end: func(r *round) {
			in := ops.NewOp(nil)
			in.SetBuffer(make([]byte, 8))
			r.s.ReceiveFromAsync(in)
		},
		verify: func(t *testing.T, r *round) { r.once(t, ops.Success) },
	}.run(t, ops.PortConfig{}, raceRounds/5)
}

func TestCloseRacesWithADatagramConnect(t *testing.T) {
	race{
		prepare: prepareDatagramConnect,
		act:     func(r *round) { r.start(r.s.ConnectAsync) },
		end: func(r *round) {
			if r.number%3 == 0 {
				r.s.Port().CancelConnectAsync(r.op)
			}
			_ = r.s.Close()
		},
		verify: func(t *testing.T, r *round) {
			r.once(t, ops.Success, ops.OperationAborted)
			require.Contains(t, []int{0, 4}, r.bytes)
		},
	}.run(t, ops.PortConfig{}, raceRounds/5)
}

package ops_test

import (
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
)

// pieces is a Multishot receive that notes what it gets. Its fields are the port's until it has ended.
type pieces struct {
	*ops.Op
	data []byte
	ends int // completions that said that no more will come
	last ops.SocketError
	end  chan struct{}
}

func newPieces() *pieces {
	m := &pieces{end: make(chan struct{}, 16)}
	m.Op = ops.NewOp(func(op *ops.Op) {
		m.data = append(m.data, op.Bytes()...)
		if m.last = op.SocketError(); !op.More() {
			m.ends++
			m.end <- struct{}{}
		}
	})
	m.Multishot = true
	return m
}

// requireWhole waits for the end of the stream, which must have brought the first n bytes of the pattern, each once.
func (m *pieces) requireWhole(t testing.TB, p *ops.Port, n int) {
	t.Helper()
	await(t, m.end)
	turnBy(t, p)
	require.Equal(t, patterned(n), m.data)
	require.Equal(t, 1, m.ends, "completions that ended it")
	require.Equal(t, ops.Success, m.last)
}

// piecesAhead has n bytes arrive before they are asked for, each in a buffer of its own.
func piecesAhead(t testing.TB, p *ops.Port, c net.Conn, s *ops.Socket, n int) {
	t.Helper()
	data := patterned(n)
	arriveAhead(t, p, c, s, data[:1])
	for i := 1; i < n; i++ {
		before := p.Stats().Buffers.Leases
		_, err := c.Write(data[i : i+1])
		require.NoError(t, err)
		waitStats(t, p, "the piece is there", func(s ops.Stats) bool { return s.Buffers.Leases > before })
	}
}

// endAhead ends the peer's direction of the stream and waits until the port has seen it.
func endAhead(t testing.TB, p *ops.Port, c *net.TCPConn) {
	t.Helper()
	before := p.Stats().Slots
	require.NoError(t, c.CloseWrite())
	waitStats(t, p, "the receive has ended", func(s ops.Stats) bool { return s.Slots < before })
}

// receiveBehind gives a send whose handler starts a receive.
func receiveBehind(s *ops.Socket, receive *ops.Op) *ops.Op {
	send := ops.NewOp(func(*ops.Op) { s.ReceiveAsync(receive) })
	send.SetBuffer([]byte("x"))
	return send
}

// Packets that end are work for the socket in the very flush that has served its receives.
func TestPacketsThatEndHandOutNoPieceTwice(t *testing.T) {
	for n := 2; n <= 5; n++ {
		t.Run(fmt.Sprint(n, " pieces"), func(t *testing.T) {
			p := newPort(t, ops.PortConfig{})
			c, s := pair(t, p)
			piecesAhead(t, p, c, s, n)
			multi, packets := newPieces(), newJob()
			packets.SetSendPacketsElements([]ops.SendPacketsElement{{}}) // nothing: they end when it is their turn
			send := receiveBehind(s, multi.Op)
			onPort(t, p, func() {
				s.SendAsync(send)
				s.SendPacketsAsync(packets.Op)
			})
			require.NoError(t, packets.wait(t).Err())
			require.NoError(t, c.CloseWrite())
			multi.requireWhole(t, p, n)
		})
	}
}

// eachDisconnect runs a test for both kinds of a disconnect, with some pieces read ahead, with and without their end.
func eachDisconnect(t *testing.T, test func(t *testing.T, p *ops.Port, s *ops.Socket, end *job) *pieces) {
	for i := range 16 {
		n, reuse, ended := 2+i/4, i&1 != 0, i&2 != 0
		t.Run(fmt.Sprintf("%d pieces, reuse %t, ended %t", n, reuse, ended), func(t *testing.T) {
			p := newPort(t, ops.PortConfig{})
			c, s := pair(t, p)
			piecesAhead(t, p, c, s, n)
			if ended {
				endAhead(t, p, c)
			}
			end := newJob()
			end.DisconnectReuseSocket = reuse
			multi := test(t, p, s, end)
			require.NoError(t, end.wait(t).Err())
			multi.requireWhole(t, p, n)
		})
	}
}

func TestADisconnectBehindASendHandsOutEveryPieceOnce(t *testing.T) {
	eachDisconnect(t, func(t *testing.T, p *ops.Port, s *ops.Socket, end *job) *pieces {
		multi := newPieces()
		send := receiveBehind(s, multi.Op)
		onPort(t, p, func() {
			s.SendAsync(send)
			s.DisconnectAsync(end.Op)
		})
		return multi
	})
}

func TestADisconnectBehindAMultishotReceiveHandsOutEveryPieceOnce(t *testing.T) {
	eachDisconnect(t, func(t *testing.T, p *ops.Port, s *ops.Socket, end *job) *pieces {
		multi := newPieces()
		onPort(t, p, func() {
			s.ReceiveAsync(multi.Op)
			if !s.DisconnectAsync(end.Op) {
				end.completed <- struct{}{}
			}
		})
		return multi
	})
}

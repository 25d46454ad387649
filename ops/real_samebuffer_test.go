package ops_test

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
)

// The handler sends what it received with the op that received it, out of the buffer that the kernel picked. The
// group has few buffers, so that one given back too early would be filled with other bytes.
func TestAnOpMaySendWhatItReceivedIntoAPickedBuffer(t *testing.T) {
	p, err := ops.NewPort(ops.PortConfig{Buffers: 2, BufferSize: 4096, ReadAhead: -1})
	require.NoError(t, err)
	defer p.Close()
	l, err := p.Listen(ops.IPEndpoint(netip.MustParseAddrPort("127.0.0.1:0")), ops.ListenConfig{})
	require.NoError(t, err)
	const conns, rounds = 4, 200
	for range conns {
		accept := ops.NewOp(func(op *ops.Op) { startSameOpEcho(op) })
		if !l.AcceptAsync(accept) {
			startSameOpEcho(accept)
		}
	}
	failed := make(chan error, conns)
	for i := range conns {
		go func() { failed <- sameOpClient(l.LocalEndpoint().String(), byte(i), rounds) }()
	}
	for range conns {
		require.NoError(t, <-failed)
	}
}

func startSameOpEcho(accept *ops.Op) {
	s := accept.AcceptSocket
	if s == nil {
		return
	}
	_ = s.Port().Post(func() { newSameOpEcho(s) })
}

func newSameOpEcho(s *ops.Socket) {
	var step func(op *ops.Op)
	step = func(op *ops.Op) {
		for pending := false; !pending; {
			switch {
			case op.Err() != nil || op.LastOperation() == ops.Receive && op.BytesTransferred() == 0:
				_ = op.Close()
				_ = s.Close()
				return
			case op.LastOperation() == ops.Receive:
				op.SetBuffer(op.Bytes())
				pending = s.SendAsync(op)
			default:
				op.SetBuffer(nil)
				pending = s.ReceiveAsync(op)
			}
		}
	}
	op := ops.NewOp(step)
	if !s.ReceiveAsync(op) {
		step(op)
	}
}

func sameOpClient(addr string, fill byte, rounds int) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	message := bytes.Repeat([]byte{fill + 1}, 3000)
	answer := make([]byte, len(message))
	for range rounds {
		if _, err := c.Write(message); err != nil {
			return err
		}
		for got := 0; got < len(answer); {
			n, err := c.Read(answer[got:])
			if err != nil {
				return err
			}
			got += n
		}
		if !bytes.Equal(message, answer) {
			return errors.New("the answer has bytes of another connection")
		}
	}
	return nil
}

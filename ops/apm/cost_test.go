package apm_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/ops/apm"
)

// pairs are what the package comment tells the cost of.
var pairs = []struct {
	name        string
	allocations float64
	run         func(*sockets)
}{
	{"Send, at once", 1, func(s *sockets) {
		r, _ := apm.BeginSend(s.stream, []byte{}, 0, ignore, nil)
		_, _ = apm.EndSend(r)
	}},
	{"Receive, at once", 1, func(s *sockets) {
		r, _ := apm.BeginReceive(s.stream, s.buf, ops.Peek, ignore, nil)
		_, _ = apm.EndReceive(r)
	}},
	{"Send, pending", 1, func(s *sockets) {
		_, _ = apm.BeginSend(s.stream, s.buf, 0, s.endSend, nil)
		<-s.ended
	}},
	{"Send, pending, with Done", 2, func(s *sockets) {
		r, _ := apm.BeginSend(s.stream, s.buf, 0, nil, nil)
		<-r.Done()
		_, _ = apm.EndSend(r)
	}},
	{"SendTo and ReceiveFrom", 5, func(s *sockets) {
		_, _ = apm.BeginReceiveFrom(s.datagrams, s.buf, 0, s.endReceiveFrom, nil)
		_, _ = apm.BeginSendTo(s.datagrams, s.buf, 0, s.address, s.endSendTo, nil)
		<-s.ended
		<-s.ended
	}},
	{"Send, an op used again", 0, func(s *sockets) {
		s.op.SetBuffer(s.buf)
		if s.stream.SendAsync(s.op) {
			<-s.ended
		}
	}},
}

func ignore(*apm.Result) {}

// sockets are what the pairs work on: a stream with bytes to receive, whose peer reads what is sent, and a datagram
// socket that talks to itself.
type sockets struct {
	stream, datagrams                  *ops.Socket
	address                            ops.Endpoint
	buf                                []byte
	op                                 *ops.Op
	ended                              chan struct{}
	endSend, endSendTo, endReceiveFrom func(*apm.Result)
}

func newSockets(t testing.TB) *sockets {
	t.Helper()
	p := newPort(t, ops.PortConfig{})
	c, stream := connection(t, p)
	arrives(t, c, stream, "x")
	go func() {
		buf := make([]byte, 1<<16)
		for {
			if _, err := c.Read(buf); err != nil {
				return
			}
		}
	}()
	s := &sockets{stream: stream, datagrams: bound(t, p), buf: make([]byte, 1), ended: make(chan struct{}, 2)}
	s.address = s.datagrams.LocalEndpoint()
	s.op = ops.NewOp(func(*ops.Op) { s.ended <- struct{}{} })
	end := func(end func(*apm.Result)) func(*apm.Result) {
		return func(r *apm.Result) {
			end(r)
			s.ended <- struct{}{}
		}
	}
	s.endSend = end(func(r *apm.Result) { _, _ = apm.EndSend(r) })
	s.endSendTo = end(func(r *apm.Result) { _, _ = apm.EndSendTo(r) })
	s.endReceiveFrom = end(func(r *apm.Result) { _, _, _ = apm.EndReceiveFrom(r) })
	return s
}

func TestAPairAllocatesWhatThePackageCommentSays(t *testing.T) {
	s := newSockets(t)
	for _, pair := range pairs {
		require.Equal(t, pair.allocations, testing.AllocsPerRun(1000, func() { pair.run(s) }), pair.name)
	}
}

func BenchmarkPair(b *testing.B) {
	s := newSockets(b)
	for _, pair := range pairs {
		b.Run(pair.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				pair.run(s)
			}
		})
	}
}

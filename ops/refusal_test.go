package ops

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// refused is one start that a socket does not take.
type refused struct {
	name    string
	prepare func(*Op)
	start   func(s *story) func(*Op) bool
	want    error
	code    SocketError
	says    string
}

// The calls that the refusals are of: on a connected socket, a listener, and a socket that is neither.
func receiving(s *story) func(*Op) bool { return s.parties["s"].socket.ReceiveAsync }
func sending(s *story) func(*Op) bool   { return s.parties["s"].socket.SendAsync }
func accepting(s *story) func(*Op) bool { return s.parties["l"].socket.AcceptAsync }
func fresh(call func(*Socket, *Op) bool) func(*story) func(*Op) bool {
	return func(s *story) func(*Op) bool {
		return func(op *Op) bool { return call(s.parties["fresh"].socket, op) }
	}
}

func refusedStarts() []refused {
	buffer := func(op *Op) { op.SetBuffer(make([]byte, 5)) }
	list := func(op *Op) { op.SetBufferList([][]byte{make([]byte, 5)}) }
	both := func(op *Op) { buffer(op); list(op) }
	nothing := func(*Op) {}
	multishot := func(then func(*Op)) func(*Op) { return func(op *Op) { op.Multishot = true; then(op) } }
	flags := func(f SocketFlags) func(*Op) { return func(op *Op) { op.SocketFlags = f } }
	return []refused{
		{"receive into both", both, receiving, ErrArgument, InvalidArgument, "both a buffer and a buffer list"},
		{"send both", both, sending, ErrArgument, InvalidArgument, "both a buffer and a buffer list"},
		{"accept with both", both, accepting, ErrArgument, InvalidArgument, "both a buffer and a buffer list"},
		{"accept with a list", list, accepting, ErrArgument, InvalidArgument, "buffer list"},
		{"accept with a buffer", buffer, accepting, ErrUnsupported, OperationNotSupported, "receiving with the accept"},
		{"multishot into a buffer", multishot(buffer), receiving, ErrArgument, InvalidArgument, "Multishot"},
		{"multishot peek", multishot(flags(Peek)), receiving, ErrArgument, InvalidArgument, "Multishot"},
		{"peek into nothing", flags(Peek), receiving, ErrArgument, InvalidArgument, "Peek needs a buffer"},
		{"unknown flag of a receive", flags(1 << 20), receiving, ErrUnsupported, OperationNotSupported, "SocketFlags"},
		{"unknown flag of a send", flags(1 << 20), sending, ErrUnsupported, OperationNotSupported, "SocketFlags"},
		{"accept of no listener", nothing, func(s *story) func(*Op) bool { return s.parties["s"].socket.AcceptAsync },
			ErrState, InvalidArgument, "does not listen"},
		{"receive without a connection", nothing, fresh((*Socket).ReceiveAsync), syscall.ENOTCONN, NotConnected, ""},
		{"send without a connection", nothing, fresh((*Socket).SendAsync), syscall.ENOTCONN, NotConnected, ""},
		{"receive on a listener", nothing, func(s *story) func(*Op) bool { return s.parties["l"].socket.ReceiveAsync },
			syscall.ENOTCONN, NotConnected, ""},
	}
}

func TestAStartThatMakesNoSenseIsAResult(t *testing.T) {
	for _, test := range refusedStarts() {
		t.Run(test.name, func(t *testing.T) {
			s := newStory(t, PortConfig{Buffers: 4, BufferSize: 64}, func(*fakeRing) {})
			s.connect("s")
			s.listen("l", 4, 4)
			s.connect("fresh").socket.state = 0
			s.turn()
			op := NewOp(func(*Op) { t.Error("Completed runs for a result that was known at once") })
			test.prepare(op)
			require.False(t, test.start(s)(op))
			require.ErrorIs(t, op.Err(), test.want)
			require.ErrorContains(t, op.Err(), test.says)
			require.Equal(t, test.code, op.SocketError())
			require.Zero(t, op.BytesTransferred())
			s.turn()
			require.Empty(t, s.ring.requests, "the kernel hears nothing of it")
			requireUsable(t, s, op)
		})
	}
}

// requireUsable receives with an op.
func requireUsable(t *testing.T, s *story, op *Op) {
	t.Helper()
	op.SetBuffer(nil)
	op.SetBufferList(nil)
	op.SocketFlags, op.Multishot = 0, false
	done := false
	op.Completed = func(*Op) { done = true }
	require.True(t, s.parties["s"].socket.ReceiveAsync(op))
	s.turn()
	s.data(s.ring.find("s.recv"), 10, true)
	s.turn()
	require.True(t, done)
	require.NoError(t, op.Err())
	require.Equal(t, stream(0, 10), op.Bytes())
	require.NoError(t, op.Close())
}

func TestUnsupportedMatchesTheStandardError(t *testing.T) {
	require.ErrorIs(t, errAcceptBuffer, errors.ErrUnsupported)
}

func TestEverythingClosedIsRefused(t *testing.T) {
	s := newStory(t, PortConfig{Buffers: 4, BufferSize: 64}, func(*fakeRing) {})
	socket, other := s.connect("s").socket, s.connect("u").socket
	s.turn()
	require.NoError(t, socket.Close())
	require.NoError(t, socket.Close(), "closing is idempotent")
	op := NewOp(nil)
	for range 2 {
		require.False(t, socket.ReceiveAsync(op))
		require.ErrorIs(t, op.Err(), net.ErrClosed)
		require.False(t, socket.SendAsync(op))
		require.ErrorIs(t, op.Err(), net.ErrClosed)
		require.ErrorIs(t, socket.Shutdown(ShutdownBoth), net.ErrClosed)
		require.ErrorIs(t, socket.Control(func(uintptr) { t.Error("it runs") }), net.ErrClosed)
		_, err := socket.Detach()
		require.ErrorIs(t, err, net.ErrClosed)
		require.False(t, socket.Connected())
		s.turn()
		s.answer() // the second time the descriptor is gone, too
		s.turn()
	}
	require.NoError(t, s.port.Close())
	require.False(t, other.ReceiveAsync(op))
	require.ErrorIs(t, op.Err(), net.ErrClosed)
	require.ErrorIs(t, s.port.Post(func() {}), net.ErrClosed)
}

func TestCancellingWhatIsNotInFlightDoesNothing(t *testing.T) {
	s := newStory(t, PortConfig{Buffers: 4, BufferSize: 64}, func(*fakeRing) {})
	socket := s.connect("s").socket
	op := NewOp(nil)
	socket.Cancel(nil)
	socket.Cancel(op)
	require.True(t, socket.ReceiveAsync(op))
	s.connect("u").socket.Cancel(op) // it is another socket's
	s.turn()
	require.Equal(t, opInFlight, op.state.Load())
	require.Zero(t, s.port.stats.Cancels)
	require.Error(t, socket.Shutdown(ShutdownHow(3)))
}

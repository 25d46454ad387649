package ops

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Another goroutine may start ops on a port whose own has not turned yet: what is known at once is told at once.
func TestAStartBeforeTheFirstTurnIsAnsweredAtOnce(t *testing.T) {
	p, err := newPort(PortConfig{})
	require.NoError(t, err)
	defer func() { require.NoError(t, p.release()) }()
	s, err := p.NewSocket(FamilyIPv4, Stream)
	require.NoError(t, err)
	defer func() { require.NoError(t, unix.Close(s.fd)) }()
	op := NewOp(nil)
	require.False(t, s.ReceiveAsync(op))
	require.Equal(t, NotConnected, op.SocketError())
}

// What is wrong with a call is told to its caller, however many results the turn has told already: those of other
// goroutines count, too.
func TestARefusalDoesNotWaitForTheBudget(t *testing.T) {
	p, err := newPort(PortConfig{SyncBudget: 2})
	require.NoError(t, err)
	defer func() { require.NoError(t, p.release()) }()
	s, err := p.NewSocket(FamilyIPv4, Stream)
	require.NoError(t, err)
	defer func() { require.NoError(t, unix.Close(s.fd)) }()
	for range 10 {
		op := NewOp(nil)
		require.False(t, s.ReceiveAsync(op))
		require.Equal(t, NotConnected, op.SocketError())
	}
}

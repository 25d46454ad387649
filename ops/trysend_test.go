package ops

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A send on the caller's goroutine that falls short leaves bytes unsent. One that came behind it meanwhile must not go
// out: its bytes would take the place of those.
func TestDontWaitBehindAShortTrySendFailsToo(t *testing.T) {
	p, err := NewPort(PortConfig{TrySend: true})
	require.NoError(t, err)
	defer p.Close()
	large := make([]byte, 64<<20)                         // more than a socket takes, so that the try takes a while
	for patience := time.Now().Add(30 * time.Second); ; { // on a busy CPU nearly all come too late
		require.True(t, time.Now().Before(patience), "no second send ever came in time")
		if behind, first := sendBehindTry(t, p, large); behind != nil {
			require.Equal(t, WouldBlock, first.SocketError())
			require.Less(t, first.BytesTransferred(), len(large))
			require.Equal(t, WouldBlock, behind.SocketError())
			require.Zero(t, behind.BytesTransferred())
			return
		}
	}
}

// sendBehindTry starts a large send on another goroutine, and one behind it if it sees the first under way.
func sendBehindTry(t *testing.T, p *Port, large []byte) (behind, first *Op) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(fds[1])
	s, err := p.Associate(fds[0])
	require.NoError(t, err)
	defer s.Close()
	asleep(p)
	first = NewOp(nil)
	first.DontWait = true
	first.SetBuffer(large)
	done := make(chan bool)
	go func() { done <- s.SendAsync(first) }()
	second := make(chan struct{})
	op := NewOp(func(*Op) { close(second) })
	op.DontWait = true
	op.SetBuffer([]byte("behind"))
	for {
		select {
		case pending := <-done:
			require.False(t, pending, "the port slept, so the send was made on the spot")
			return nil, nil // too late
		default:
		}
		if !underWay(s) {
			continue
		}
		if !s.SendAsync(op) {
			<-done
			return nil, nil
		}
		<-done
		<-second
		return op, first
	}
}

// asleep waits until the port's goroutine sleeps.
func asleep(p *Port) {
	for {
		p.mu.Lock()
		sleeping := p.sleeping
		p.mu.Unlock()
		if sleeping {
			return
		}
	}
}

func underWay(s *Socket) bool {
	s.port.mu.Lock()
	defer s.port.mu.Unlock()
	return s.tx.trying
}

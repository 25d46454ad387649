package apm_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/ops/apm"
)

// queued makes connections wait at a listener that has accepted them already: an accept finds them at once.
func queued(t testing.TB, l *ops.Socket, n int) []*net.TCPConn {
	t.Helper()
	first := beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
		return apm.BeginAccept(l, callback, state)
	})
	before := l.Port().Stats().Accepts
	dial(t, l)
	s, err := apm.EndAccept(first.wait(t).Result)
	require.NoError(t, err)
	closing(t, s)
	clients := make([]*net.TCPConn, n)
	for i := range clients {
		clients[i] = dial(t, l)
	}
	waitUntil(t, l.Port(), "the connections are accepted", func() bool {
		return l.Port().Stats().Accepts >= before+uint64(n)+1
	})
	return clients
}

func TestAcceptGivesTheConnection(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p)
	begin := func(callback func(*apm.Result), state any) (*apm.Result, error) {
		return apm.BeginAccept(l, callback, state)
	}
	requireAccepted := func(b begun, c *net.TCPConn) {
		s, err := apm.EndAccept(b.Result)
		require.NoError(t, err)
		closing(t, s)
		require.Equal(t, c.LocalAddr().String(), s.RemoteEndpoint().String())
		again, err := apm.EndAccept(b.Result)
		require.NoError(t, err)
		require.Same(t, s, again)
	}
	pending := beginning(t, begin).pend(t)
	c := dial(t, l)
	requireAccepted(pending.wait(t), c)
	for _, c := range queued(t, l, 2) {
		requireAccepted(beginning(t, begin).atOnce(t), c)
	}
}

func TestConcurrentAcceptsTakeOneConnectionEach(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p)
	results := make([]*apm.Result, 5)
	for i := range results {
		r, err := apm.BeginAccept(l, nil, nil)
		require.NoError(t, err)
		results[i] = r
	}
	for range results {
		dial(t, l)
	}
	peers := map[ops.Endpoint]bool{}
	for _, r := range results {
		s, err := apm.EndAccept(r)
		require.NoError(t, err)
		closing(t, s)
		peers[s.RemoteEndpoint()] = true
	}
	require.Len(t, peers, len(results))
}

func TestAcceptReceiveGivesTheFirstBytes(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	tests := []struct {
		name string
		size int
		send string
		want string
	}{
		{"one byte", 1, "a", "a"},
		{"less than asked for", 100, "abc", "abc"},
		{"more than asked for", 2, "abc", "ab"},
		{"the end of the stream", 10, "", ""},
		{"none asked for", 0, "abc", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := listen(t, p)
			b := beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
				return apm.BeginAcceptReceive(l, test.size, callback, state)
			}).pend(t)
			c := dial(t, l)
			_, err := c.Write([]byte(test.send))
			require.NoError(t, err)
			require.NoError(t, c.CloseWrite())
			s, data, err := apm.EndAcceptReceive(b.wait(t).Result)
			require.NoError(t, err)
			closing(t, s)
			require.Equal(t, test.want, string(data))
			require.Equal(t, len(data), cap(data))
			require.Equal(t, c.LocalAddr().String(), s.RemoteEndpoint().String())
			again, _, err := apm.EndAcceptReceive(b.Result)
			require.NoError(t, err)
			require.Same(t, s, again)
		})
	}
}

func TestAcceptReceiveOfAConnectionThatWaitsIsPendingForItsBytes(t *testing.T) {
	l := listen(t, newPort(t, ops.PortConfig{}))
	c := queued(t, l, 1)[0]
	b := beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
		return apm.BeginAcceptReceive(l, 8, callback, state)
	}).pend(t)
	_, err := c.Write([]byte("abc"))
	require.NoError(t, err)
	s, data, err := apm.EndAcceptReceive(b.wait(t).Result)
	require.NoError(t, err)
	closing(t, s)
	require.Equal(t, "abc", string(data))
}

func TestAcceptReceiveOfNothingCanBeDoneAtOnce(t *testing.T) {
	l := listen(t, newPort(t, ops.PortConfig{}))
	queued(t, l, 1)
	b := beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
		return apm.BeginAcceptReceive(l, 0, callback, state)
	}).atOnce(t)
	s, data, err := apm.EndAcceptReceive(b.Result)
	require.NoError(t, err)
	closing(t, s)
	require.Empty(t, data)
}

func TestAcceptIntoFillsASocketOfAnyPort(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	other := newPort(t, ops.PortConfig{})
	for _, port := range []*ops.Port{p, other} {
		l := listen(t, p)
		target := newSocket(t, port, ops.Stream)
		b := beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
			return apm.BeginAcceptInto(l, target, 8, callback, state)
		}).pend(t)
		_, err := dial(t, l).Write([]byte("abc"))
		require.NoError(t, err)
		s, data, err := apm.EndAcceptReceive(b.wait(t).Result)
		require.NoError(t, err)
		require.Same(t, target, s)
		require.Equal(t, "abc", string(data))
	}
}

func TestAcceptReceiveClosesAConnectionThatFails(t *testing.T) {
	l := listen(t, newPort(t, ops.PortConfig{}))
	b := beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
		return apm.BeginAcceptReceive(l, 8, callback, state)
	}).pend(t)
	c := dial(t, l)
	require.NoError(t, c.SetLinger(0))
	require.NoError(t, c.Close())
	s, data, err := apm.EndAcceptReceive(b.wait(t).Result)
	require.Error(t, err)
	require.Nil(t, s)
	require.Nil(t, data)
}

package apm_test

import (
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/ops/apm"
)

func TestConnectReachesAListener(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p)
	port := l.LocalEndpoint().Port()
	loopback := netip.MustParseAddr("127.0.0.1")
	deaf := netip.MustParseAddr("127.0.0.2") // the listener has another address
	tests := []struct {
		name  string
		begin func(*ops.Socket, func(*apm.Result), any) (*apm.Result, error)
	}{
		{"endpoint", func(s *ops.Socket, callback func(*apm.Result), state any) (*apm.Result, error) {
			return apm.BeginConnect(s, l.LocalEndpoint(), callback, state)
		}},
		{"address in text", func(s *ops.Socket, callback func(*apm.Result), state any) (*apm.Result, error) {
			return apm.BeginConnectHost(s, "127.0.0.1", port, callback, state)
		}},
		{"host", func(s *ops.Socket, callback func(*apm.Result), state any) (*apm.Result, error) {
			return apm.BeginConnectHost(s, "localhost", port, callback, state)
		}},
		{"first address", func(s *ops.Socket, callback func(*apm.Result), state any) (*apm.Result, error) {
			return apm.BeginConnectAddresses(s, []netip.Addr{loopback, deaf}, port, callback, state)
		}},
		{"last address", func(s *ops.Socket, callback func(*apm.Result), state any) (*apm.Result, error) {
			return apm.BeginConnectAddresses(s, []netip.Addr{deaf, deaf, netip.IPv6Loopback(), deaf, loopback}, port,
				callback, state)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSocket(t, p, ops.Stream)
			b := beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
				return test.begin(s, callback, state)
			}).wait(t)
			require.False(t, b.CompletedSynchronously())
			require.NoError(t, apm.EndConnect(b.Result))
			require.NoError(t, apm.EndConnect(b.Result))
			require.Equal(t, l.LocalEndpoint(), s.RemoteEndpoint())
			accept, err := apm.BeginAccept(l, nil, nil)
			require.NoError(t, err)
			accepted, err := apm.EndAccept(accept)
			require.NoError(t, err)
			closing(t, accepted)
			require.Equal(t, s.LocalEndpoint(), accepted.RemoteEndpoint())
		})
	}
}

func TestConnectOfADatagramSocketIsDoneAtOnce(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	peer := bound(t, p)
	addresses := []netip.Addr{netip.IPv6Loopback(), netip.MustParseAddr("127.0.0.1")}
	for _, begin := range []func(*ops.Socket, func(*apm.Result), any) (*apm.Result, error){
		func(s *ops.Socket, callback func(*apm.Result), state any) (*apm.Result, error) {
			return apm.BeginConnect(s, peer.LocalEndpoint(), callback, state)
		},
		func(s *ops.Socket, callback func(*apm.Result), state any) (*apm.Result, error) {
			return apm.BeginConnectAddresses(s, addresses, peer.LocalEndpoint().Port(), callback, state)
		},
	} {
		s := newSocket(t, p, ops.Dgram)
		b := beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
			return begin(s, callback, state)
		}).atOnce(t)
		require.NoError(t, apm.EndConnect(b.Result))
		require.Equal(t, peer.LocalEndpoint(), s.RemoteEndpoint())
	}
}

func TestConnectToNobodyIsEndsError(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p)
	deaf := []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3")}
	for _, count := range []int{1, 2} {
		s := newSocket(t, p, ops.Stream)
		b := beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
			return apm.BeginConnectAddresses(s, deaf[:count], l.LocalEndpoint().Port(), callback, state)
		}).wait(t)
		require.ErrorIs(t, apm.EndConnect(b.Result), syscall.ECONNREFUSED)
		require.ErrorIs(t, apm.EndConnect(b.Result), syscall.ECONNREFUSED)
	}
}

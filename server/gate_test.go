package server_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/server"
)

func TestTheSourceOfAConnectionIsWhatOneClientCanChooseFrom(t *testing.T) {
	tests := []struct{ addr, want string }{
		{"192.0.2.1", "192.0.2.1/32"},
		{"::ffff:192.0.2.1", "192.0.2.1/32"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"fe80::1%eth0", "fe80::/64"},
	}
	for _, test := range tests {
		require.Equal(t, test.want, server.SourceOf(netip.MustParseAddr(test.addr)).String())
	}
	require.Equal(t, netip.Prefix{}, server.SourceOf(netip.Addr{}))
}

package server_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/server"
)

func TestASourceIsAnIPv4AddressOrAnIPv6Network(t *testing.T) {
	tests := []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "191.0.2.1", false},
		{"2001:db8::1", "2001:db8::ffff:0:0:2", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"fe80::1%lo", "fe80::2%1", true},
		{"0.0.0.0", "::", false},
		{"0.0.0.1", "0:0:0:1::", false},
	}
	for _, test := range tests {
		a, b := server.SourceOf(netip.MustParseAddr(test.a)), server.SourceOf(netip.MustParseAddr(test.b))
		require.Equal(t, test.same, a == b, "%s and %s", test.a, test.b)
	}
}

package server_test

import (
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/server"
)

func TestAPortInUseIsAnErrorThatNamesTheAddress(t *testing.T) {
	for _, shards := range []int{1, 2} {
		ringtest.Require(t)
		ringtest.Descriptors(t)
		first := start(t, server.Config{Shards: shards}, server.Echo{})
		_, err := server.New(server.Config{Listen: []string{"tcp://" + first.addr()}, Shards: shards}, server.Echo{})
		require.ErrorIs(t, err, syscall.EADDRINUSE)
		require.ErrorContains(t, err, first.addr())
		require.NotContains(t, err.Error(), "\n", "one line")

		alien, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		_, err = server.New(server.Config{Listen: []string{"tcp://" + alien.Addr().String()}, Shards: shards}, server.Echo{})
		require.ErrorIs(t, err, syscall.EADDRINUSE)
		require.NoError(t, alien.Close())
	}
}

func TestAPortThatWasJustLeftIsFree(t *testing.T) {
	r := start(t, server.Config{}, server.Echo{})
	c := r.dial()
	requireEcho(t, c, "the server closes first, and its port goes through TIME_WAIT")
	require.NoError(t, r.Close())
	next, err := server.New(server.Config{Listen: []string{"tcp://" + r.addr()}, Shards: 2}, server.Echo{})
	require.NoError(t, err)
	require.NoError(t, next.Close())
}

func TestEveryAddressOfTheListIsServed(t *testing.T) {
	r := start(t, server.Config{Listen: []string{"tcp://127.0.0.1:0", "tcp://127.0.0.2:0", "tcp://localhost:0"}},
		server.Echo{})
	require.Len(t, r.Addrs(), 3)
	for _, addr := range r.Addrs() {
		require.NotZero(t, addr.Port())
		c, err := net.Dial("tcp", addr.String())
		require.NoError(t, err)
		requireEcho(t, c, "hello")
		require.NoError(t, c.Close())
	}
	require.Equal(t, "127.0.0.2", r.Addrs()[1].Host())
}

func TestNoHostMeansEveryAddressOfBothFamilies(t *testing.T) {
	r := start(t, server.Config{Listen: []string{"tcp://:0"}}, server.Echo{})
	_, port, found := strings.Cut(strings.TrimPrefix(r.addr(), "[::]"), ":")
	require.True(t, found, r.addr())
	hosts := []string{"127.0.0.1", "127.0.0.3"}
	if probe, err := net.Listen("tcp6", "[::1]:0"); err == nil {
		require.NoError(t, probe.Close())
		hosts = append(hosts, "::1")
	}
	for _, host := range hosts {
		c, err := net.Dial("tcp", net.JoinHostPort(host, port))
		require.NoError(t, err, host)
		requireEcho(t, c, "hello")
		require.NoError(t, c.Close())
	}
}

func TestAnAddressThatCanNotBeListenedOnIsAnError(t *testing.T) {
	ringtest.Require(t)
	ringtest.Descriptors(t)
	tests := []struct {
		address string
		want    error
	}{
		{"tcp://192.0.2.1:0", syscall.EADDRNOTAVAIL}, // TEST-NET-1: nobody has it
		{"tcp://192.0.2.1:7", syscall.EADDRNOTAVAIL},
		{"tcp://no-such-host.invalid:7", nil},
	}
	for _, test := range tests {
		for _, shards := range []int{1, 2} {
			_, err := server.New(server.Config{Listen: []string{test.address}, Shards: shards}, server.Echo{})
			require.ErrorContains(t, err, "server: listen on "+test.address)
			if test.want != nil {
				require.ErrorIs(t, err, test.want)
			}
		}
	}
}

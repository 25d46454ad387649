package server_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/server"
)

func TestConnectionsBeyondMaxConnsWaitUntilOthersLeave(t *testing.T) {
	tests := []struct{ max, shards, clients int }{
		{1, 1, 5},
		{1, 2, 20},
		{3, 2, 40},
		{10, 4, 100},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("max=%d/shards=%d", test.max, test.shards), func(t *testing.T) {
			r := start(t, server.Config{MaxConns: test.max, Shards: test.shards}, server.Echo{})
			together(t, test.clients, func(i int) error {
				c, err := net.Dial("tcp", r.addr())
				if err != nil {
					return err
				}
				defer c.Close()
				if err := echoOnce(c, i, 1000, 1000); err != nil {
					return err
				}
				if n := r.Stats().Sessions; n > test.max {
					return fmt.Errorf("%d sessions", n)
				}
				return nil
			})
			r.until("all were served", func(s server.Stats) bool {
				return s.Sessions == 0 && s.Closed() == uint64(test.clients)
			})
		})
	}
}

func TestAtMaxConnsNobodyIsAccepted(t *testing.T) {
	r := start(t, server.Config{MaxConns: 2, Shards: 2}, server.Echo{})
	first, second := r.dial(), r.dial()
	requireEcho(t, first, "one")
	requireEcho(t, second, "two")
	waiting := r.dial()
	_, err := waiting.Write([]byte("three"))
	require.NoError(t, err)
	requireEcho(t, first, "one is served")
	requireEcho(t, second, "so is two")
	require.Equal(t, 2, r.Stats().Sessions)
	require.NoError(t, first.Close())
	got := make([]byte, 5)
	_, err = io.ReadFull(waiting, got)
	require.NoError(t, err)
	require.Equal(t, "three", string(got))
}

func TestAConnectionMayWaitForAPlaceAndLeave(t *testing.T) {
	r := start(t, server.Config{MaxConns: 1, Shards: 2}, server.Echo{})
	first := r.dial()
	requireEcho(t, first, "one")
	for range 8 {
		require.NoError(t, r.dial().Close())
	}
	last := r.dial()
	require.NoError(t, first.Close())
	requireEcho(t, last, "the last")
}

func TestWaitingConnectionsAreClosedWithTheServer(t *testing.T) {
	r := start(t, server.Config{MaxConns: 1, Shards: 2}, server.Echo{})
	requireEcho(t, r.dial(), "one")
	var waiting []*net.TCPConn
	for range 8 {
		waiting = append(waiting, r.dial())
	}
	require.NoError(t, r.Close())
	for _, c := range waiting {
		_, err := c.Read(make([]byte, 1))
		require.Error(t, err)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	}
}

func TestAnAddressHasAtMostMaxConnsPerIP(t *testing.T) {
	r := start(t, server.Config{MaxConnsPerIP: 2, Listen: []string{"tcp://127.0.0.1:0"}}, server.Echo{})
	first, second := r.dial(), r.dial()
	requireEcho(t, first, "one")
	requireEcho(t, second, "two")
	_, err := r.dial().Read(make([]byte, 1))
	require.True(t, errors.Is(err, io.EOF), "%v", err)
	require.EqualValues(t, 1, r.Stats().Rejected[server.RejectedPerIP])

	elsewhere := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	other, err := elsewhere.Dial("tcp", r.addr())
	require.NoError(t, err)
	requireEcho(t, other, "another address has its own")
	require.NoError(t, other.Close())

	require.NoError(t, first.Close())
	r.until("there is room again", func(s server.Stats) bool { return s.Sessions == 1 })
	requireEcho(t, r.dial(), "three")
}

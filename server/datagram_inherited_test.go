package server_test

import (
	"context"
	"net"
	"os"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/server"
)

// inheritedUDP gives a bound UDP socket as a supervisor would pass it on, and its file.
func inheritedUDP(t testing.TB, address string) (net.PacketConn, *os.File) {
	t.Helper()
	conn, err := net.ListenPacket("udp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	file, err := conn.(*net.UDPConn).File()
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	return conn, file
}

// serve is start for servers that come and go while descriptors of others are open. It takes Config.Listen as it is.
func serve(t testing.TB, cfg server.Config) *running {
	t.Helper()
	ringtest.Require(t)
	s, err := server.New(cfg, server.Echo{})
	require.NoError(t, err)
	r := &running{Server: s, t: t, served: make(chan error, 1)}
	go func() { r.served <- s.Serve(context.Background()) }()
	t.Cleanup(r.stop)
	return r
}

func TestAnInheritedUDPSocketIsServedAndLeftToOthers(t *testing.T) {
	ringtest.Descriptors(t)
	conn, file := inheritedUDP(t, "127.0.0.1:0")
	cfg := server.Config{Inherited: []server.Inherited{{Name: "echo.socket", File: file}}, Shards: 2}
	for range 2 { // the second server finds it as it was
		r := serve(t, cfg)
		c := udpTo(t, r.Addrs()[0].AddrPort())
		for _, payload := range []string{"inherited", ""} {
			_, err := c.Write([]byte(payload))
			require.NoError(t, err)
			c.requireAnswer(payload)
		}
		require.NoError(t, <-r.shutdown(patience))
		_, err := c.Write([]byte("waits for the next server"))
		require.NoError(t, err)
		next := serve(t, cfg)
		c.requireAnswer("waits for the next server")
		require.NoError(t, next.Close())
	}
	require.True(t, isNonblocking(t, conn), "or package net would block in its calls")
}

// isNonblocking tells whether a system call on the socket returns at once.
func isNonblocking(t testing.TB, conn net.PacketConn) bool {
	t.Helper()
	raw, err := conn.(*net.UDPConn).SyscallConn()
	require.NoError(t, err)
	var flags int
	require.NoError(t, raw.Control(func(fd uintptr) { flags, err = unix.FcntlInt(fd, unix.F_GETFL, 0) }))
	require.NoError(t, err)
	return flags&unix.O_NONBLOCK != 0
}

func TestAnInheritedUDPSocketIsNoConsentToBePublic(t *testing.T) {
	ringtest.Require(t)
	ringtest.Descriptors(t)
	_, file := inheritedUDP(t, "0.0.0.0:0")
	cfg := server.Config{Inherited: []server.Inherited{{Name: "echo.socket", File: file}}, Shards: 2}
	_, err := server.New(cfg, server.Echo{})
	require.ErrorContains(t, err, "echo.socket")
	require.ErrorContains(t, err, "--udp-public")
	_, err = server.New(server.Config{Inherited: cfg.Inherited, BufferSize: 64}, server.Echo{})
	require.ErrorContains(t, err, "BufferSize is 64")
	_, err = server.New(cfg, &handler{})
	require.ErrorContains(t, err, "ReceivedDatagram")
	cfg.Datagrams.Public = true
	s, err := server.New(cfg, server.Echo{})
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

func TestTheLongestDatagramFitsIntoTheDefaultBuffersOfAnInheritedSocket(t *testing.T) {
	ringtest.Descriptors(t)
	conn, file := inheritedUDP(t, "127.0.0.1:0")
	r := serve(t, server.Config{Inherited: []server.Inherited{{Name: "echo.socket", File: file}}})
	require.NoError(t, file.Close(), "as it may be when New has returned")
	require.NoError(t, r.Reload(server.Config{MaxConns: 5}), "which leaves the buffers as they are")
	c := udpTo(t, conn.LocalAddr().(*net.UDPAddr).AddrPort())
	_, err := c.Write([]byte(ofLength(longestDatagram)))
	require.NoError(t, err)
	c.requireAnswer(ofLength(longestDatagram))
}

func TestASuccessorGoesOnWithTheDatagramsOfItsPredecessor(t *testing.T) {
	ringtest.Descriptors(t)
	first := serve(t, server.Config{Listen: udp4, Shards: 3})
	clients := make([]udpClient, 8)
	for i := range clients {
		clients[i] = udpTo(t, first.Addrs()[0].AddrPort())
	}
	ask := func(c udpClient) {
		_, err := c.Write([]byte("who answers"))
		require.NoError(t, err)
		c.requireAnswer("who answers")
	}
	for _, c := range clients {
		ask(c)
	}
	files, err := first.ListenerFiles()
	require.NoError(t, err)
	require.Len(t, files, 3)
	second := serve(t, server.Config{Inherited: files, Shards: 2})
	for _, f := range files {
		require.NoError(t, f.File.Close())
	}
	require.Equal(t, first.Addrs(), second.Addrs())
	for _, c := range clients {
		ask(c) // either of them answers
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(t, first.Retire(ctx))
	before := second.Stats().Datagrams.Received
	for _, c := range clients {
		ask(c)
	}
	require.EqualValues(t, before+8, second.Stats().Datagrams.Received)
}

func TestNoDatagramIsLostWhileAPredecessorRetires(t *testing.T) {
	ringtest.Descriptors(t)
	cfg := server.Config{Listen: udp4, Shards: 2}
	cfg.Datagrams = server.DatagramConfig{SourceRate: -1, TotalRate: -1, TotalBytes: -1}
	now := serve(t, cfg)
	var stop atomic.Bool
	lost := make(chan error, 1)
	c := udpTo(t, now.Addrs()[0].AddrPort())
	go func() {
		got := make([]byte, 100)
		for !stop.Load() {
			_, err := c.Write([]byte("ping"))
			if err == nil {
				_, err = c.Read(got)
			}
			if err != nil {
				lost <- err
				return
			}
		}
		lost <- nil
	}()
	for range 5 {
		files, err := now.ListenerFiles()
		require.NoError(t, err)
		next := serve(t, server.Config{Inherited: files, Shards: 2, Datagrams: cfg.Datagrams})
		for _, f := range files {
			require.NoError(t, f.File.Close())
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		require.NoError(t, now.Retire(ctx))
		cancel()
		next.until("it is asked", func(s server.Stats) bool { return s.Datagrams.Answered > 0 })
		now = next
	}
	stop.Store(true)
	require.NoError(t, <-lost)
}

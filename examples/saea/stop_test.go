package main

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/ops"
)

// connected gives the op of the one client that is connected.
func connected(t *testing.T, s *Server) (e *ops.Op) {
	t.Helper()
	onPort(t, s, func() {
		for _, each := range s.readWriteOps {
			if tokenOf(each).Socket != nil {
				e = each
			}
		}
	})
	require.NotNil(t, e)
	return e
}

// P8: a connection that is closed from several sides gives its op and its permit back once.
func TestClosingTwiceGivesBackOnce(t *testing.T) {
	s := startServer(t, 2, 64)
	c := dial(t, s)
	echo(t, c, pattern(10))
	e := connected(t, s)
	onPort(t, s, func() {
		socket := tokenOf(e).Socket
		_ = socket.Close()
		_ = socket.Close()
		s.cutOff()
	})
	awaitClients(t, s, 0)
	var free int
	onPort(t, s, func() {
		s.CloseClientSocket(e)
		s.CloseClientSocket(e)
		free = s.maxNumberAcceptedClients.free
	})
	require.Zero(t, s.NumConnectedSockets())
	require.Equal(t, 2, s.readWritePool.Len())
	require.Equal(t, 1, free, "the other is the accept's")
	for range 2 {
		echo(t, dial(t, s), pattern(10))
	}
	require.EqualValues(t, 2, s.NumConnectedSockets())
}

// P9, P20: an op that an operation has can neither be given back nor started nor have its buffer set.
func TestAnOpInFlightIsNobodyElses(t *testing.T) {
	s := startServer(t, 1, 64)
	c := dial(t, s)
	echo(t, c, pattern(10))
	e := connected(t, s)
	panicsOf := func(misuse func()) (problem any) {
		onPort(t, s, func() {
			defer func() { problem = recover() }()
			misuse()
		})
		return problem
	}
	require.Contains(t, panicsOf(func() { s.readWritePool.Put(e) }), "in flight")
	require.Contains(t, panicsOf(func() { e.SetBuffer(nil) }), "in flight")
	require.Contains(t, panicsOf(func() { _ = !tokenOf(e).Socket.SendAsync(e) }), "in flight")
	echo(t, c, pattern(10)) // and the operation never noticed
}

// P14: what has left is nowhere to be found.
func TestATokenForgetsTheSocketOfAClientThatLeft(t *testing.T) {
	s := startServer(t, 1, 64)
	c := dial(t, s)
	echo(t, c, pattern(10))
	token := tokenOf(connected(t, s))
	require.NoError(t, c.Close())
	awaitClients(t, s, 0)
	onPort(t, s, func() {})
	require.Nil(t, token.Socket)
}

// P16: Stop serves those that are there until they leave.
func TestStopWaitsForTheClients(t *testing.T) {
	s := startServer(t, 2, 64)
	c := dial(t, s)
	echo(t, c, pattern(10))
	ctx := timeLimit(t)
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop(ctx) }()
	<-s.Done()
	awaitRefusal(t, c.RemoteAddr().String())
	echo(t, c, pattern(1000))
	select {
	case err := <-stopped:
		t.Fatalf("Stop did not wait: %v", err)
	default:
	}
	require.NoError(t, c.Close())
	require.NoError(t, <-stopped)
	requireAllBack(t, s)
	require.NoError(t, s.Stop(ctx), "the second time")
}

// P16: those that stay are cut off, and see the end of the stream.
func TestStopCutsOffThoseThatStay(t *testing.T) {
	s := startServer(t, 3, 64)
	idle, unread := dial(t, s), dial(t, s)
	echo(t, idle, pattern(10))
	echo(t, unread, pattern(10))
	go func() { _, _ = unread.Write(make([]byte, 64<<20)) }() // never reads: the server's send waits for it
	await(t, "data flows", func() bool { return s.TotalBytesRead() > 1<<16 })
	err := s.Stop(over())
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "2 clients were cut off")
	requireAllBack(t, s)
	_, err = idle.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
}

func TestStopEndsAParkedAccept(t *testing.T) {
	s := startServer(t, 1, 64)
	served, waiting := dial(t, s), dial(t, s)
	echo(t, served, pattern(10))
	require.ErrorIs(t, s.Stop(over()), context.Canceled)
	requireAllBack(t, s)
	_, err := waiting.Read(make([]byte, 1))
	require.Error(t, err)
}

func TestStopWorksBeforeAnythingElse(t *testing.T) {
	ringtest.Require(t)
	ringtest.Descriptors(t)
	s := NewServer(3, 64)
	require.NoError(t, s.Stop(over()), "before Init")
	require.NoError(t, s.Init())
	require.NoError(t, s.Stop(timeLimit(t)), "before Start")
	requireAllBack(t, s)
	require.ErrorIs(t, s.Start(loopback), net.ErrClosed)
}

func TestAServerThatCannotListenGivesEverythingBack(t *testing.T) {
	first := startServer(t, 1, 64)
	s := NewServer(3, 64)
	require.NoError(t, s.Init())
	require.ErrorContains(t, s.Start(first.LocalEndpoint()), "address already in use")
	require.NoError(t, s.Stop(timeLimit(t)))
	requireAllBack(t, s)
}

func TestInitRefusesAServerOfNothing(t *testing.T) {
	require.Error(t, NewServer(0, 64).Init())
	require.Error(t, NewServer(1, 0).Init())
	require.Error(t, NewServer(1, 64).Start(loopback), "without Init")
}

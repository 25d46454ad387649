package main

import (
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// P1, P3: connections that arrived already are accepted one after the other without a stack frame for each, and each
// accept starts without the socket of the one before.
func TestAcceptsInARowAreALoop(t *testing.T) {
	const clients = 1000
	s := startServer(t, clients, 64, func(s *Server) {
		s.portConfig.SyncBudget = 2 * clients
		s.listenConfig.AcceptAhead, s.listenConfig.Backlog = 2*clients, clients
	})
	first := dial(t, s)
	echo(t, first, pattern(1))
	// Without permits the accept is parked as soon as it has brought the next client; all others wait in the port.
	onPort(t, s, func() { s.maxNumberAcceptedClients.free = 0 })
	dial(t, s)
	for range clients - 3 {
		require.NoError(t, dial(t, s).Close()) // the descriptors that this saves are the server's
	}
	last := dial(t, s)
	await(t, "all are accepted ahead", func() bool { return s.port.Stats().Accepts == clients })
	limitStacks(t, 32<<10) // from here on little runs but the accepts; as recursion they would need twice as much
	var before, after int64
	onPort(t, s, func() {
		parked := s.maxNumberAcceptedClients.unpark()
		s.maxNumberAcceptedClients.free = clients - int(s.NumConnectedSockets())
		before = s.numSynchronous.Load()
		s.StartAccept(parked)
		after = s.numSynchronous.Load()
	})
	require.EqualValues(t, clients-2, after-before)
	echo(t, last, pattern(10))
	awaitClients(t, s, 3)
	echo(t, first, pattern(10))
}

// P6: an accept that fails because its listener is gone takes no op, counts no client and gives its permit back.
func TestAListenerThatIsGoneEndsTheAccepts(t *testing.T) {
	s := startServer(t, 3, 64)
	c := dial(t, s)
	echo(t, c, pattern(10))
	require.NoError(t, s.listenSocket.Close())
	<-s.Done()
	onPort(t, s, func() {})
	require.EqualValues(t, 1, s.NumConnectedSockets())
	require.Equal(t, 2, s.readWritePool.Len())
	free := 0
	onPort(t, s, func() { free = s.maxNumberAcceptedClients.free })
	require.Equal(t, 2, free)
	echo(t, c, pattern(10)) // who is there stays
}

// P6: no descriptor is free, and then there is one again.
func TestWithoutDescriptorsTheServerWaits(t *testing.T) {
	limitDescriptors(t, 96)
	s := startServer(t, 4, 64)
	echo(t, dial(t, s), pattern(10))
	hoard := hoardDescriptors(t)
	require.NoError(t, hoard[0].Close()) // for the client
	c := dial(t, s)
	await(t, "an accept has found no descriptor", func() bool { return s.port.Stats().NoDescriptors > 0 })
	require.EqualValues(t, 1, s.NumConnectedSockets())
	for _, f := range hoard[1:] {
		require.NoError(t, f.Close())
	}
	echo(t, c, pattern(10))
}

// limitDescriptors lets the process have n descriptors until the test ends.
func limitDescriptors(t *testing.T, n uint64) {
	t.Helper()
	var before syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before))
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: before.Max}))
	t.Cleanup(func() { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before)) })
}

// hoardDescriptors takes every descriptor that is left.
func hoardDescriptors(t *testing.T) (all []*os.File) {
	t.Helper()
	t.Cleanup(func() {
		for _, f := range all {
			_ = f.Close()
		}
	})
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			require.ErrorIs(t, err, syscall.EMFILE)
			return all
		}
		all = append(all, f)
	}
}

// P7: with all clients that it may have, the server parks the accept and goes on with everything else. The next client
// is served when one leaves.
func TestAtTheCapTheAcceptIsParkedAndNobodyElseWaits(t *testing.T) {
	for _, limit := range []int{1, 3} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			s := startServer(t, limit, 64)
			conns := make([]*net.TCPConn, 2*limit)
			for i := range conns {
				conns[i] = dial(t, s)
				if i < limit {
					echo(t, conns[i], pattern(10))
				}
			}
			isParked := false
			onPort(t, s, func() { isParked = s.maxNumberAcceptedClients.parked != nil })
			require.True(t, isParked)
			for i, leaving := range conns[:limit] {
				waiting := conns[limit+i]
				_, err := waiting.Write(pattern(10))
				require.NoError(t, err)
				for _, c := range conns[i:limit] {
					echo(t, c, pattern(10)) // the port is not blocked
				}
				require.EqualValues(t, limit, s.NumConnectedSockets())
				require.NoError(t, leaving.Close())
				back := make([]byte, 10)
				_, err = waiting.Read(back)
				require.NoError(t, err)
				require.Equal(t, pattern(10), back)
			}
		})
	}
}

// P21: one accept op is enough, since the port accepts ahead of it.
func TestABurstOfClientsIsServed(t *testing.T) {
	const clients = 200 // of them 128 wait in the port, and 52 in the kernel, which has room for 100
	s := startServer(t, 20, 64)
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			c, err := net.Dial("tcp", s.LocalEndpoint().String())
			if !errorIsNil(t, err) {
				return
			}
			defer c.Close()
			if errorIsNil(t, c.SetDeadline(time.Now().Add(patience))) {
				echoOrComplain(t, c)
			}
		})
	}
	all.Wait()
	awaitClients(t, s, 0)
	require.EqualValues(t, clients, s.port.Stats().Accepts)
	require.EqualValues(t, clients*10, s.TotalBytesRead())
}

// errorIsNil complains from goroutines that may not end the test.
func errorIsNil(t *testing.T, err error) bool {
	if err != nil {
		t.Error(err)
	}
	return err == nil
}

func echoOrComplain(t *testing.T, c net.Conn) {
	_, err := c.Write(pattern(10))
	if !errorIsNil(t, err) {
		return
	}
	back := make([]byte, 10)
	if _, err = c.Read(back); errorIsNil(t, err) && string(back) != string(pattern(10)) {
		t.Errorf("%q came back", back)
	}
}

package ops_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
)

func TestAShutdownStaysWithTheConnectionThatADisconnectEnds(t *testing.T) {
	for name, shutdownFirst := range map[string]bool{"before the disconnect": true, "after it": false} {
		t.Run(name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{})
			l := listen(t, p, ops.ListenConfig{})
			client, server := tcpPair(t, p)
			out, end := newJob(), newJob()
			end.DisconnectReuseSocket = true
			out.SetBuffer([]byte("last"))
			release := holdUp(t, p)
			out.pending(t, client.SendAsync)
			if shutdownFirst {
				require.NoError(t, client.Shutdown(ops.ShutdownSend))
			}
			end.pending(t, client.DisconnectAsync)
			if !shutdownFirst {
				require.NoError(t, client.Shutdown(ops.ShutdownSend))
			}
			release()
			require.NoError(t, out.wait(t).Err())
			require.NoError(t, end.wait(t).Err())
			requireReceived(t, server, "last")
			connect(t, client, l.LocalEndpoint())
			requireEcho(t, client, accept(t, l))
		})
	}
}

func TestAReceiveThatIsStartedDuringADisconnectCompletes(t *testing.T) {
	rounds := 2000
	if testing.Short() {
		rounds = 200
	}
	p := newPort(t, ops.PortConfig{SyncBudget: 1})
	l := listen(t, p, ops.ListenConfig{})
	client := newSocket(t, p, ops.FamilyIPv4, ops.Stream)
	for range rounds {
		connect(t, client, l.LocalEndpoint())
		server := accept(t, l)
		var receiver sync.WaitGroup
		receiver.Go(func() {
			for j := newJob(); j.Err() == nil; { // until there is no connection any more
				j = newJob()
				j.SetBuffer(make([]byte, 4))
				j.run(t, client.ReceiveAsync)
			}
		})
		end := newJob()
		end.DisconnectReuseSocket = true
		require.NoError(t, end.run(t, client.DisconnectAsync).Err())
		receiver.Wait()
		require.NoError(t, server.Close())
	}
}

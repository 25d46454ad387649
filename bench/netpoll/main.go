// Command netpoll echoes with netpoll's own buffers, without copying, as its guide recommends: Next, WriteBinary,
// Flush, Release. WriteBinary keeps a reference to what is large, and Flush returns when all of it is with the kernel,
// so that the release comes after both.
package main

import (
	"context"

	"github.com/cloudwego/netpoll"

	"github.com/ringport/ringport/bench/internal/peer"
)

func main() {
	address := peer.Listen("netpoll", "github.com/cloudwego/netpoll", "tcp", "unix")
	if err := netpoll.Configure(netpoll.Config{BufferSize: peer.BufferSize}); err != nil {
		peer.Fail(err)
	}
	listener, err := netpoll.CreateListener(address.Network, address.Host)
	if err != nil {
		peer.Fail(err)
	}
	loop, err := netpoll.NewEventLoop(echo) // connections get TCP_NODELAY
	if err != nil {
		peer.Fail(err)
	}
	peer.Ready(address.Network, listener.Addr().String())
	if err := loop.Serve(listener); err != nil {
		peer.Fail(err)
	}
}

// echo sends back what has come. netpoll calls it again when there is more.
func echo(_ context.Context, conn netpoll.Connection) error {
	reader, writer := conn.Reader(), conn.Writer()
	defer reader.Release()
	received, err := reader.Next(reader.Len())
	if err != nil {
		return err
	}
	if _, err := writer.WriteBinary(received); err != nil {
		return err
	}
	return writer.Flush()
}

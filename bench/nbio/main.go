// Command nbio echoes with nbio, as its README shows, less one copy: Write copies what it cannot send at once, so that
// the copy that the README's example makes of the data is not needed for an echo.
package main

import (
	"net"

	"github.com/lesismal/nbio"
	"github.com/lesismal/nbio/logging"

	"github.com/ringport/ringport/bench/internal/peer"
)

func main() {
	address := peer.Listen("nbio", "github.com/lesismal/nbio", "tcp", "udp")
	logging.SetLevel(logging.LevelError)
	engine := nbio.NewEngine(nbio.Config{
		Network:            address.Network,
		Addrs:              []string{address.Host},
		ReadBufferSize:     peer.BufferSize,
		MaxWriteBufferSize: 6 << 20,
		Listen:             net.Listen, // accepted connections get TCP_NODELAY
	})
	engine.OnData(func(c *nbio.Conn, data []byte) {
		_, _ = c.Write(data) // nbio closes the connection when this fails
	})
	if err := engine.Start(); err != nil {
		peer.Fail(err)
	}
	peer.Ready(address.Network, engine.Addrs[0])
	select {}
}

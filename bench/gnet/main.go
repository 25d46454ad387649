// Command gnet echoes with gnet v2, as its documentation shows: OnTraffic takes what is there with Next and gives it to
// Write. Multicore starts an event loop for every CPU that it may use.
package main

import (
	"net"

	"github.com/panjf2000/gnet/v2"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/bench/internal/peer"
)

func main() {
	address := peer.Listen("gnet", "github.com/panjf2000/gnet/v2", "tcp", "unix", "udp")
	err := gnet.Run(&echo{address: address}, address.String(),
		gnet.WithMulticore(true),
		gnet.WithReadBufferCap(peer.BufferSize),
		gnet.WithTCPNoDelay(gnet.TCPNoDelay),
		gnet.WithLogger(zap.Must(zap.NewProduction(zap.IncreaseLevel(zap.ErrorLevel))).Sugar()))
	if err != nil {
		peer.Fail(err)
	}
}

type echo struct {
	gnet.BuiltinEventEngine
	address peer.Address
}

// OnBoot runs when the engine can accept.
func (e *echo) OnBoot(engine gnet.Engine) gnet.Action {
	if e.address.Network != "unix" {
		e.address.Host = bound(engine)
	}
	peer.Ready(e.address.Network, e.address.Host)
	return gnet.None
}

// OnTraffic sends back what came.
func (*echo) OnTraffic(c gnet.Conn) gnet.Action {
	received, err := c.Next(-1)
	if err != nil {
		return gnet.Close
	}
	if _, err := c.Write(received); err != nil {
		return gnet.Close
	}
	return gnet.None
}

// bound is the address that the engine listens on, with the port that 0 became.
func bound(engine gnet.Engine) string {
	fd, err := engine.Dup()
	if err != nil {
		peer.Fail(err)
	}
	defer unix.Close(fd)
	name, err := unix.Getsockname(fd)
	if err != nil {
		peer.Fail(err)
	}
	switch name := name.(type) {
	case *unix.SockaddrInet4:
		return (&net.TCPAddr{IP: name.Addr[:], Port: name.Port}).String()
	case *unix.SockaddrInet6:
		return (&net.TCPAddr{IP: name.Addr[:], Port: name.Port}).String()
	}
	return ""
}

// Command net echoes with the standard library: a goroutine for each connection, with one buffer. It copies by hand,
// since io.Copy between two TCP sockets would splice, and would be a server that never sees what it echoes.
package main

import (
	"net"
	"net/netip"

	"github.com/ringport/ringport/bench/internal/peer"
)

func main() {
	address := peer.Listen("net", "", "tcp", "unix", "udp")
	if address.Network == "udp" {
		serveDatagrams(address)
		return
	}
	listener, err := net.Listen(address.Network, address.Host)
	if err != nil {
		peer.Fail(err)
	}
	peer.Ready(address.Network, listener.Addr().String())
	for {
		conn, err := listener.Accept() // sets TCP_NODELAY
		if err != nil {
			peer.Fail(err)
		}
		go echo(conn)
	}
}

// echo sends back until the client is done.
func echo(conn net.Conn) {
	defer conn.Close()
	buffer := make([]byte, peer.BufferSize)
	for {
		n, err := conn.Read(buffer)
		if n > 0 {
			if _, err := conn.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil { // io.EOF, or the client has gone
			return
		}
	}
}

// serveDatagrams sends back every datagram. The calls with netip do not allocate.
func serveDatagrams(address peer.Address) {
	local, err := netip.ParseAddrPort(address.Host)
	if err != nil {
		peer.Fail(err)
	}
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(local))
	if err != nil {
		peer.Fail(err)
	}
	peer.Ready("udp", conn.LocalAddr().String())
	buffer := make([]byte, 64<<10) // a whole datagram
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			peer.Fail(err)
		}
		_, _ = conn.WriteToUDPAddrPort(buffer[:n], from) // one client that cannot be reached is not the others' trouble
	}
}

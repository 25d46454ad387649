// Command rio echoes with rio, an io_uring library with the standard library's shape: a goroutine for each connection,
// as its README shows. It needs Linux 6.13 and RLIMIT_NOFILE of 65535. Its rings of receive buffers, one for each
// connection, have the sizes that it chooses itself; the buffer that is read into has everybody's.
package main

import (
	"errors"
	"fmt"
	"net"

	"github.com/brickingsoft/rio"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/bench/internal/peer"
)

func main() {
	address := peer.Listen("rio", "github.com/brickingsoft/rio", "tcp", "unix")
	if address.Network == "tcp" {
		address.Host = freePort(address.Host) // rio does not tell which port 0 became
	}
	listener, err := rio.Listen(address.Network, address.Host)
	if errors.Is(err, unix.ENFILE) {
		err = fmt.Errorf("rio has a table of 65535 descriptors, and so needs RLIMIT_NOFILE of 65535 or more: %w", err)
	}
	if err != nil {
		peer.Fail(err)
	}
	peer.Ready(address.Network, address.Host)
	for {
		conn, err := listener.Accept()
		if err != nil {
			peer.Fail(err)
		}
		go echo(conn)
	}
}

// freePort is the address with a port that nobody has, when it asks for port 0.
func freePort(host string) string {
	listener, err := net.Listen("tcp", host)
	if err != nil {
		peer.Fail(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// echo sends back until the client is done.
func echo(conn net.Conn) {
	defer conn.Close()
	if tcp, ok := conn.(*rio.TCPConn); ok {
		if err := tcp.SetNoDelay(true); err != nil {
			return
		}
	}
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

// Command first is the first program of package ops: an echo server in fifty lines, on 127.0.0.1, port 7007. The
// package comment of ops shows it; a test there holds that the two are the same.
package main

import (
	"log"
	"net/netip"

	"github.com/ringport/ringport/ops"
)

func main() {
	port, err := ops.NewPort(ops.PortConfig{})
	if err != nil {
		log.Fatal(err) // says why there is no io_uring here, and what to do
	}
	local := ops.IPEndpoint(netip.MustParseAddrPort("127.0.0.1:7007"))
	listener, err := port.Listen(local, ops.ListenConfig{})
	if err != nil {
		log.Fatal(err)
	}
	if op := ops.NewOp(accept); !listener.AcceptAsync(op) {
		accept(op)
	}
	<-port.Done()
}

func accept(op *ops.Op) {
	for op.Err() == nil {
		client := ops.NewOp(serve)
		client.UserToken = make([]byte, 4096)
		client.SetBuffer(client.UserToken.([]byte))
		if !op.AcceptSocket.ReceiveAsync(client) {
			serve(client)
		}
		op.AcceptSocket = nil // or the next accept would go into it
		if op.Socket().AcceptAsync(op) {
			return
		}
	}
}

func serve(op *ops.Op) {
	for pending := false; !pending; {
		socket, buffer := op.Socket(), op.UserToken.([]byte)
		received := op.LastOperation() == ops.Receive
		switch {
		case op.Err() != nil, received && op.BytesTransferred() == 0: // failed, or the client has left
			_ = socket.Close()
			return
		case received:
			op.SetBuffer(buffer[:op.BytesTransferred()])
			pending = socket.SendAsync(op)
		default:
			op.SetBuffer(buffer) // all of it again, or receives would only ever get shorter
			pending = socket.ReceiveAsync(op)
		}
	}
}

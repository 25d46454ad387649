package ops_test

import (
	"log"
	"net/netip"

	"github.com/ringport/ringport/ops"
)

// An echo server: one op for all accepts, one for each connection.
func Example() {
	port, err := ops.NewPort(ops.PortConfig{})
	if err != nil {
		log.Fatal(err) // says why there is no io_uring here, and what to do
	}
	listener, err := port.Listen(ops.IPEndpoint(netip.MustParseAddrPort("127.0.0.1:7007")), ops.ListenConfig{})
	if err != nil {
		log.Fatal(err)
	}
	accept := &ops.Op{Completed: welcome, Multishot: true}
	if !listener.AcceptAsync(accept) {
		log.Fatal(accept.Err()) // a Multishot accept that is not pending was refused
	}
	<-port.Done()
}

func welcome(accept *ops.Op) {
	if op := ops.NewOp(sendBack); accept.Err() == nil && !accept.AcceptSocket.ReceiveAsync(op) {
		sendBack(op)
	}
}

func sendBack(op *ops.Op) {
	for op.Err() == nil && op.BytesTransferred() > 0 {
		start, data := op.Socket().SendAsync, op.Bytes()
		if op.LastOperation() == ops.Send {
			start, data = op.Socket().ReceiveAsync, nil // into a buffer that the kernel picks
		}
		if op.SetBuffer(data); start(op) {
			return // pending: sendBack is called again, with the result
		}
	}
	_, _ = op.Socket().Close(), op.Close() // it failed, or the client has left
}

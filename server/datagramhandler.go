package server

import "github.com/ringport/ringport/ops"

// NoAnswer is what DatagramHandler.ReceivedDatagram returns when nothing is to be sent back.
const NoAnswer = -1

// DatagramHandler is a Handler that takes datagrams as well, as a server with udp:// listeners needs. Echo and Discard
// are such handlers.
type DatagramHandler interface {
	Handler
	// ReceivedDatagram is called with every datagram that the server's limits let through, on the goroutine of the
	// shard that received it, and must not block. The handler writes its answer over the payload and returns how long
	// it is, or NoAnswer. That the answer lies in the question is on purpose: one that were longer would make the
	// server an amplifier for whoever forges the sender's address. The payload, which may be empty, must not be used
	// once the call has returned.
	ReceivedDatagram(from ops.Endpoint, payload []byte) (answer int)
}

var (
	_ DatagramHandler = Echo{}
	_ DatagramHandler = Discard{}
)

// ReceivedDatagram answers with the datagram itself.
func (Echo) ReceivedDatagram(_ ops.Endpoint, payload []byte) (answer int) { return len(payload) }

// ReceivedDatagram answers nothing.
func (Discard) ReceivedDatagram(ops.Endpoint, []byte) (answer int) { return NoAnswer }

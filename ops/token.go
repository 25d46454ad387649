package ops

// kind tells what a request was submitted for.
type kind uint8

const (
	kindNone    kind = iota
	kindWake         // the poll on the port's wake-up descriptor
	kindAccept       // one accept, or a multishot one
	kindReceive      // a stream socket's one receive
	kindSend         // a stream socket's one send
	kindCancel       // a cancel; its own result says nothing that the target's does not
	kindClose        // the end of a descriptor
	kindConnect
	kindDatagram     // a datagram socket's receive
	kindDatagramSend // one datagram
	kindUrgent       // one receive of out-of-band data
	kindPackets      // a step of a SendPackets
	kindHangup       // the poll for the end of a Unix socket's stream
	kindCount
)

// token is what travels through the kernel as user_data: the request's slot, the slot's generation and the
// kind. It is never a pointer: a completion that comes late finds another generation, and so nobody.
type token uint64

const (
	generationBits = 24
	generationMask = 1<<generationBits - 1
)

func newToken(slot uint32, generation uint32, k kind) token {
	return token(uint64(slot)<<32 | uint64(generation&generationMask)<<8 | uint64(k))
}

func (t token) slot() uint32       { return uint32(t >> 32) }
func (t token) generation() uint32 { return uint32(t>>8) & generationMask }
func (t token) kind() kind         { return kind(t) }

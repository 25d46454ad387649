package uring

import (
	"encoding/binary"
	"fmt"
)

// RecvMsgHeaderSize is the number of bytes in front of the name in a buffer of PrepRecvMsgMultishot.
const RecvMsgHeaderSize = 16

// RecvMsg is one datagram in a buffer of PrepRecvMsgMultishot: slices of that buffer.
type RecvMsg struct {
	Name, Control []byte
	Offset        int // of the payload in the buffer
	Payload       int // bytes of payload in the buffer
	Flags         int // MSG_ bits
}

// ParseRecvMsg finds the parts of a datagram in the bytes of its buffer. nameLen and controlLen are what the message
// asked for: the parts have their places by these, whatever was used. It fails when the bytes are too few for them.
func ParseRecvMsg(b []byte, nameLen, controlLen int) (RecvMsg, error) {
	offset := RecvMsgHeaderSize + nameLen + controlLen
	if len(b) < offset {
		return RecvMsg{}, fmt.Errorf("uring: a datagram's buffer has %d bytes, fewer than the %d of its header",
			len(b), offset)
	}
	name := int(binary.NativeEndian.Uint32(b[0:]))
	control := int(binary.NativeEndian.Uint32(b[4:]))
	controlAt := RecvMsgHeaderSize + nameLen
	return RecvMsg{
		Name:    b[RecvMsgHeaderSize : RecvMsgHeaderSize+min(name, nameLen)],
		Control: b[controlAt : controlAt+min(control, controlLen)],
		Offset:  offset,
		Payload: len(b) - offset,
		Flags:   int(binary.NativeEndian.Uint32(b[12:])),
	}, nil
}

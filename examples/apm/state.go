package main

import (
	"strings"

	"github.com/ringport/ringport/ops"
)

// BufferSize is how many bytes one receive takes.
const BufferSize = 1024

// StateObject is what one connection keeps from callback to callback.
type StateObject struct {
	workSocket *ops.Socket
	buffer     [BufferSize]byte
	sb         strings.Builder // the bytes so far; they are text only when all are there
}

// text gives all that the client has sent. A character may lie across the border of two receives, so nothing is decoded
// before the end.
func (s *StateObject) text() string { return strings.ToValidUTF8(s.sb.String(), "\uFFFD") }

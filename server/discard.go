package server

import "github.com/ringport/ringport/bufring"

// Discard is the Handler that throws away what it receives: RFC 863.
type Discard struct{}

var (
	_ Handler = Discard{}
	_ Handler = (*Discard)(nil)
)

// Opened does nothing.
func (Discard) Opened(*Session) {}

// Received releases the buffer.
func (Discard) Received(_ *Session, b bufring.Buffer) { b.Release() }

// Closed does nothing.
func (Discard) Closed(*Session, error) {}

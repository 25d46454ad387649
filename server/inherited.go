package server

import "os"

// Inherited is a socket that listens already: a TCP or Unix listener, or a bound UDP socket. The server duplicates
// the descriptor, and never shuts the socket down nor removes its path, since others may have it as well.
type Inherited struct {
	// Name says what the socket is for in messages, such as systemd's FileDescriptorName=; "" is allowed.
	Name string
	// File holds the descriptor. It may be closed when New has returned.
	File *os.File
	// Owned makes the server remove the path of a Unix listener in the end: whoever made it has left it to this process.
	Owned bool
}

package server

import "os"

// Inherited is a socket that listens already: a TCP or Unix listener, or a bound UDP socket. The server duplicates
// the descriptor, and never shuts the socket down nor removes its path, since others may have it as well. It serves an
// address of Config.Listen that is the socket's, too, or is it but for port 0, and does not bind it again. TCP_NODELAY
// and keep-alive are set as for other listeners. Several listeners of one address divide its connections.
type Inherited struct {
	// Name says what the socket is for in messages, such as systemd's FileDescriptorName=; "" is allowed.
	Name string
	// File holds the descriptor. It may be closed when New has returned.
	File *os.File
	// Owned makes the server remove the path of a Unix listener in the end: whoever made it has left it to this
	// process. A server that was never served leaves the path alone, and so does one that retires.
	Owned bool
}

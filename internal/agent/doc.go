// Package agent starts programs where somebody else is: in another container. An agent waits there, at a Unix socket
// that both can reach, and starts what it is asked for, once for each connection. A program lives as long as its
// connection: whoever asked hears what it prints and how it ends, and ends it by hanging up, on purpose or not.
//
// Process numbers mean something to both only when both are in one PID namespace.
package agent

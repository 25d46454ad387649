package load

import (
	"errors"
	"fmt"
)

// Kind is what kind of failure ended a run.
type Kind string

// The kinds of failures.
const (
	Refused     Kind = "refused"     // nobody listens there
	Reset       Kind = "reset"       // the server, or its machine, threw a connection away
	Closed      Kind = "closed"      // the server ended a connection
	WrongEcho   Kind = "wrong-echo"  // what came back is not what was sent
	TimedOut    Kind = "timeout"     // an answer, or a connect, took longer than Config.Timeout
	Descriptors Kind = "descriptors" // this process may not open more files
	Ports       Kind = "ports"       // this machine has no free port for another connection
	NotFound    Kind = "not-found"   // the name has no address, or there is no socket of that path
	Stopped     Kind = "stopped"     // the context of the run has ended
	Other       Kind = "other"
)

// Failure is why a run ended before its time.
type Failure struct {
	Kind Kind
	// Conn is the number of the connection, from 0; -1 when it was none.
	Conn int
	// Err says what happened, what may be the cause, and what to do.
	Err error
}

// Error names the connection and what happened.
func (f *Failure) Error() string {
	if f.Conn < 0 {
		return fmt.Sprintf("load: %v", f.Err)
	}
	return fmt.Sprintf("load: connection %d: %v", f.Conn, f.Err)
}

// Unwrap gives the cause, with its errno where there is one.
func (f *Failure) Unwrap() error { return f.Err }

// KindOf is the kind of failure in an error of Run; Other when there is none in it.
func KindOf(err error) Kind {
	var f *Failure
	if errors.As(err, &f) {
		return f.Kind
	}
	return Other
}

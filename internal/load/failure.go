package load

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
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

// failure makes the failure of a connection of an error, with what may be its cause and what to do.
func failure(conn int, address string, err error) *Failure {
	f := &Failure{Kind: Other, Conn: conn, Err: err}
	for _, known := range knownFailures {
		if errors.Is(err, known.cause) {
			f.Kind = known.kind
			f.Err = fmt.Errorf("%s: %w; %s", address, err, known.advice())
			return f
		}
	}
	f.Err = fmt.Errorf("%s: %w", address, err)
	return f
}

// knownFailures is what people can do something about.
var knownFailures = []struct {
	cause  error
	kind   Kind
	advice func() string
}{
	{syscall.ECONNREFUSED, Refused, say("nobody listens there; is the server running?")},
	{syscall.ENOENT, NotFound, say("there is no socket of that path; is the server running?")},
	{syscall.ECONNRESET, Reset, say("the server threw the connection away; its log may say why")},
	{syscall.EPIPE, Reset, say("the server threw the connection away; its log may say why")},
	{syscall.EMFILE, Descriptors, adviseDescriptors},
	{syscall.ENFILE, Descriptors, say("the machine has too many files open: raise the sysctl fs.file-max")},
	{syscall.EADDRNOTAVAIL, Ports, say("this machine has no free port for it: wait a minute for those of old " +
		"connections, or widen the sysctl net.ipv4.ip_local_port_range")},
	{syscall.ETIMEDOUT, TimedOut, say("nothing answers there")},
	{syscall.EMSGSIZE, Other, say("the datagram is too large for the way; choose a smaller size")},
}

func say(advice string) func() string { return func() string { return advice } }

// adviseDescriptors tells the limit, and how to raise it.
func adviseDescriptors() string {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return "raise it with ulimit -n"
	}
	return fmt.Sprintf("this process may have %d files open; raise it with ulimit -n", limit.Cur)
}

// spareDescriptors is how many descriptors a run needs beside one for each connection: the ring, what the Go runtime
// keeps, files, and connections that are not closed yet while the next ones open.
const spareDescriptors = 64

// checkDescriptors says before the first connect whether the last one can succeed.
func checkDescriptors(connections int) *Failure {
	var limit unix.Rlimit
	needed := connections + spareDescriptors
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || uint64(needed) <= limit.Cur {
		return nil
	}
	return &Failure{Kind: Descriptors, Conn: -1, Err: fmt.Errorf("%d connections need %d files, and %s: %w",
		connections, needed, adviseDescriptors(), syscall.EMFILE)}
}

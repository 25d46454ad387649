package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/ops/apm"
)

// backlog is the documentation's: how many connections may wait to be accepted.
const backlog = 10

// SocketListener accepts connections and prints what they send.
type SocketListener struct {
	port           *ops.Port
	stdout, stderr io.Writer

	allDone apm.ManualResetEvent // the accept is over: the next one may begin

	mu       sync.Mutex
	listener *ops.Socket
	stopped  bool
}

// NewSocketListener gives a server whose callbacks run on the port. Both writers must take concurrent calls, as an
// *os.File does.
func NewSocketListener(port *ops.Port, stdout, stderr io.Writer) *SocketListener {
	return &SocketListener{port: port, stdout: stdout, stderr: stderr}
}

// StartListening serves an address until Stop. It blocks, so it does not run on the port's goroutine.
func (l *SocketListener) StartListening(localEP ops.Endpoint) error {
	listener, err := l.open(localEP)
	if err != nil {
		return err
	}
	defer listener.Close()
	fmt.Fprintf(l.stdout, "Local address and port : %s\n", listener.LocalEndpoint())
	for {
		l.allDone.Reset()
		fmt.Fprintln(l.stdout, "Waiting for a connection...")
		if _, err := apm.BeginAccept(listener, l.AcceptCallback, listener); err != nil {
			fmt.Fprintln(l.stdout, "Closing the listener...")
			return unlessClosed(err)
		}
		l.allDone.Wait()
	}
}

// open makes the listening socket that Stop closes.
func (l *SocketListener) open(localEP ops.Endpoint) (*ops.Socket, error) {
	listener, err := l.port.NewSocket(localEP.Family(), ops.Stream)
	if err != nil {
		return nil, err
	}
	err = errors.Join(listener.SetReuseAddress(true), listener.Bind(localEP), listener.Listen(backlog))
	if err != nil {
		_ = listener.Close()
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listener = listener
	if l.stopped {
		_ = listener.Close()
	}
	return listener, nil
}

// Stop makes StartListening return. Connections that are open stay so until their port is closed.
func (l *SocketListener) Stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	if l.listener != nil {
		_ = l.listener.Close()
	}
}

// AcceptCallback takes an accepted connection and begins to read from it.
func (l *SocketListener) AcceptCallback(r *apm.Result) {
	// Whatever EndAccept says, the listening goroutine goes on: it must not wait for a signal that never comes.
	defer l.allDone.Set()
	handler, err := apm.EndAccept(r)
	if err != nil {
		l.report(err)
		return
	}
	l.read(&StateObject{workSocket: handler})
}

// read begins a receive; ReadCallback takes its end.
func (l *SocketListener) read(state *StateObject) {
	if _, err := apm.BeginReceive(state.workSocket, state.buffer[:], 0, l.ReadCallback, state); err != nil {
		l.report(err)
		_ = state.workSocket.Close()
	}
}

// ReadCallback gathers what has come and reads on, or prints all of it when the client is done. When data is there
// already, the receive that it begins is over at once; its callback then runs after this one, not on top of it.
func (l *SocketListener) ReadCallback(r *apm.Result) {
	state := r.State().(*StateObject)
	read, err := apm.EndReceive(r)
	if err == nil && read > 0 {
		state.sb.Write(state.buffer[:read])
		l.read(state)
		return
	}
	l.report(err)
	if err == nil && state.sb.Len() > 0 {
		fmt.Fprintf(l.stdout, "Read %d bytes from socket.\n Data : %s\n", state.sb.Len(), state.text())
	}
	_ = state.workSocket.Close()
}

// report tells of a connection that failed. One that was closed here did not.
func (l *SocketListener) report(err error) {
	if err := unlessClosed(err); err != nil {
		fmt.Fprintln(l.stderr, err)
	}
}

// unlessClosed leaves out the error of a socket that was closed on purpose.
func unlessClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

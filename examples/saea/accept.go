package main

import (
	"errors"
	"net"

	"github.com/ringport/ringport/ops"
)

// StartAccept accepts clients, as long as there are permits and connections that arrived already; then the accept is
// in flight, or parked until a client leaves. acceptEventArg is nil the first time.
//
// The permit is taken before the accept, so that a server with all its clients leaves the others where they are: in
// the queue of connections accepted ahead, then in the kernel's backlog.
func (s *Server) StartAccept(acceptEventArg *ops.Op) {
	if acceptEventArg == nil {
		acceptEventArg = ops.NewOp(s.AcceptEventArgCompleted)
	}
	for s.maxNumberAcceptedClients.acquire(acceptEventArg) {
		acceptEventArg.AcceptSocket = nil // each time: a socket that is left there would be accepted into
		if s.listenSocket.AcceptAsync(acceptEventArg) {
			return
		}
		s.numSynchronous.Add(1)
		if !s.ProcessAccept(acceptEventArg) {
			return
		}
	}
}

// AcceptEventArgCompleted runs when an accept ends that was pending.
func (s *Server) AcceptEventArgCompleted(acceptEventArg *ops.Op) {
	if s.ProcessAccept(acceptEventArg) {
		s.StartAccept(acceptEventArg)
	}
}

// ProcessAccept takes in the client that an accept brought, and starts its first receive. It is false when there will
// be no more: the listener is closed, or broken. A lack of descriptors does not come here; the port waits it out.
func (s *Server) ProcessAccept(acceptEventArg *ops.Op) (accepting bool) {
	if acceptEventArg.SocketError() != ops.Success {
		s.maxNumberAcceptedClients.release()
		s.acceptsEnded(acceptEventArg.Err())
		s.settle()
		return false
	}
	readEventArgs, ok := s.readWritePool.Get()
	if !ok {
		panic("saea: there is a permit, but no op: they are given back op first, and taken permit first")
	}
	s.numConnectedSockets.Add(1)
	socket := acceptEventArg.AcceptSocket
	tokenOf(readEventArgs).Socket = socket
	if !socket.ReceiveAsync(readEventArgs) {
		s.numSynchronous.Add(1)
		s.IOCompleted(readEventArgs)
	}
	return true
}

// acceptsEnded notes that there is no accept any more, and why.
func (s *Server) acceptsEnded(err error) {
	s.accepting = false
	if !errors.Is(err, net.ErrClosed) {
		s.acceptError = err
	}
	close(s.done)
}

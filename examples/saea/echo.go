package main

import "github.com/ringport/ringport/ops"

// IOCompleted runs when a receive or a send ends that was pending. It is a loop: whatever is done at once leads to the
// next operation of the same client, on the same stack frame, until one is pending or the client has left.
func (s *Server) IOCompleted(e *ops.Op) {
	for s.process(e) {
		s.numSynchronous.Add(1)
	}
}

// process handles what was just done. It is true when it has started another operation, and that is done as well.
func (s *Server) process(e *ops.Op) (again bool) {
	switch e.LastOperation() {
	case ops.Receive:
		return s.ProcessReceive(e)
	case ops.Send:
		return s.ProcessSend(e)
	}
	panic("saea: the last operation was " + e.LastOperation().String() + ", neither a receive nor a send")
}

// ProcessReceive sends back what was received. When nothing was, the client has ended its side, or the connection
// failed: it is closed. The result is that of the start: true when the send is done, too.
func (s *Server) ProcessReceive(e *ops.Op) (done bool) {
	n := e.BytesTransferred()
	if n == 0 || e.SocketError() != ops.Success {
		s.CloseClientSocket(e)
		return false
	}
	s.totalBytesRead.Add(int64(n))
	s.numReceives.Add(1)
	token := tokenOf(e)
	e.SetBuffer(token.buffer[:n])
	return !token.Socket.SendAsync(e)
}

// ProcessSend receives again, into the whole buffer. A send is done when all bytes are: there is no rest to look for.
// The result is that of the start: true when data had arrived already.
func (s *Server) ProcessSend(e *ops.Op) (done bool) {
	if e.SocketError() != ops.Success {
		s.CloseClientSocket(e)
		return false
	}
	token := tokenOf(e)
	e.SetBuffer(token.buffer)
	return !token.Socket.ReceiveAsync(e)
}

// CloseClientSocket ends a connection and gives back what it held: the op first, then the permit, so that whoever gets
// the permit finds an op. Only the completion of the connection's one operation calls it, when the kernel has nothing
// of it any more. A second call finds no socket and does nothing.
func (s *Server) CloseClientSocket(e *ops.Op) {
	token := tokenOf(e)
	socket := token.Socket
	if socket == nil {
		return
	}
	token.Socket = nil
	_ = socket.Shutdown(ops.ShutdownSend) // fails when the client is gone: then there is nobody to tell
	_ = socket.Close()
	e.SetBuffer(token.buffer)
	s.numConnectedSockets.Add(-1)
	s.readWritePool.Put(e)
	if parked := s.maxNumberAcceptedClients.release(); parked != nil {
		s.StartAccept(parked)
	}
	s.settle()
}

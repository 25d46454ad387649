package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"github.com/ringport/ringport/ops"
)

const (
	// opsToPreAlloc is the number of buffers for each connection. The sample reserves two, for a read and a write, and
	// uses one of them: an echo never does both at once.
	opsToPreAlloc = 1
	// backlog is how many connections may wait in the kernel, as in the sample.
	backlog = 100
)

// Server sends back what its clients send, to a fixed number of them at a time.
//
// Init, Start and Stop may be called from any goroutine, one after the other. Everything else runs on the port's
// goroutine, so that nothing but the counters needs to be atomic.
type Server struct {
	numConnections           int // clients served at a time
	receiveBufferSize        int // bytes of each buffer
	bufferManager            *ops.BufferManager
	listenSocket             *ops.Socket
	readWritePool            *ops.Pool // ops for receives and sends, one for each client
	maxNumberAcceptedClients semaphore

	totalBytesRead      atomic.Int64
	numConnectedSockets atomic.Int64
	numReceives         atomic.Int64 // receives that brought data
	numSynchronous      atomic.Int64 // operations that were done when their start returned

	port         *ops.Port
	portConfig   ops.PortConfig
	listenConfig ops.ListenConfig
	readWriteOps []*ops.Op // all that belong to the pool, wherever they are

	stop      sync.Once
	stopError error

	// Of the port's goroutine:
	accepting   bool // the accept is in flight or parked
	acceptError error
	stopping    bool
	isIdle      bool

	done chan struct{} // closed when no connection is accepted any more
	idle chan struct{} // closed when the last client has left a server that stops
}

// NewServer makes a server for so many clients at a time, with buffers of receiveBufferSize bytes. Init and Start
// follow.
func NewServer(numConnections, receiveBufferSize int) *Server {
	return &Server{
		numConnections:           numConnections,
		receiveBufferSize:        receiveBufferSize,
		maxNumberAcceptedClients: semaphore{free: numConnections},
		listenConfig:             ops.ListenConfig{Backlog: backlog},
		done:                     make(chan struct{}),
		idle:                     make(chan struct{}),
	}
}

// Init makes everything that serving needs, once: the port, one block of memory for all buffers, and an op with its
// buffer and its token for each client. Nothing is allocated for a client after it but the socket.
func (s *Server) Init() error {
	if s.numConnections < 1 || s.receiveBufferSize < 1 {
		return fmt.Errorf("saea: %d connections with buffers of %d bytes: each must be at least 1",
			s.numConnections, s.receiveBufferSize)
	}
	manager, err := ops.NewBufferManager(s.numConnections*opsToPreAlloc, s.receiveBufferSize)
	if err != nil {
		return fmt.Errorf("saea: init: %w", err)
	}
	port, err := ops.NewPort(s.portConfig)
	if err != nil {
		return errors.Join(fmt.Errorf("saea: init: %w", err), manager.Close())
	}
	s.port, s.bufferManager = port, manager
	s.readWritePool = ops.NewPool(s.numConnections, s.IOCompleted)
	for range s.numConnections {
		readWriteEventArg, _ := s.readWritePool.Get() // there are as many as it was made for
		if !s.bufferManager.SetBuffer(readWriteEventArg) {
			return errors.Join(fmt.Errorf("saea: init: %d buffers do not do for %d connections",
				s.numConnections*opsToPreAlloc, s.numConnections), s.port.Close())
		}
		readWriteEventArg.UserToken = &AsyncUserToken{buffer: readWriteEventArg.Buffer()}
		s.readWriteOps = append(s.readWriteOps, readWriteEventArg)
	}
	for _, readWriteEventArg := range s.readWriteOps {
		s.readWritePool.Put(readWriteEventArg)
	}
	return nil
}

// Start listens and posts the first accept. It returns at once: the port has its own goroutine.
func (s *Server) Start(localEndpoint ops.Endpoint) error {
	if s.port == nil || s.listenSocket != nil {
		return errors.New("saea: start: call Init before it, and call it once")
	}
	listenSocket, err := s.port.Listen(localEndpoint, s.listenConfig)
	if err != nil {
		return fmt.Errorf("saea: start: %w", err)
	}
	s.listenSocket = listenSocket
	return s.port.Post(func() {
		s.accepting = true
		s.StartAccept(nil)
	})
}

// LocalEndpoint is where the server listens, with the port that it really got.
func (s *Server) LocalEndpoint() ops.Endpoint { return s.listenSocket.LocalEndpoint() }

// TotalBytesRead is what all clients have sent so far, in bytes. Any goroutine may call it.
func (s *Server) TotalBytesRead() int64 { return s.totalBytesRead.Load() }

// NumConnectedSockets is the number of clients that are served now. Any goroutine may call it.
func (s *Server) NumConnectedSockets() int64 { return s.numConnectedSockets.Load() }

// Done is closed when the server accepts no more: because of Stop, or because its listener broke, which Stop returns.
func (s *Server) Done() <-chan struct{} { return s.done }

// Stop accepts no more clients, serves those that are there until they leave, and gives everything back. Those that
// are still there when ctx ends are cut off, and the error says so. It is idempotent.
func (s *Server) Stop(ctx context.Context) error {
	if s.port == nil {
		return nil
	}
	s.stop.Do(func() { s.stopError = s.drain(ctx) })
	return s.stopError
}

func (s *Server) drain(ctx context.Context) (cut error) {
	if s.port.Post(s.stopAccepting) == nil {
		select {
		case <-s.idle:
		case <-s.port.Done():
		case <-ctx.Done():
			cut = fmt.Errorf("saea: stop: %d clients were cut off: %w", s.NumConnectedSockets(), context.Cause(ctx))
			_ = s.port.Post(s.cutOff) // a port that is closed has cut them off already
			select {
			case <-s.idle:
			case <-s.port.Done():
			}
		}
	}
	closed := s.port.Close() // the last completion has run when it returns
	return errors.Join(cut, s.acceptError, closed, s.giveBack())
}

// stopAccepting closes the listener: the accept in flight completes, one that is parked is dropped.
func (s *Server) stopAccepting() {
	s.stopping = true
	if s.listenSocket != nil {
		_ = s.listenSocket.Close()
	}
	if s.maxNumberAcceptedClients.unpark() != nil {
		s.acceptsEnded(net.ErrClosed)
	}
	s.settle()
}

// cutOff ends the connections that are left. It closes their sockets and nothing more: the operation that each has
// in flight completes with OperationAborted, and that completion gives everything back.
func (s *Server) cutOff() {
	for _, e := range s.readWriteOps {
		if socket := tokenOf(e).Socket; socket != nil {
			_ = socket.Shutdown(ops.ShutdownSend) // what the peer sees is the end of the stream, not a reset
			_ = socket.Close()
		}
	}
}

// settle tells Stop when there is nothing left to wait for.
func (s *Server) settle() {
	if s.stopping && !s.accepting && s.NumConnectedSockets() == 0 && !s.isIdle {
		s.isIdle = true
		close(s.idle)
	}
}

// giveBack checks that everything has come back, and frees it.
func (s *Server) giveBack() error {
	pooled, free, connected := s.readWritePool.Len(), s.maxNumberAcceptedClients.free, s.NumConnectedSockets()
	if pooled != s.numConnections || free != s.numConnections || connected != 0 {
		return fmt.Errorf("saea: stopped with %d of %d ops in the pool, %d permits and %d clients",
			pooled, s.numConnections, free, connected)
	}
	for _, e := range s.readWriteOps {
		s.bufferManager.FreeBuffer(e)
	}
	return s.bufferManager.Close()
}

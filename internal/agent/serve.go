package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"github.com/ringport/ringport/internal/child"
)

// Serve starts what is asked for at the socket, a path that is free, until the context ends. Ready is called when
// others can connect. What it started has ended when it returns.
func Serve(ctx context.Context, socket string, ready func()) error {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return fmt.Errorf("agent: %w; is the folder there, writable, and nothing of that name in it?", err)
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		return errors.Join(fmt.Errorf("agent: keep others away from the socket: %w", err), listener.Close())
	}
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	ready()
	var sessions sync.WaitGroup
	defer sessions.Wait()
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return errors.Join(fmt.Errorf("agent: %w", err), listener.Close())
		}
		sessions.Go(func() { serve(ctx, conn) })
	}
}

// serve runs one program for one client.
func serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	words := json.NewDecoder(conn)
	s := &sender{words: json.NewEncoder(conn)}
	var r request
	if err := words.Decode(&r); err != nil || len(r.Command) == 0 {
		s.send(answer{Refusal: "the request names no command"})
		return
	}
	c, err := s.start(r)
	if err != nil {
		s.send(answer{Refusal: err.Error()})
		return
	}
	select {
	case <-hungUp(conn):
		c.Stop()
	case <-c.Ended():
	}
	s.send(ending(c.Err()))
}

// hungUp is a channel that is closed when the client sends no more, or has gone.
func hungUp(conn net.Conn) <-chan struct{} {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = io.Copy(io.Discard, conn) // ends with the connection, which serve closes
	}()
	return gone
}

// ending is the last answer.
func ending(err error) answer {
	if err != nil {
		return answer{Ended: true, Failure: err.Error()}
	}
	return answer{Ended: true}
}

// sender puts the answers of a connection one after the other.
type sender struct {
	mu    sync.Mutex
	words *json.Encoder
}

// start starts the program. What it prints waits until its number has been told.
func (s *sender) start(r request) (*child.Child, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := child.Start(r.Command, r.CPUs, s)
	if err == nil {
		_ = s.words.Encode(answer{PID: c.PID()}) // a client that has gone has hung up, too
	}
	return c, err
}

func (s *sender) send(a answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.words.Encode(a) // a client that has gone wants to hear nothing
}

// Write passes on what the program prints. It takes everything, so that the program does not notice when nobody
// listens.
func (s *sender) Write(b []byte) (int, error) {
	s.send(answer{Output: b})
	return len(b), nil
}

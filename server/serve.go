package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Serve accepts connections until the server is shut down, and returns when that is finished: nil, or what went wrong
// meanwhile. When ctx ends, it closes the server as Close does and returns ctx's cause; call Shutdown instead to let
// the sessions come to their end. A server can be served once; when it is shut down already, the error matches
// net.ErrClosed.
func (s *Server) Serve(ctx context.Context) error {
	if err := s.beginServing(); err != nil {
		return err
	}
	var watchers sync.WaitGroup
	defer watchers.Wait()
	lost := make(chan error, len(s.shards))
	for _, sh := range s.shards {
		watchers.Go(func() { lost <- s.watch(sh) })
		sh.post(sh.start)
	}
	for range s.shards {
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), s.Close())
		case err := <-lost:
			if err != nil {
				return errors.Join(err, s.Close())
			}
		}
	}
	<-s.done
	return s.err
}

// beginServing notes that the server is served. The lock is held while it is freed, too.
func (s *Server) beginServing() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
		return errServerClosed
	case s.serving:
		return errors.New("server: the server is served already; make another")
	}
	s.serving = true
	return nil
}

// watch waits for the end of a shard's port. It gives an error when the port stopped by itself.
func (s *Server) watch(sh *shard) error {
	<-sh.port.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.freeing {
		return nil
	}
	return fmt.Errorf("server: a shard has stopped: %w", sh.port.Err())
}

// Shutdown ends the server in order: it stops accepting, answers what its peers had sent, sends what is queued for
// them, ends their streams, and waits until they have ended theirs (see Config.LingerTimeout). When ctx ends before
// all sessions have, it closes the others at once and returns an error that says how many, and wraps ctx's. Returns
// after everything is freed. It may be called several times, also at once: the first ctx to end is the one that counts.
func (s *Server) Shutdown(ctx context.Context) error {
	s.begin((*shard).drain)
	return s.finishDraining(ctx, "shutdown")
}

// finishDraining waits for the sessions and then frees the server.
func (s *Server) finishDraining(ctx context.Context, what string) error {
	if s.await(ctx) {
		return s.free()
	}
	err := s.Close()
	if n := s.Stats().Cut(); n > 0 {
		err = errors.Join(fmt.Errorf("server: %s: %d connections were cut: %w", what, n, context.Cause(ctx)), err)
	}
	return err
}

// Close ends the server at once: every connection is closed, whatever is queued. Returns after everything is freed.
func (s *Server) Close() error {
	s.begin((*shard).cut)
	s.await(context.Background())
	return s.free()
}

// begin has every shard drain, or cut.
func (s *Server) begin(step func(*shard)) {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.leavePaths.Do(s.removePaths) // first, so that new clients do not meet a server that ends
	for _, sh := range s.shards {
		sh.post(func() { step(sh) })
	}
}

// await waits until no shard has sessions any more. It is false when ctx ended before.
func (s *Server) await(ctx context.Context) bool {
	for _, sh := range s.shards {
		select {
		case <-sh.gone:
		case <-sh.port.Done(): // by itself, or another call was faster
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// free closes the ports, once, and returns what went wrong.
func (s *Server) free() error {
	s.freeOnce.Do(func() {
		s.mu.Lock()
		s.freeing = true
		s.mu.Unlock()
		s.leavePaths.Do(s.removePaths) // of a server that New could not make
		var errs []error
		for _, sh := range s.shards {
			errs = append(errs, sh.close())
		}
		s.err = errors.Join(errs...)
		close(s.done)
	})
	<-s.done
	return s.err
}

package server

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

// Retire ends the server as Shutdown does, for a successor that listens by now on the sockets of ListenerFiles: no
// connection is refused, reset or left waiting, and no path of a Unix socket is removed. What the accepts bring while
// they are cancelled, what they were woken for, and what waits for a permit (Config.MaxConns) is served to its end. A
// connection that comes in this late and says nothing has Config.LingerTimeout for its first words.
//
// A session ends when its peer has ended it, or is silent for a second. One whose peer sends on is served until
// Config.LingerTimeout before the deadline of ctx, or at least for half of the time that is left, and then asked to end.
//
// When ctx ends before all sessions have, the others are closed at once, and the error says how many and wraps ctx's. A
// shutdown that has begun goes on as it is. Without a successor that has the sockets, as with Config.TakeOver, what the
// kernel brings to them between the last accept and the close is reset, unless net.ipv4.tcp_migrate_req is 1.
//
// Kernel: a connection wakes one accept of all that wait, in whichever process. An accept that is cancelled after it
// was woken leaves the connection in the backlog and wakes nobody else, so it would wait there for the next one to
// come. That is why a retiring server looks at the backlog once more, when no accept of its own waits any longer.
func (s *Server) Retire(ctx context.Context) error {
	if !s.beginRetiring() {
		return s.Shutdown(ctx)
	}
	var leaving sync.WaitGroup
	for _, sh := range s.shards {
		leaving.Go(func() { sh.retire(ctx) })
	}
	defer leaving.Wait()
	return s.finishDraining(ctx, "retire")
}

// beginRetiring notes that the server ends without its listeners. It is false when its end has begun before.
func (s *Server) beginRetiring() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	s.ended = true
	s.leavePaths.Do(func() {}) // they are the successor's
	return true
}

// retire gives the listeners of the shard up and then lets every session come to its end. The caller is no shard's
// goroutine.
func (sh *shard) retire(ctx context.Context) {
	sh.post(func() { sh.leaveUntil = leaveUntil(ctx, sh.limits.linger) })
	stopped := sh.run(ctx, sh.stopAccepting) // before that a listener may ask for connections, whose socket is given up
	for _, l := range sh.listeners {
		err := stopped
		if err == nil {
			err = l.giveUp(ctx)
		}
		if err != nil && !errors.Is(err, net.ErrClosed) {
			sh.server.log.Error("a connection may have been left to wait", "address", l.bound.String(), "error", err)
		}
	}
	sh.post(sh.leftListeners)
}

// leaveUntil is when sessions have to be asked to end, so that they have lingered when ctx ends; never without a
// deadline.
func leaveUntil(ctx context.Context, linger time.Duration) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return never
	}
	left := time.Until(deadline)
	return clock() + max(left-linger, left/2)
}

// stopAccepting begins a retirement.
func (sh *shard) stopAccepting() { sh.accepting, sh.retiring, sh.leaving = false, true, true }

// leftListeners runs when no connection will come any more.
func (sh *shard) leftListeners() {
	sh.leaving = false
	sh.drainKept()
	sh.checkDrained()
}

// drainKept lets every session come to its end, and every connection that waits for a permit.
func (sh *shard) drainKept() {
	if sh.draining {
		return
	}
	sh.draining = true
	sh.each((*Session).drain)
	sh.drainResponders()
	sh.checkDrained()
}

// giveUp lets go of the listening socket when the kernel has no accept of this listener any more, and serves what it
// was woken for. The caller is no shard's goroutine.
func (l *listener) giveUp(ctx context.Context) error {
	for {
		fd, err := l.socket.Detach()
		switch {
		case err == nil:
			defer unix.Close(fd)
			return l.emptyBacklog(ctx, fd)
		case !errors.Is(err, ops.ErrState):
			return err
		}
		// Accepts are in flight, or connections came for which there was no accept any more.
		if err := l.shard.run(ctx, l.stop); err != nil {
			return err
		}
	}
}

// run posts fn and waits until it has run.
func (sh *shard) run(ctx context.Context, fn func()) error {
	done := make(chan struct{})
	sh.post(func() {
		defer close(done)
		fn()
	})
	select {
	case <-done:
		return nil
	case <-sh.port.Done():
		return errServerClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// stop cancels the accepts and takes what came when there was none.
func (l *listener) stop() {
	l.curb(paceStop, 0)
	for !l.broken {
		op := l.takeIdle()
		if l.socket.AcceptAsync(op) {
			l.socket.Cancel(op) // before it has become a request
			return
		}
		l.take(op)
		l.putIdle(op)
	}
}

// acceptPause is how long to wait for a free descriptor.
const acceptPause = 10 * time.Millisecond

// emptyBacklog serves what waits in the backlog now. It does not wait for more, for which it makes the socket
// non-blocking; that does not change how a ring accepts, here or in another process.
func (l *listener) emptyBacklog(ctx context.Context, fd int) error {
	if !l.armed || !readable(fd) {
		return nil
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return err
	}
	for {
		conn, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
		switch shortage := err; {
		case err == nil:
			l.shard.adopt(conn)
		case errors.Is(err, unix.EAGAIN):
			return nil
		case isShortage(err):
			l.shard.post(l.shard.drainKept) // whose sessions have the descriptors
			if err := rest(ctx, acceptPause); err != nil {
				return errors.Join(os.NewSyscallError("accept4", shortage), err)
			}
		case errors.Is(err, unix.EBADF), errors.Is(err, unix.EINVAL):
			return err
		}
		// Any other error is that of a connection which is gone already (accept(2), "Error handling").
	}
}

// readable tells whether a connection waits in the backlog.
func readable(fd int) bool {
	polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(polled, 0)
		if err != unix.EINTR {
			return n != 0
		}
	}
}

func isShortage(err error) bool {
	for _, shortage := range [...]error{unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM} {
		if errors.Is(err, shortage) {
			return true
		}
	}
	return false
}

// rest waits, unless ctx ends before.
func rest(ctx context.Context, d time.Duration) error {
	over := time.NewTimer(d)
	defer over.Stop()
	select {
	case <-over.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// adopt takes a connection that was accepted outside the ring. Any goroutine may call it.
func (sh *shard) adopt(conn int) {
	socket, err := sh.port.Associate(conn)
	if err != nil { // the port is closed
		_ = unix.Close(conn)
		return
	}
	if sh.port.Post(func() { sh.arrived(socket) }) != nil {
		_ = socket.Close()
	}
}

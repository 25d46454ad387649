package ops

import (
	"time"

	"golang.org/x/sys/unix"
)

// addressPatience is how long a bind waits at most for sockets that are closing. They need a turn or two, so that longer
// means that something holds them up: a handler that blocks, or a function in Control.
const addressPatience = time.Second

// bind is bind(2). A socket that was closed keeps its address until the kernel has let go of what it had in flight, so an
// address that is in use is tried again when those that are closing have gone. The port's own goroutine cannot wait for
// that: it is the one that closes them.
func (p *Port) bind(fd int, sa unix.Sockaddr) error {
	err := unix.Bind(fd, sa)
	if err != unix.EADDRINUSE || unix.Gettid() == p.owner {
		return err
	}
	p.awaitLeaving(fd)
	return unix.Bind(fd, sa)
}

// awaitLeaving waits until the sockets have gone that are closing now, all but that of the descriptor.
func (p *Port) awaitLeaving(fd int) {
	patience := time.NewTimer(addressPatience)
	defer patience.Stop()
	for _, s := range p.leaving(fd) {
		if !p.awaitGone(s, patience.C) {
			return
		}
	}
}

// leaving lists the sockets that are closing, and go without waiting for their peers.
func (p *Port) leaving(fd int) (all []*Socket) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := p.sockets.head; s != nil; s = s.next {
		waits := s.acc == nil && s.typ == Stream && (s.lingering() || s.state.has(stateExposed))
		if s.state.has(stateClosing) && !waits && s.fd != fd {
			all = append(all, s)
		}
	}
	return all
}

// awaitGone waits until a socket has gone. It is false when there is no use in waiting on.
func (p *Port) awaitGone(s *Socket, patience <-chan time.Time) bool {
	for {
		p.mu.Lock()
		if s.state.has(stateClosed) {
			p.mu.Unlock()
			return true
		}
		if p.left == nil {
			p.left = make(chan struct{})
		}
		left := p.left
		p.mu.Unlock()
		select {
		case <-left:
		case <-p.done:
			return false
		case <-patience:
			return false
		}
	}
}

// tellLeft tells those who wait for an address that a socket has gone. Under the lock.
func (p *Port) tellLeft() {
	if p.left != nil {
		close(p.left)
		p.left = nil
	}
}

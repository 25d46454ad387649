package server

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

// ListenerFiles gives a duplicate of every descriptor that the server listens on, for the Config.Inherited of its
// successor, with the addresses that Listeners gives as names. One address may have several sockets, between which the
// kernel divides its connections. Owned is set for the Unix sockets whose path this server has to remove: whoever
// inherits them has to from then on, provided that this server ends by Retire.
//
// The files are the caller's to close; they are closed on exec, unless they are passed on as os/exec does. Any
// goroutine may call it. Returns an error that matches net.ErrClosed once the server ends, or wraps EMFILE.
func (s *Server) ListenerFiles() (_ []Inherited, err error) {
	var files []Inherited
	defer func() {
		if err == nil {
			return
		}
		for _, f := range files {
			_ = f.File.Close()
		}
	}()
	if s.hasEnded() {
		return nil, errServerClosed
	}
	for _, b := range s.bounds {
		for _, socket := range b.sockets {
			f, err := duplicateFile(socket, b.String())
			if err != nil {
				return nil, fmt.Errorf("server: duplicate the listener of %s: %w", b, err)
			}
			files = append(files, Inherited{Name: b.String(), File: f, Owned: b.path != nil})
		}
	}
	return files, nil
}

func (s *Server) hasEnded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

func duplicateFile(socket *ops.Socket, name string) (*os.File, error) {
	fd, err := -1, error(nil)
	if closed := socket.Control(func(own uintptr) { fd, err = duplicate(int(own)) }); closed != nil {
		return nil, closed
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// duplicate gives another descriptor of the same socket, which is closed on exec.
func duplicate(fd int) (int, error) {
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if errors.Is(err, unix.EMFILE) {
		return -1, fmt.Errorf("%w; raise the limit of open files (RLIMIT_NOFILE)", os.NewSyscallError("fcntl", err))
	}
	return own, os.NewSyscallError("fcntl", err)
}

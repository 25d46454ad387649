package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// unixPath is the file of a Unix socket, known by its inode: a file that took its place is not ours to remove.
type unixPath struct {
	path   string // absolute, since the process may change its directory
	device uint64
	inode  uint64
}

// newUnixPath looks at the file of a Unix socket. It is nil for a name in the abstract name space, which has none, and
// when there is no socket at the path.
func newUnixPath(path string) *unixPath {
	if path == "" || strings.HasPrefix(path, "@") {
		return nil
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil
	}
	var st unix.Stat_t
	if unix.Lstat(absolute, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return nil
	}
	return &unixPath{path: absolute, device: uint64(st.Dev), inode: st.Ino}
}

// remove unlinks the file, unless another has taken its place.
func (u *unixPath) remove() error {
	var st unix.Stat_t
	if unix.Lstat(u.path, &st) != nil || uint64(st.Dev) != u.device || st.Ino != u.inode {
		return nil
	}
	if err := unix.Unlink(u.path); err != nil && !errors.Is(err, unix.ENOENT) {
		return &os.PathError{Op: "unlink", Path: u.path, Err: err}
	}
	return nil
}

// openUnix makes a Unix socket that listens. A file that a server has left behind which was killed is replaced.
func openUnix(path string, backlog int) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := bindUnix(fd, path, backlog); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func bindUnix(fd int, path string, backlog int) error {
	err := unix.Bind(fd, &unix.SockaddrUnix{Name: path})
	if errors.Is(err, unix.EADDRINUSE) && !strings.HasPrefix(path, "@") {
		if err := removeStale(path); err != nil {
			return err
		}
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
	}
	if err != nil {
		return os.NewSyscallError("bind", err)
	}
	return os.NewSyscallError("listen", unix.Listen(fd, backlog))
}

var errNotSocket = errors.New("the file there is no socket, and is left alone; move it away, or take another path")

// removeStale removes the file of a Unix socket on which nobody listens. Any other file stays, and is an error.
func removeStale(path string) error {
	var st unix.Stat_t
	switch err := unix.Lstat(path, &st); {
	case errors.Is(err, unix.ENOENT):
		return nil // removed at this moment
	case err != nil:
		return &os.PathError{Op: "lstat", Path: path, Err: err}
	case st.Mode&unix.S_IFMT != unix.S_IFSOCK:
		return fmt.Errorf("%w: %w", os.NewSyscallError("bind", unix.EADDRINUSE), errNotSocket)
	}
	if err := knock(path); !errors.Is(err, unix.ECONNREFUSED) {
		return os.NewSyscallError("bind", unix.EADDRINUSE) // somebody listens, or nobody can tell
	}
	return (&unixPath{path: path, device: uint64(st.Dev), inode: st.Ino}).remove()
}

// knock connects to a Unix socket, to see whether anybody listens.
func knock(path string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Connect(fd, &unix.SockaddrUnix{Name: path})
}

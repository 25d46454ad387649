package ops

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// unixPath is the file that a bind has made, known by its inode: a file that took its place is not ours to remove.
type unixPath struct {
	path   string // absolute, since the process may change its directory
	device uint64
	inode  uint64
}

// newUnixPath looks at the file behind a path that was just bound. It is nil for an abstract name, which has none.
func newUnixPath(path string) *unixPath {
	if path == "" || strings.HasPrefix(path, "@") {
		return nil
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil
	}
	var st unix.Stat_t
	if unix.Lstat(absolute, &st) != nil {
		return nil
	}
	return &unixPath{path: absolute, device: uint64(st.Dev), inode: st.Ino}
}

// remove unlinks the file, if it is still the one that was made.
func (u *unixPath) remove() {
	var st unix.Stat_t
	if unix.Lstat(u.path, &st) != nil || uint64(st.Dev) != u.device || st.Ino != u.inode {
		return
	}
	_ = unix.Unlink(u.path) // a directory that has become read-only keeps it; there is nobody to tell
}

func (s *Socket) rememberPath(u *unixPath) {
	s.port.mu.Lock()
	s.extras().path = u
	s.port.mu.Unlock()
}

// takePath takes the file of a listener that closes, so that nobody else removes it. Under the lock.
func (s *Socket) takePath() (path *unixPath) {
	if s.acc != nil && s.extra != nil {
		path, s.extra.path = s.extra.path, nil
		s.extra.unlinking = path != nil
	}
	return path
}

// unlink removes the file that takePath took. The close goes on after it, so that the handler of an accept that it aborts
// finds the path free.
func (s *Socket) unlink(path *unixPath) {
	path.remove()
	p := s.port
	p.mu.Lock()
	s.extra.unlinking = false
	wake := s.enlist()
	p.mu.Unlock()
	p.wake(wake)
}

// unlinking tells whether Close has yet to remove the file. Under the lock.
func (s *Socket) unlinking() bool { return s.extra != nil && s.extra.unlinking }

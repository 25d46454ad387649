package ops

import "golang.org/x/sys/unix"

// replace puts the file of another descriptor under the socket's number. Whoever holds the socket then sees the old
// file or the new one, never a stranger's, as it would if the number itself changed. fd stays open. The caller holds a
// reference to the socket, and not the lock.
func (s *Socket) replace(fd int) error {
	if err := unix.Dup3(fd, s.fd, unix.O_CLOEXEC); err != nil {
		return errorOf(None, errno(err))
	}
	return nil
}

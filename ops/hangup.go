package ops

import (
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/uring"
)

// A multishot receive on a Unix socket may miss the end of its stream: since Linux 6.17 these sockets tell how much is
// left, and a receive that leaves nothing waits for another wake-up. When the end came right behind the data there is
// none (axboe/liburing issue 1549, mended in 2026). So a poll of its own waits for the end, once for each connection.
// Of a peer that has hung up, requests that receive once take what is left: they find the end.

// watchHangup submits the poll for the peer's end of the stream beside a multishot receive, where that needs one.
func (s *Socket) watchHangup() bool {
	r, p := &s.rx, s.port
	if s.family != FamilyUnix || r.hangup != 0 {
		return true
	}
	sqe := p.ring.NextSQE()
	if sqe == nil {
		return false
	}
	r.hangup = p.slots.take(s, kindHangup)
	sqe.PrepPoll(s.fd, unix.POLLRDHUP, uint64(r.hangup))
	return true
}

// stopHangup cancels the poll.
func (s *Socket) stopHangup() bool {
	r := &s.rx
	if r.hangup == 0 || r.unwatched {
		return true
	}
	r.unwatched = s.port.cancelRequest(r.hangup)
	return r.unwatched
}

// onHangup takes the completion of the poll: the peer has ended its stream, or nobody wants to know any more. A poll
// that failed leaves the end to be found in the other way.
func (s *Socket) onHangup(_ *uring.CQE, tok token) {
	r, p := &s.rx, s.port
	p.slots.release(tok)
	r.hungUp = !r.unwatched
	r.hangup, r.unwatched = 0, false
	p.work.push(s)
}

// leaveMultishot ends a multishot receive that may not see that the peer has hung up.
func (s *Socket) leaveMultishot() bool {
	r := &s.rx
	return !r.hungUp || r.armed != armedMulti || s.stopReceive()
}

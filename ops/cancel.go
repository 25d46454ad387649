package ops

import (
	"syscall"

	"github.com/ringport/ringport/uring"
)

// onCancel takes the completion of a cancel. Its result says nothing that the target's does not, but for one case.
// Kernel: a request that met EAGAIN, and found its socket ready again when it went to wait, is for a moment in none of
// the places where a cancel looks (io_arm_apoll gives IO_APOLL_READY; seen with a connect to a Unix listener whose
// queue is full, on 6.18). Such a cancel finds nobody (ENOENT), and is made again until it does.
func (p *Port) onCancel(c *uring.CQE, tok token) {
	target := p.slots.find(tok).target
	p.slots.release(tok)
	if c.Errno() == syscall.ENOENT && p.slots.find(target) != nil {
		p.missed = append(p.missed, target)
		p.again = true
	}
}

// cancelMissed makes the cancels again that found nobody. It is false when the SQEs ran out.
func (p *Port) cancelMissed() bool {
	for len(p.missed) > 0 {
		target := p.missed[len(p.missed)-1]
		if p.slots.find(target) != nil && !p.cancelRequest(target) {
			return false
		}
		p.missed = p.missed[:len(p.missed)-1]
	}
	return true
}

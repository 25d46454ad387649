package ops

import "time"

// maxSpin is far above what a wake-up costs: longer than that, spinning gains nothing.
const maxSpin = 10 * time.Millisecond

// looksPerLock is how often the owner looks at the ring, which costs nothing, for each look at what needs the lock.
const looksPerLock = 16

// spin watches the ring for PortConfig.Spin, in the place of a sleep. It is true when there is something to do: a
// sleep, and the wake-up after it, were saved.
func (p *Port) spin() bool {
	if p.cfg.Spin == 0 {
		return false
	}
	for end := p.cfg.clock() + p.cfg.Spin; ; {
		for range looksPerLock {
			if !p.ring.Idle() {
				p.enter(0, 0) // what the kernel has put off becomes completions
				p.now = p.cfg.clock()
				return true
			}
		}
		p.now = p.cfg.clock()
		if p.wanted(p.now) {
			return true
		}
		if p.now >= end {
			return false
		}
	}
}

// wanted tells whether a turn would find something to do without the ring.
func (p *Port) wanted(now time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hasWork() || p.timers.untilNext(now) == 0
}

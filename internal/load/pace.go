package load

import (
	"math"
	"time"
)

// sendsAtOnce is how many messages of a schedule are handed out before the port submits them.
const sendsAtOnce = 256

// longestTurn is what a turn without anything to do takes at most.
const longestTurn = 20 * time.Microsecond

// never is when nothing is to be done.
const never moment = math.MaxInt64

// offer puts a client that is ready into the line for the schedule's next message.
func (g *generator) offer(c client) {
	if !c.ready() {
		return
	}
	g.line.push(c.inLine())
	if g.starved {
		g.starved = false
		g.spin()
	}
}

// pace sends what is due, and tells how long nothing is: 0 when there is more.
func (g *generator) pace(now moment) (wait moment) {
	for range sendsAtOnce {
		due := g.schedule.due()
		switch {
		case !g.sends() || due >= g.windowEnd:
			return never
		case due > now:
			return due - now
		}
		c := g.line.pop()
		if c == nil {
			g.starved = true
			return never
		}
		c.send(due, now)
		if due >= g.windowStart {
			g.schedule.wasSent(now)
		}
		g.schedule.advance()
		g.offer(c)
		now = g.now()
	}
	return 0
}

// touch notes that something came back: the generator stays awake for a while.
func (g *generator) touch(now moment) {
	g.touched = now
	if g.cfg.Spin > 0 {
		g.spin()
	}
}

// spin keeps the port from going to sleep, until tick says otherwise.
func (g *generator) spin() {
	if !g.spinning {
		g.ticked = g.now()
		g.postTick()
	}
}

// postTick has tick run in the next turn.
func (g *generator) postTick() {
	if !g.over {
		g.spinning = true
		_ = g.port.Post(g.tickFn) // refused once the port closes, when nothing is to be sent any more
	}
}

// tick runs once in a turn, for as long as the port must not sleep, and when it has slept until the next send.
func (g *generator) tick() {
	now := g.now()
	g.countSpin(now)
	g.spinning = false
	wait := never
	if g.schedule != nil {
		wait = g.pace(now)
	}
	switch {
	case g.over:
	case wait <= g.cfg.Spin, now-g.touched < g.cfg.Spin:
		g.postTick()
	case wait < never:
		g.nextSend.ResetPrecise(wait - g.cfg.Spin)
	}
}

// countSpin counts the time since the last tick as spinning, when nothing happened meanwhile.
func (g *generator) countSpin(now moment) {
	if g.spinning && g.touched == g.tickTouched && g.total.Sent == g.tickSent {
		g.spun += min(now-g.ticked, longestTurn) // more of it than that another process had the CPU
	}
	g.ticked, g.tickTouched, g.tickSent = now, g.touched, g.total.Sent
}

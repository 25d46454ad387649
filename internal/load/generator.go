package load

import (
	"time"

	"github.com/ringport/ringport/ops"
)

// Of a run.
const (
	connectsAtOnce   = 64 // fewer than any server's backlog
	progressInterval = 100 * time.Millisecond
)

// generator is a run. All of it belongs to the port's goroutine until the port is closed.
type generator struct {
	cfg     Config
	target  target
	payload *payload
	port    *ops.Port
	epoch   time.Time
	clients []client // those that carry messages, then the silent ones

	phase     Phase
	begun     int // clients whose open was called
	there     int // clients that are connected
	opening   bool
	finishing bool
	left      int // clients that are still to be closed
	over      bool
	done      chan struct{} // closed when over
	progress  chan Progress

	total   Counts
	loadAt  moment // when the warm-up began
	connect Histogram
	latency Histogram

	windowStart, windowEnd moment // each is never until it has come; the end is that of an open loop
	stopped                moment // when the window ended, 0 until then
	window                 window
	before                 *processSample

	schedule *schedule // nil in a closed loop
	line     line
	starved  bool // a message is due, and nobody is ready

	tickFn      func()
	spinning    bool // tick will run in the next turn
	touched     moment
	ticked      moment
	tickTouched moment
	tickSent    uint64
	spun        moment

	phaseTimer, nextSend, sweepTimer, progressTimer, graceTimer *ops.Timer

	swept   moment // when answers were last looked for
	errors  map[Kind]uint64
	failure *Failure
}

func newGenerator(cfg Config, t target) *generator {
	g := &generator{
		cfg: cfg, target: t, payload: newPayload(cfg.Size, cfg.Seed), epoch: time.Now(), phase: Connecting,
		done: make(chan struct{}), progress: make(chan Progress, 1), errors: map[Kind]uint64{},
		connect: NewHistogram(), latency: NewHistogram(), windowStart: never, windowEnd: never,
	}
	if cfg.Open() {
		g.schedule = newSchedule(cfg)
	}
	g.tickFn = g.tick
	return g
}

// portConfig is what the patterns need of a port.
func portConfig(cfg Config, network string) ops.PortConfig {
	pc := ops.PortConfig{Entries: 1024}
	switch {
	case cfg.Pattern == Churn || cfg.Pattern == Slow:
		pc.ReadAhead = -1 // a slow reader must not receive what it does not read
		pc.Buffers = 1    // every receive has memory of its own
	case network == "udp" && cfg.Size > largeDatagram:
		pc.BufferSize, pc.Buffers = 1<<17, 256
	}
	return pc
}

// largeDatagram is the bytes up to which a datagram fits into one of the port's usual buffers, behind its sender.
const largeDatagram = 15 << 10

// now is the time of this run.
func (g *generator) now() moment { return time.Since(g.epoch) }

// start makes the clients and opens the first of them.
func (g *generator) start() {
	g.phaseTimer = g.port.NewTimer(g.nextPhase)
	g.nextSend = g.port.NewTimer(g.tick)
	g.sweepTimer = g.port.NewTimer(g.sweep)
	g.progressTimer = g.port.NewTimer(g.report)
	g.graceTimer = g.port.NewTimer(g.finish)
	g.clients = make([]client, 0, g.cfg.Conns+g.cfg.Idle)
	for id := range g.cfg.Conns {
		g.clients = append(g.clients, g.newClient(id))
	}
	for id := range g.cfg.Idle {
		g.clients = append(g.clients, newIdle(g, g.cfg.Conns+id))
	}
	g.left = len(g.clients)
	g.swept = g.now()
	g.sweepTimer.Reset(g.sweepInterval())
	g.progressTimer.Reset(progressInterval)
	g.openMore()
}

func (g *generator) newClient(id int) client {
	switch {
	case g.target.network == "udp":
		return newDatagrams(g, id)
	case g.cfg.Pattern == Churn:
		return newChurner(g, id)
	case g.cfg.Pattern == Slow:
		return newSlowReader(g, id)
	}
	return newConnection(g, id)
}

// active is the clients that carry messages.
func (g *generator) active() []client { return g.clients[:g.cfg.Conns] }

// openMore opens clients, a few at a time, and begins the load when the last one is there.
func (g *generator) openMore() {
	if g.opening {
		return // a client that was there at once
	}
	g.opening = true
	for g.begun < len(g.clients) && g.begun-g.there < connectsAtOnce && !g.over {
		c := g.clients[g.begun]
		g.begun++
		c.open()
	}
	g.opening = false
	if g.there == len(g.clients) && g.phase == Connecting && !g.over {
		g.warmUp()
	}
}

// connectDone counts a connect that succeeded.
func (g *generator) connectDone(began, now moment) {
	g.total.Connects++
	if g.phase == Connecting || g.phase == Measuring {
		g.connect.record(now - began)
	}
}

// connected hears that a client is ready for the load.
func (g *generator) connected() {
	g.there++
	g.openMore()
}

// warmUp begins the load.
func (g *generator) warmUp() {
	g.phase = WarmingUp
	g.loadAt = g.now()
	if g.cfg.Pattern == Churn {
		g.connect = NewHistogram()
	}
	if g.schedule != nil {
		g.schedule.begin(g.loadAt)
		for _, c := range g.active() {
			g.offer(c)
		}
		g.spin()
	} else {
		for _, c := range g.active() {
			c.pump(g.loadAt)
		}
	}
	if g.cfg.Warmup == 0 {
		g.nextPhase()
		return
	}
	g.phaseTimer.ResetPrecise(g.cfg.Warmup)
}

// sends says whether messages are to be sent.
func (g *generator) sends() bool { return !g.over && (g.phase == WarmingUp || g.phase == Measuring) }

// nextPhase goes on when the time of one is over.
func (g *generator) nextPhase() {
	switch {
	case g.over:
	case g.phase == WarmingUp:
		g.beginWindow()
		g.phaseTimer.ResetPrecise(g.cfg.Duration)
	case g.phase == Measuring:
		g.endWindow()
		for _, c := range g.active() {
			c.drain()
		}
		g.settle()
	}
}

// echo counts a message that came back.
func (g *generator) echo(began, now moment) {
	g.total.Echoes++
	switch {
	case g.schedule != nil:
		if began >= g.windowStart && began < g.windowEnd {
			g.latency.record(now - began)
		}
	case g.phase == Measuring:
		g.latency.record(now - began)
		g.window.area += now - began
	}
}

// lose counts a datagram that did not come back in time.
func (g *generator) lose(began, now moment) {
	g.total.Lost++
	switch {
	case g.schedule != nil:
		if began >= g.windowStart && began < g.windowEnd {
			g.window.lost++
		}
	case g.phase == Measuring:
		g.window.area += now - began
	}
}

// settle ends the run when everything has come back that is to.
func (g *generator) settle() {
	if g.phase != Draining || g.finishing || g.over || g.total.Sent != g.total.Echoes+g.total.Lost {
		return
	}
	g.finishing = true
	if len(g.clients) == 0 {
		g.finish()
		return
	}
	g.graceTimer.Reset(grace(g.cfg.Timeout))
	for _, c := range g.clients {
		c.finish()
	}
}

// closed hears that a client is closed.
func (g *generator) closed() {
	if g.left--; g.left == 0 {
		g.finish()
	}
}

// finish ends the run.
func (g *generator) finish() {
	if !g.over {
		g.over = true
		close(g.done)
	}
}

// fail ends the run with an error; the first one is the run's.
func (g *generator) fail(f *Failure) {
	g.errors[f.Kind]++
	if g.over {
		return
	}
	g.failure = f
	g.finish()
	if g.phase == Measuring {
		g.endWindow()
	}
}

// late counts what else failed when the run was over already, but for what its own end did.
func (g *generator) late(op *ops.Op, conn int) {
	if err := op.Err(); err != nil && op.SocketError() != ops.OperationAborted {
		g.errors[failure(conn, g.cfg.Address, err).Kind]++
	}
}

// Of the search for answers that take too long: so many times in a timeout, within limits.
const (
	sweepsPerTimeout = 8
	minSweep         = 5 * time.Millisecond
	maxSweep         = time.Second
)

func (g *generator) sweepInterval() time.Duration {
	return min(max(g.cfg.Timeout/sweepsPerTimeout, minSweep), maxSweep)
}

// sweep looks for answers that take too long. When it comes late itself, the generator had no CPU, and what has come
// meanwhile is still to be seen: then it looks the next time.
func (g *generator) sweep() {
	now := g.now()
	stalled := now-g.swept > 2*g.sweepInterval()
	g.swept = now
	for _, c := range g.clients {
		if g.over || g.finishing {
			return
		}
		if stalled {
			break
		}
		c.expire(now)
	}
	g.sweepTimer.Reset(g.sweepInterval())
}

// report tells how far the run is, to whoever is not busy with the last report.
func (g *generator) report() {
	if g.over {
		return
	}
	p := Progress{
		Phase:     g.phase,
		Whole:     g.cfg.Warmup + g.cfg.Duration,
		Connected: g.there,
		Echoes:    g.total.Echoes,
		Lost:      g.total.Lost,
	}
	if g.phase != Connecting {
		p.Elapsed = min(g.now()-g.loadAt, p.Whole)
	}
	select {
	case g.progress <- p:
	default:
	}
	g.progressTimer.Reset(progressInterval)
}

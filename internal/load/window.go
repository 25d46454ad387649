package load

// window is what is noted at both ends of the time that is measured.
type window struct {
	opened Counts // all counts when it began
	closed Counts // and when it ended
	area   moment // time that messages were on their way in it, summed up
	echoes uint64 // as the clients count them
	lost   uint64 // of the messages that an open loop should have sent in it
	usage  [2]usage
	server [2]*processSample
}

// beginWindow begins to measure.
func (g *generator) beginWindow() {
	w := &g.window
	w.server[0] = g.sampleServer()
	w.usage[0] = g.usage()
	now := g.now()
	for _, c := range g.active() {
		w.area -= c.beginWindow(now)
	}
	w.opened = g.total
	g.phase = Measuring
	g.windowStart = now
}

// endWindow ends the measuring.
func (g *generator) endWindow() {
	now := g.now()
	if g.schedule != nil {
		g.endSchedule(now)
		if g.phase != Measuring {
			return // one of the last sends has failed, and ended it
		}
	}
	w := &g.window
	g.phase, g.stopped = Draining, now
	w.closed = g.total
	for _, c := range g.active() {
		ages, echoes := c.endWindow(now)
		w.area += ages
		w.echoes += echoes
	}
	w.usage[1] = g.usage()
	w.server[1] = g.sampleServer()
}

// endSchedule sends what was due by now and was only waiting for this turn, and gives up what nobody is ready for. The
// window ends here for the schedule, too, and not when it was planned to: timers come late, and what was to be sent,
// was sent and came back must be of the same time.
func (g *generator) endSchedule(now moment) {
	g.windowEnd = now
	for g.pace(now) == 0 {
	}
	g.schedule.giveUp(g.windowStart, g.windowEnd)
}

// seconds is how long it was.
func (g *generator) seconds() float64 {
	if g.stopped == 0 {
		return 0
	}
	return (g.stopped - g.windowStart).Seconds()
}

// minus is what was counted since.
func (c Counts) minus(before Counts) Counts {
	return Counts{
		Sent:          c.Sent - before.Sent,
		Echoes:        c.Echoes - before.Echoes,
		BytesSent:     c.BytesSent - before.BytesSent,
		BytesReceived: c.BytesReceived - before.BytesReceived,
		Connects:      c.Connects - before.Connects,
		Lost:          c.Lost - before.Lost,
		Strays:        c.Strays - before.Strays,
	}
}

package load

import "time"

// readsPerSecond is in how many pieces a slow reader takes what it reads in a second.
const readsPerSecond = 10

// maxRead is the most bytes that are received into a connection's own memory at once.
const maxRead = 64 << 10

// drainMemory is what all slow readers together receive into while they are slow no longer.
const drainMemory = 64 << 20

// slowReader is a connection that sends all it can and reads little: the server has to keep the rest, or push back.
type slowReader struct {
	*connection
}

func newSlowReader(g *generator, id int) slowReader {
	c := newConnection(g, id)
	c.own = make([]byte, min(max(g.cfg.ReadRate/readsPerSecond, 1), maxRead))
	c.pause = g.port.NewTimer(c.resume)
	c.listen = c.listenSlowly
	return slowReader{c}
}

// drain makes it a fast reader: what is on its way may be all that fits into the sockets of both sides.
func (r slowReader) drain() {
	r.own = make([]byte, max(min(drainMemory/r.g.cfg.Conns, maxRead), len(r.own))) // a receive may have the one before
	if r.pausing {
		r.pause.Stop()
		r.resume()
	}
}

// listenSlowly receives again once as much time has passed as the bytes of the last receive may take.
func (c *connection) listenSlowly() {
	if !c.g.sends() { // before there is a load, and once everything is only to come back
		c.listenOwn()
		return
	}
	c.pausing = true
	c.pause.Reset(time.Duration(float64(c.op.BytesTransferred()) / float64(c.g.cfg.ReadRate) * float64(time.Second)))
}

// resume ends the pause.
func (c *connection) resume() {
	if c.g.over || !c.pausing {
		return
	}
	c.pausing = false
	c.since = c.g.now()
	c.listenOwn()
}

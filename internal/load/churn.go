package load

// churner is a client that connects for each message. A message begins with the connect.
type churner struct {
	*connection
}

func newChurner(g *generator, id int) churner {
	c := churner{newConnection(g, id)}
	c.own = make([]byte, min(g.cfg.Size+1, maxRead)) // a byte too many would show
	c.connection.listen = c.listenOwn
	c.opened = func(moment) { c.post() }
	c.echoed = c.again
	return c
}

// open has nothing to do before the load begins.
func (c churner) open() { c.g.connected() }

// pump begins the first round.
func (c churner) pump(now moment) {
	if c.g.sends() {
		c.begin(now)
		c.connection.open()
	}
}

// again closes the connection and begins the next round. Everything has come back, so the close is an orderly one.
func (c churner) again(now moment) {
	_ = c.socket.Close()
	c.socket = nil
	c.pump(now)
}

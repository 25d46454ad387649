package server

import "github.com/ringport/ringport/ops"

// respond makes the shard answer what arrives at a socket. Called before the server is served, by any goroutine.
func (sh *shard) respond(socket *ops.Socket, b *bound) {
	if sh.guard == nil {
		sh.guard = newGuard(sh.server.cfg.Datagrams, sh.server.totals.Load())
	}
	sh.responders = append(sh.responders, newResponder(sh, socket, b.String()))
}

// startResponders begins to receive datagrams, once it is known what else the server listens on.
func (sh *shard) startResponders() {
	if len(sh.responders) == 0 {
		return
	}
	sh.guard.own = portsOf(sh.server.Addrs())
	most := max(sh.server.cfg.Buffers/2/len(sh.responders), 1)
	for _, r := range sh.responders {
		r.most = most
		r.start()
	}
}

// drainResponders ends the receiving of datagrams.
func (sh *shard) drainResponders() {
	for _, r := range sh.responders {
		r.drain()
	}
}

// cutResponders ends everything about datagrams at once.
func (sh *shard) cutResponders() {
	for _, r := range sh.responders {
		r.cut()
	}
}

// responding tells whether a responder has not come to its end yet.
func (sh *shard) responding() bool {
	for _, r := range sh.responders {
		if !r.closed {
			return true
		}
	}
	return false
}

// relimitDatagrams takes other rates.
func (sh *shard) relimitDatagrams() {
	if sh.guard != nil {
		sh.guard.limit(sh.limits.datagrams, sh.server.totals.Load())
	}
}

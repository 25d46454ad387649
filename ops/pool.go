package ops

import "sync"

// Pool is a fixed stock of ops, last in, first out, as the SocketAsyncEventArgsPool of .NET's sample server. Its
// methods may be called from any goroutine.
type Pool struct {
	mu   sync.Mutex
	ops  []*Op
	size int
}

// NewPool makes a pool with n ops that call completed. It panics when n is negative.
func NewPool(n int, completed func(*Op)) *Pool {
	if n < 0 {
		panic("ops: a pool of a negative number of ops")
	}
	p := &Pool{ops: make([]*Op, n), size: n}
	for i := range p.ops {
		p.ops[i] = NewOp(completed)
		p.ops[i].pooled.Store(true)
	}
	return p
}

// Get takes an op out. It is false when none is left: the caller waits or refuses, the pool does not grow.
func (p *Pool) Get() (*Op, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.ops) - 1
	if last < 0 {
		return nil, false
	}
	op := p.ops[last]
	p.ops[last] = nil
	p.ops = p.ops[:last]
	op.pooled.Store(false)
	return op, true
}

// Put gives an op back, idle. A leased buffer that it still holds is released. It panics when op is nil, in flight, or
// in a pool already, or when the pool has all its ops: whatever was put twice would serve two connections.
func (p *Pool) Put(op *Op) {
	op.configure("put into the pool")
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.ops) == p.size {
		panic("ops: the pool is full; an op was put back twice, or is another pool's")
	}
	if !op.pooled.CompareAndSwap(false, true) {
		panic("ops: the op is in a pool already; it was put back twice")
	}
	op.dropLease()
	p.ops = append(p.ops, op)
}

// Len is the number of ops in the pool.
func (p *Pool) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.ops)
}

package main

import "github.com/ringport/ringport/ops"

// semaphore counts the clients that may still be accepted. The sample's blocks the thread that accepts; on a port that
// thread also completes everything else, the departure of a client included, so it would wait for itself. This one
// parks the accept instead.
type semaphore struct {
	free   int
	parked *ops.Op // the accept that waits for a permit
}

// acquire takes a permit for an accept. When none is free it parks the accept and is false.
func (m *semaphore) acquire(accept *ops.Op) bool {
	if m.free == 0 {
		m.parked = accept
		return false
	}
	m.free--
	return true
}

// release gives a permit back. The accept that was parked for one comes with it: the caller starts it again.
func (m *semaphore) release() (parked *ops.Op) {
	m.free++
	return m.unpark()
}

// unpark takes out the accept that waits, if one does.
func (m *semaphore) unpark() *ops.Op {
	parked := m.parked
	m.parked = nil
	return parked
}

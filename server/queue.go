package server

import "time"

// chunkSize is how much of a queue is one send: small enough to see progress, large enough to be cheap.
const chunkSize = 64 << 10

// queue holds the bytes of a session that the kernel did not take at once. One half is being sent while the other
// fills, so that memory the kernel reads does not move. A nil queue is empty.
type queue struct {
	draining []byte
	sent     int // bytes of draining that are gone
	filling  []byte
	inFlight bool // a chunk of draining is being sent

	progress time.Duration // when the kernel took bytes last
	place    int           // among the shard's blocked sessions
}

// size is the number of bytes in the queue.
func (q *queue) size() int {
	if q == nil {
		return 0
	}
	return len(q.draining) - q.sent + len(q.filling)
}

func (q *queue) push(b []byte) { q.filling = append(q.filling, b...) }

// chunk gives the bytes to send next.
func (q *queue) chunk() []byte {
	if q.sent == len(q.draining) {
		q.draining, q.filling, q.sent = q.filling, q.draining[:0], 0
	}
	rest := q.draining[q.sent:]
	return rest[:min(len(rest), chunkSize)]
}

// advance drops n bytes that were sent from the front.
func (q *queue) advance(n int) { q.sent += n }

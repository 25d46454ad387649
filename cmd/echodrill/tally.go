package main

import (
	"fmt"
	"sync"
	"time"
)

// tally is what honest clients counted, all of them together.
type tally struct {
	clients int // that are to be served

	mu      sync.Mutex
	served  int           // clients that had their first echo
	echoes  int           // blocks that came back
	broken  int           // connections that the service ended
	longest time.Duration // the longest wait for an echo
}

// witness is what one of the clients counts.
type witness struct {
	*tally
	echoes int
}

// echoed counts an echo. The last client to have its first one says so, for whoever waits to begin a fault.
func (w *witness) echoed(wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tally.echoes++
	w.longest = max(w.longest, wait)
	if w.echoes++; w.echoes > 1 {
		return
	}
	if w.served++; w.served == w.clients {
		fmt.Printf("served: all of %d clients\n", w.clients)
	}
}

// ended counts a connection that the service ended.
func (t *tally) ended() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.broken++
}

// report is the line that tells of it.
func (t *tally) report() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	line := fmt.Sprintf("%d echoes checked, the longest took %v", t.echoes, t.longest.Round(time.Millisecond))
	if t.broken > 0 {
		line += fmt.Sprintf(", %d connections broke and were made again", t.broken)
	}
	return line
}

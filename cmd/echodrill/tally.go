package main

import (
	"fmt"
	"sync"
	"time"
)

// tally is what honest clients counted, all of them together.
type tally struct {
	mu      sync.Mutex
	echoes  int           // blocks that came back
	broken  int           // connections that the service ended
	longest time.Duration // the longest wait for an echo
}

func (t *tally) echoed(wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.echoes++
	t.longest = max(t.longest, wait)
}

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

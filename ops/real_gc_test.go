package ops_test

import "runtime"

// garbage keeps what collectGarbage allocates from being optimized away.
var garbage [64][]byte

// collectGarbage runs one collection after the other, and allocates in between, until it is stopped.
func collectGarbage(stop <-chan struct{}) (stopped <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				garbage[i%len(garbage)] = make([]byte, 1<<16)
				runtime.GC()
			}
		}
	}()
	return done
}

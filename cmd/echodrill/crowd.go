package main

import (
	"context"
	"sync"
)

// crowd runs so many clients at the same time. The first that fails ends the others, and its error is the crowd's.
func crowd(ctx context.Context, count int, client func(ctx context.Context) error) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	var all sync.WaitGroup
	var mu sync.Mutex
	var first error
	for range count {
		all.Go(func() {
			if err := client(ctx); err != nil {
				mu.Lock()
				if first == nil {
					first = err
				}
				mu.Unlock()
				end(err)
			}
		})
	}
	all.Wait()
	return first
}

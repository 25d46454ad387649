package bufring_test

import (
	"bytes"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/bufring"
)

// The owner leases and posts while users release on other goroutines; it sleeps only while it is starved, so a
// lost wake-up hangs the test.
func TestBuffersMayBeReleasedFromAnywhere(t *testing.T) {
	const (
		users  = 4
		rounds = 5000
	)
	woken := make(chan struct{}, 1)
	wake := func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	}
	g, k := newGroup(t, bufring.Config{Buffers: 8, Size: 64, Posted: 4}, wake)
	leases := make(chan lease)
	done := make(chan uint16, 8)
	var torn atomic.Int64
	var working sync.WaitGroup
	for range users {
		working.Go(func() {
			for l := range leases {
				if !bytes.Equal(stamped(l.stamp, 64), l.buffer.Bytes()) {
					torn.Add(1)
				}
				done <- l.id // before it can be posted again; the owner reads it before it publishes
				l.buffer.Release()
			}
		})
	}
	for stamp := range uint64(rounds) {
		id, ok := k.receive(stamped(stamp, 64))
		for !ok {
			g.SetStarved(true)
			publish(g, k, done)
			if k.posted() == 0 {
				<-woken
			}
			g.SetStarved(false)
			id, ok = k.receive(stamped(stamp, 64))
		}
		leases <- lease{id: id, stamp: stamp, buffer: g.Lease(id, 64)}
		publish(g, k, done)
		s := g.Stats()
		require.Equal(t, s.Buffers, s.Posted+s.Leased+s.Spare)
	}
	close(leases)
	working.Wait()
	require.Zero(t, torn.Load(), "a buffer changed while it was leased")
	require.Equal(t, uint64(rounds), g.Stats().Leases)
	publish(g, k, done)
}

// publish tells the kernel first which buffers it may see again. A user announces a buffer before it releases it,
// so that what Publish finds was announced, but not always the other way round.
func publish(g *bufring.Group, k *kernel, done <-chan uint16) {
	g.Publish()
	for {
		select {
		case id := <-done:
			k.released(id)
			continue
		default:
		}
		break
	}
	k.read()
}

// The last release and Close meet on different goroutines; whoever is last unmaps, once.
func TestCloseMeetsTheLastRelease(t *testing.T) {
	for range 200 {
		cfg := bufring.Config{Buffers: 4, Size: 64, Posted: 4}
		k := newKernel(t, cfg)
		g, err := bufring.New(k, cfg, nil)
		require.NoError(t, err)
		k.read()
		var released sync.WaitGroup
		for range 3 {
			id, _ := k.take()
			b := g.Lease(id, 1)
			released.Go(b.Release)
		}
		require.NoError(t, g.Close())
		released.Wait()
		require.False(t, g.Mapped())
		require.Equal(t, 4, g.Stats().Spare)
	}
}

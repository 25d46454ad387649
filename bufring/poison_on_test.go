//go:build ringdebug

package bufring_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/bufring"
)

func TestAReleasedBufferIsPoisoned(t *testing.T) {
	g, k := newGroup(t, bufring.Config{Buffers: 3, Size: 64, Posted: 3}, nil)
	neighbour, _ := k.receive(stamped(1, 64))
	id, _ := k.receive(stamped(2, 64))
	kept := g.Lease(neighbour, 64)
	b := g.Lease(id, 64)
	data := b.Bytes()
	b.Skip(60).Release()
	require.Equal(t, bytes.Repeat([]byte{bufring.Poison}, 64), data, "all of it, though only four bytes were left")
	require.Equal(t, stamped(1, 64), kept.Bytes(), "and nothing beside it")
	kept.Release()
}

func TestALeasedBufferIsNotPoisoned(t *testing.T) {
	g, k := newGroup(t, bufring.Config{Buffers: 1, Size: 64, Posted: 1}, nil)
	for stamp := range uint64(3) {
		id, _ := k.receive(stamped(stamp, 64))
		b := g.Lease(id, 64)
		require.Equal(t, stamped(stamp, 64), b.Bytes())
		b.Release()
		k.released(id)
		g.Publish()
	}
}

package server_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/server"
)

func TestAQueueGivesEveryByteOnceAndInOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var q server.Queue
	var in, out []byte
	var inFlight, asGiven []byte
	for range 20_000 {
		switch random.IntN(3) {
		case 0:
			piece := make([]byte, random.IntN(2000))
			for i := range piece {
				piece[i] = byte(random.Uint32())
			}
			in = append(in, piece...)
			q.Push(piece)
		case 1:
			if inFlight == nil && q.Size() > 0 {
				inFlight = q.Chunk()
				asGiven = bytes.Clone(inFlight)
				require.NotEmpty(t, inFlight)
				require.LessOrEqual(t, len(inFlight), server.ChunkSize)
			}
		case 2:
			require.Equal(t, asGiven, inFlight, "what is being sent does not move")
			n := len(inFlight)
			if n > 0 && random.IntN(10) == 0 {
				n = random.IntN(n) // a send that failed on the way
			}
			out = append(out, inFlight[:n]...)
			q.Advance(n)
			inFlight, asGiven = nil, nil
		}
		require.Equal(t, len(in)-len(out), q.Size())
	}
	for q.Size() > 0 {
		chunk := q.Chunk()
		out = append(out, chunk...)
		q.Advance(len(chunk))
	}
	require.True(t, bytes.Equal(in, out))
}

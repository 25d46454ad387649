package ops

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestATokenIsNeitherZeroNorMarked(t *testing.T) {
	for k := kindNone + 1; k < kindCount; k++ {
		require.NotZero(t, newToken(0, 0, k), "0 stands for no request")
		last := newToken(maxSlots-1, generationMask, k)
		require.Zero(t, last&stopMark, "the mark of a cancelled accept must not be part of a token")
		require.EqualValues(t, maxSlots-1, last.slot())
	}
}

func TestAGenerationStartsAgainAtItsEnd(t *testing.T) {
	require.Equal(t, newToken(5, 3, kindSend), newToken(5, 3+generationMask+1, kindSend))
	require.NotEqual(t, newToken(5, 3, kindSend), newToken(5, 3, kindReceive))
}

// FuzzToken holds that a token gives back what went into it, and that the table finds the request of a token until it
// is released, and nothing for any other number.
func FuzzToken(f *testing.F) {
	f.Add(uint32(0), uint32(0), uint8(kindWake), uint64(0))
	f.Add(uint32(maxSlots-1), uint32(generationMask), uint8(kindClose), uint64(stopMark))
	f.Add(uint32(7), uint32(generationMask+1), uint8(kindReceive), ^uint64(0))
	f.Fuzz(func(t *testing.T, at, generation uint32, number uint8, other uint64) {
		k := kind(number)
		tok := newToken(at, generation, k)
		require.Equal(t, at, tok.slot())
		require.Equal(t, generation&generationMask, tok.generation())
		require.Equal(t, k, tok.kind())
		if k == kindNone {
			return
		}
		table := tableOf(at%4, generation)
		tok = table.take(nil, k)
		require.NotNil(t, table.find(tok))
		if token(other) != tok {
			require.Nil(t, table.find(token(other)))
		}
		table.release(token(other))
		table.release(tok)
		require.Nil(t, table.find(tok))
		table.release(tok)
		require.Zero(t, table.taken)
		require.NotEqual(t, tok, table.take(nil, k), "the next request of the slot has another token")
	})
}

// tableOf gives an empty table whose next slot is the given one, in the given generation.
func tableOf(at, generation uint32) slotTable {
	table := newSlotTable()
	tokens := make([]token, at+1)
	for i := range tokens {
		tokens[i] = table.take(nil, kindWake)
	}
	for _, tok := range tokens {
		table.release(tok)
	}
	table.slots[at].generation = generation & generationMask
	return table
}

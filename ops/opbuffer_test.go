package ops

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/uring"
)

func TestABufferIsGivenBackAsItWasSet(t *testing.T) {
	op := new(Op)
	require.Nil(t, op.Buffer())
	whole := make([]byte, 10, 20)
	op.SetBuffer(whole[2:5:7])
	require.Equal(t, unsafe.SliceData(whole[2:]), unsafe.SliceData(op.Buffer()))
	require.Len(t, op.Buffer(), 3)
	require.Equal(t, 5, cap(op.Buffer()))
	op.showOwn(2)
	require.Len(t, op.Bytes(), 2)
	require.Equal(t, 2, cap(op.Bytes()), "an append to the data must not write behind it")
	require.Len(t, op.Buffer(), 3, "the library does not change it")
}

func TestNilClearsAndEmptyDoesNot(t *testing.T) {
	op := new(Op)
	op.SetBuffer([]byte{})
	require.True(t, op.ownsMemory())
	require.True(t, op.wantsNothing())
	op.SetBuffer(nil)
	require.False(t, op.ownsMemory())
	op.SetBufferList([][]byte{nil, {}})
	require.True(t, op.wantsNothing(), "two pieces of nothing")
	op.SetBufferList([][]byte{})
	require.False(t, op.ownsMemory(), "an empty list is none")
	op.SetBufferList([][]byte{{1}})
	op.SetBufferList(nil)
	require.Nil(t, op.BufferList())
}

func TestAListIsUsedAsItWasWhenItWasSet(t *testing.T) {
	op := new(Op)
	list := [][]byte{make([]byte, 3), make([]byte, 4)}
	op.SetBufferList(list)
	list[0], list[1] = nil, make([]byte, 100)
	require.Equal(t, 7, op.size())
	require.Equal(t, unsafe.SliceData(list), unsafe.SliceData(op.BufferList()), "the user's own list comes back")
	op.SetBufferList(list)
	require.Equal(t, 100, op.size())
}

func TestBothKindsOfMemoryAreRefused(t *testing.T) {
	op := &Op{last: Send}
	op.SetBuffer([]byte{1})
	require.NoError(t, op.checkMemory(errBothBuffers))
	op.SetBufferList([][]byte{{1}})
	err := op.checkMemory(errBothBuffers)
	require.ErrorIs(t, err, ErrArgument)
	require.EqualError(t, err, "ops: send: both a buffer and a buffer list are set; clear one with nil")
	op.SetBuffer(nil)
	require.NoError(t, op.checkMemory(errBothBuffers))
}

// TestMemoryIsAddressedByTheByte copies into an op's pieces, and sends from them, at every position.
func TestMemoryIsAddressedByTheByte(t *testing.T) {
	random := rand.New(rand.NewPCG(13, 14))
	for range 300 {
		op, whole := opOf(random)
		skip := random.IntN(len(whole) + 1)
		data := stream(skip, random.IntN(60))
		n := op.copyIn(skip, data)
		require.Equal(t, min(len(data), len(whole)-skip), n)
		require.Equal(t, data[:n], whole[skip:skip+n])

		op.bytes = skip
		var sent [][]byte
		var one [1][]byte
		left := skip
		for _, piece := range op.pieces(&one) {
			if left < len(piece) {
				sent = append(sent, piece[left:])
			}
			left = max(left-len(piece), 0)
		}
		require.Equal(t, len(sent), op.restPieces())
		if len(sent) > 0 {
			require.Equal(t, sent[0], op.rest())
		} else {
			require.Empty(t, op.rest())
		}
		requireRest(t, op, sent, random.IntN(len(sent)+2))
	}
}

// opOf gives an op with memory in one or several pieces, some of them empty, and the memory as a whole.
func opOf(random *rand.Rand) (*Op, []byte) {
	op, whole := new(Op), make([]byte, random.IntN(50))
	if random.IntN(4) == 0 {
		op.SetBuffer(whole)
	} else {
		op.SetBufferList(cut(whole, 1+random.IntN(6)))
	}
	return op, whole
}

// requireRest holds what appendRest says that it appended.
func requireRest(t *testing.T, op *Op, sent [][]byte, limit int) {
	t.Helper()
	m := uring.NewArena(1, len(sent)+1).Message(len(sent) + 1)
	n, bytes := op.appendRest(m, limit)
	require.Equal(t, min(limit, len(sent)), n)
	want := 0
	for _, piece := range sent[:n] {
		want += len(piece)
	}
	require.Equal(t, want, bytes)
}

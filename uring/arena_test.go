package uring_test

import (
	"bytes"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/uring"
)

func TestSendMsgGathersThePieces(t *testing.T) {
	ring := newRing(t)
	near, far := socketPair(t)
	arena := uring.NewArena(2, 8)
	for _, pieces := range [][]string{{"one"}, {"gather", "ed ", "", "from ", "pieces"}} {
		message := arena.Message(len(pieces))
		for _, piece := range pieces {
			message.Append([]byte(piece))
		}
		ring.NextSQE().PrepSendMsg(near, message, unix.MSG_WAITALL, 1)
		want := strings.Join(pieces, "")
		require.EqualValues(t, len(want), one(t, ring).Res)
		require.Equal(t, want, read(t, far, 64))
	}
}

func TestRecvMsgScattersOverThePieces(t *testing.T) {
	ring := newRing(t)
	near, far := socketPair(t)
	arena := uring.NewArena(1, 2)
	message := arena.Message(2)
	first, second := make([]byte, 4), make([]byte, 8)
	message.Append(first)
	message.Append(second)
	ring.NextSQE().PrepRecvMsg(near, message, 0, 1)
	require.NoError(t, ring.Enter(0, 0))
	require.Zero(t, ring.Ready())
	write(t, far, "0123456789")
	require.EqualValues(t, 10, one(t, ring).Res)
	require.Equal(t, "0123", string(first))
	require.Equal(t, "456789\x00\x00", string(second))
	runtime.KeepAlive(arena)
}

func TestTheArenaMayBeReusedOnceSubmitted(t *testing.T) {
	ring := newRing(t)
	near, far := socketPair(t)
	require.NoError(t, unix.SetsockoptInt(near, unix.SOL_SOCKET, unix.SO_SNDBUF, 4096))
	arena := uring.NewArena(1, 2)
	data := bytes.Repeat([]byte("0123456789"), 20_000)
	message := arena.Message(2)
	message.Append(data[:50_000])
	message.Append(data[50_000:])
	ring.NextSQE().PrepSendMsg(near, message, unix.MSG_WAITALL, 1)
	require.NoError(t, ring.Enter(0, 0))
	require.Zero(t, ring.Ready(), "the socket does not take it all at once")

	arena.Reset()
	other := arena.Message(2)
	other.Append([]byte("these are other bytes"))

	var got []byte
	for len(got) < len(data) {
		got = append(got, read(t, far, 1<<16)...)
		require.NoError(t, ring.Enter(0, 0))
	}
	require.True(t, bytes.Equal(data, got))
	require.EqualValues(t, len(data), one(t, ring).Res)
}

func TestAnArenaLendsOnlyWhatItHas(t *testing.T) {
	arena := uring.NewArena(3, 5)
	for range 2 {
		require.NotNil(t, arena.Message(2))
		require.Nil(t, arena.Message(4), "three pieces are left")
		require.NotNil(t, arena.Message(3))
		require.Nil(t, arena.Message(1), "no piece is left")
		require.NotNil(t, arena.Message(0), "but a message is")
		require.Nil(t, arena.Message(0))
		arena.Reset()
	}
	require.Equal(t, 5, arena.Pieces())
	large := uring.NewArena(2, 2*uring.MaxVector)
	require.Nil(t, large.Message(uring.MaxVector+1), "the kernel takes no longer vector")
	require.NotNil(t, large.Message(uring.MaxVector))
}

func TestMessagesOfAnArenaDoNotMix(t *testing.T) {
	near, far := socketPair(t)
	arena := uring.NewArena(2, 3)
	first, second := arena.Message(1), arena.Message(2)
	second.Append([]byte("second"))
	first.Append([]byte("first"))
	first.Append([]byte(" and more than it asked for"))
	second.Append([]byte(" message"))
	for _, step := range []struct {
		message *uring.Message
		want    string
	}{{first, "first and more than it asked for"}, {second, "second message"}} {
		n, errno := step.message.Send(near)
		require.Zero(t, errno)
		require.Equal(t, len(step.want), n)
		require.Equal(t, step.want, read(t, far, 64))
	}
}

func TestALongVectorIsSentWhole(t *testing.T) {
	ring := newRing(t)
	near, far := socketPair(t)
	arena := uring.NewArena(1, uring.MaxVector)
	message := arena.Message(uring.MaxVector)
	for range uring.MaxVector {
		message.Append([]byte("xy"))
	}
	ring.NextSQE().PrepSendMsg(near, message, unix.MSG_WAITALL, 1)
	require.EqualValues(t, 2*uring.MaxVector, one(t, ring).Res)
	require.Equal(t, strings.Repeat("xy", uring.MaxVector), read(t, far, 1<<16))
}

func TestSendOnTheSpotTakesWhatFits(t *testing.T) {
	near, far := socketPair(t)
	arena := uring.NewArena(1, 1)
	piece := make([]byte, 1<<20)
	message := arena.Message(1)
	message.Append(piece)
	n, errno := message.Send(near)
	require.Zero(t, errno)
	require.Positive(t, n)
	require.Less(t, n, len(piece), "a part of it")
	n, errno = message.Send(near)
	require.Equal(t, syscall.EAGAIN, errno, "now there is no room at all")
	require.Zero(t, n)
	n, errno = uring.SendNow(near, piece)
	require.Equal(t, syscall.EAGAIN, errno)
	require.Zero(t, n)
	require.NoError(t, unix.Close(far))
	_, errno = message.Send(near)
	require.Equal(t, syscall.EPIPE, errno, "without a signal")
	_, errno = uring.SendNow(near, piece)
	require.Equal(t, syscall.EPIPE, errno)
}

func TestSendNowSendsTheBuffer(t *testing.T) {
	near, far := socketPair(t)
	n, errno := uring.SendNow(near, []byte("at once"))
	require.Zero(t, errno)
	require.Equal(t, 7, n)
	require.Equal(t, "at once", read(t, far, 64))
	n, errno = uring.SendNow(near, nil)
	require.Zero(t, errno)
	require.Zero(t, n)
}

func TestAnArenaKeepsWhatItsMessagesName(t *testing.T) {
	ring := newRing(t)
	near, far := socketPair(t)
	arena := uring.NewArena(1, 1)
	message := arena.Message(1)
	message.Append([]byte(strings.Repeat("k", 4096))) // nobody else knows these bytes
	ring.NextSQE().PrepSendMsg(near, message, unix.MSG_WAITALL, 1)
	garbage(t)
	require.EqualValues(t, 4096, one(t, ring).Res)
	require.Equal(t, strings.Repeat("k", 4096), read(t, far, 8192))
	runtime.KeepAlive(arena)
}

// garbage makes the collector free what is unreachable, and fills what it freed.
func garbage(t *testing.T) {
	t.Helper()
	runtime.GC()
	var kept [][]byte
	for range 2000 {
		kept = append(kept, bytes.Repeat([]byte{0xdb}, 4096))
	}
	require.Len(t, kept, 2000)
}

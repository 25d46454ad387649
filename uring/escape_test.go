package uring_test

import (
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/uring"
)

// These tests prepare requests with memory that the compiler would keep on the stack if it saw only this code, and
// then make the stack move. They run on their own goroutines, whose stacks are small at first.

func TestMemoryOfARecvDoesNotMoveWithTheStack(t *testing.T) {
	ring := ringtest.NewRing(t, uring.Config{Entries: 8, CQEntries: 8})
	near, far := socketPair(t)
	var buf, other [16]byte
	before, otherBefore := addressOf(&buf), addressOf(&other)
	ring.NextSQE().PrepRecv(near, buf[:], 0, 1)
	require.NoError(t, ring.Enter(0, 0))
	growStack(2000)
	require.NotEqual(t, otherBefore, addressOf(&other), "the stack has moved, or this test shows nothing")
	require.Equal(t, before, addressOf(&buf))
	write(t, far, "to the right spot")
	require.EqualValues(t, 16, one(t, ring).Res)
	require.Equal(t, "to the right spo", string(buf[:]))
	require.Zero(t, other)
}

func TestMemoryOfASendDoesNotMoveWithTheStack(t *testing.T) {
	ring := ringtest.NewRing(t, uring.Config{Entries: 8, CQEntries: 8})
	near, far := socketPair(t)
	var buf [16]byte
	before := addressOf(&buf)
	ring.NextSQE().PrepSend(near, buf[:], 0, 1)
	growStack(2000)
	require.Equal(t, before, addressOf(&buf))
	copy(buf[:], "the latest bytes")
	require.EqualValues(t, 16, one(t, ring).Res)
	require.Equal(t, "the latest bytes", read(t, far, 64))
}

func TestMemoryOfAReadDoesNotMoveWithTheStack(t *testing.T) {
	ring := ringtest.NewRing(t, uring.Config{Entries: 8, CQEntries: 8})
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	require.NoError(t, err)
	defer unix.Close(fd)
	var buf [8]byte
	before := addressOf(&buf)
	ring.NextSQE().PrepRead(fd, buf[:], 0, 1)
	require.NoError(t, ring.Enter(0, 0))
	growStack(2000)
	require.Equal(t, before, addressOf(&buf))
	write(t, fd, "\x05\x00\x00\x00\x00\x00\x00\x00")
	require.EqualValues(t, 8, one(t, ring).Res)
	require.EqualValues(t, 5, buf[0])
}

func TestATimespecDoesNotMoveWithTheStack(t *testing.T) {
	ring := ringtest.NewRing(t, uring.Config{Entries: 8, CQEntries: 8})
	ts := uring.Timespec{Sec: int64(time.Hour / time.Second)}
	before := uintptr(unsafe.Pointer(&ts))
	ring.NextSQE().PrepTimeout(&ts, 1, 1)
	growStack(2000)
	require.Equal(t, before, uintptr(unsafe.Pointer(&ts)))
	nops(ring, 2, 1)
	ends := byToken(t, ring, 2)
	require.Zero(t, ends[1].Res, "the hour was read, not what stood on the stack afterwards")
	require.EqualValues(t, 3600, ts.Sec)
}

//go:noinline
func addressOf[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

// growStack uses so many KiB of stack.
//
//go:noinline
func growStack(depth int) byte {
	var frame [1024]byte
	frame[depth%len(frame)] = 1
	if depth == 0 {
		return frame[0]
	}
	return growStack(depth-1) + frame[depth%len(frame)]
}

package uring_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/uring"
)

// newRing gives a small ring, and looks for descriptors that the test leaves open.
func newRing(t testing.TB) *uring.Ring {
	t.Helper()
	ringtest.Descriptors(t)
	return ringtest.NewRing(t, uring.Config{Entries: 16, CQEntries: 64})
}

// newBuffers gives four buffers of 64 bytes in group 1 of the ring.
func newBuffers(t testing.TB, ring *uring.Ring) *uring.Buffers {
	t.Helper()
	buffers, err := uring.NewBuffers(ring)
	require.NoError(t, err)
	t.Cleanup(buffers.Close)
	return buffers
}

func TestNopCompletesWithItsToken(t *testing.T) {
	ring := newRing(t)
	ring.NextSQE().PrepNop(1<<64 - 1)
	cqe := one(t, ring)
	require.Equal(t, uring.CQE{UserData: 1<<64 - 1}, cqe)
	require.False(t, cqe.More())
	require.Zero(t, cqe.Errno())
}

func TestAcceptGivesADescriptor(t *testing.T) {
	ring := newRing(t)
	listener, address := listen(t)
	ring.NextSQE().PrepAccept(listener, unix.SOCK_CLOEXEC, 1)
	require.NoError(t, ring.Enter(0, 0))
	require.Zero(t, ring.Ready(), "nobody has connected yet")
	client := dial(t, address)
	cqe := one(t, ring)
	require.False(t, cqe.More())
	checkAccepted(t, int(cqe.Res), client.LocalAddr().String())
}

func TestAcceptMultishotGivesADescriptorEachTime(t *testing.T) {
	ring := newRing(t)
	listener, address := listen(t)
	ring.NextSQE().PrepAcceptMultishot(listener, unix.SOCK_CLOEXEC, 1)
	require.NoError(t, ring.Enter(0, 0))
	for range 3 {
		client := dial(t, address)
		cqe := one(t, ring)
		require.EqualValues(t, 1, cqe.UserData)
		require.True(t, cqe.More(), "it stays armed")
		checkAccepted(t, int(cqe.Res), client.LocalAddr().String())
	}
	ring.NextSQE().PrepCancel(1, 2)
	ends := byToken(t, ring, 2)
	require.Zero(t, ends[2].Res)
	last := ends[1]
	require.Equal(t, syscall.ECANCELED, last.Errno())
	require.False(t, last.More())
}

// checkAccepted closes an accepted descriptor after it has checked its peer and its close-on-exec flag.
func checkAccepted(t *testing.T, fd int, client string) {
	t.Helper()
	require.Positive(t, fd)
	peer, err := unix.Getpeername(fd)
	require.NoError(t, err)
	_, port, _ := strings.Cut(client, ":")
	require.Equal(t, port, strconv.Itoa(peer.(*unix.SockaddrInet4).Port))
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	require.NoError(t, err)
	require.Equal(t, unix.FD_CLOEXEC, flags)
	require.NoError(t, unix.Close(fd))
}

func TestRecvFillsTheCallersBuffer(t *testing.T) {
	ring := newRing(t)
	near, far := socketPair(t)
	buf := make([]byte, 8)
	ring.NextSQE().PrepRecv(near, buf, 0, 1)
	require.NoError(t, ring.Enter(0, 0))
	require.Zero(t, ring.Ready())
	write(t, far, "abc")
	require.EqualValues(t, 3, one(t, ring).Res)
	require.Equal(t, "abc\x00\x00\x00\x00\x00", string(buf))

	write(t, far, "0123456789")
	ring.NextSQE().PrepRecv(near, buf, unix.MSG_PEEK, 2)
	require.EqualValues(t, 8, one(t, ring).Res, "no more than fits")
	ring.NextSQE().PrepRecv(near, buf[:4], 0, 3)
	cqe := one(t, ring)
	require.EqualValues(t, 4, cqe.Res)
	require.True(t, cqe.NonEmpty(), "six more bytes wait")
	require.Equal(t, "0123", string(buf[:4]))
}

func TestRecvWithWaitAllIsFull(t *testing.T) {
	ring := newRing(t)
	near, far := socketPair(t)
	buf := make([]byte, 6)
	ring.NextSQE().PrepRecv(near, buf, unix.MSG_WAITALL, 1)
	for _, piece := range []string{"ab", "cd", "ef"} {
		require.NoError(t, ring.Enter(0, 0))
		require.Zero(t, ring.Ready())
		write(t, far, piece)
	}
	require.EqualValues(t, 6, one(t, ring).Res)
	require.Equal(t, "abcdef", string(buf))
}

func TestRecvOfAnEmptyBufferTakesNothing(t *testing.T) {
	ring := newRing(t)
	near, far := socketPair(t)
	write(t, far, "x")
	ring.NextSQE().PrepRecv(near, nil, 0, 1)
	require.Zero(t, one(t, ring).Res)
	require.Equal(t, "x", read(t, near, 1))
}

func TestRecvSelectTakesABufferOfTheGroup(t *testing.T) {
	ring := newRing(t)
	buffers := newBuffers(t, ring)
	near, far := socketPair(t)
	for _, text := range []string{"first", "second"} {
		ring.NextSQE().PrepRecvSelect(near, uring.TrialGroup, 0, 1)
		require.NoError(t, ring.Enter(0, 0))
		write(t, far, text)
		cqe := one(t, ring)
		require.EqualValues(t, len(text), cqe.Res)
		require.False(t, cqe.More())
		id, ok := cqe.Buffer()
		require.True(t, ok)
		require.Equal(t, text, buffers.Take(id, cqe.Res))
	}
}

func TestRecvMultishotGivesABufferEachTime(t *testing.T) {
	receiveMultishot(t, newRing(t))
}

// receiveMultishot receives three times and then the end of the stream, with one request.
func receiveMultishot(t *testing.T, ring *uring.Ring) {
	t.Helper()
	buffers := newBuffers(t, ring)
	near, far := socketPair(t)
	ring.NextSQE().PrepRecvMultishot(near, uring.TrialGroup, 0, 9)
	for _, text := range []string{"one", "two", "three", "four", "five", "six"} {
		require.NoError(t, ring.Enter(0, 0))
		write(t, far, text)
		cqe := one(t, ring)
		require.EqualValues(t, 9, cqe.UserData)
		require.EqualValues(t, len(text), cqe.Res)
		require.True(t, cqe.More())
		id, ok := cqe.Buffer()
		require.True(t, ok)
		require.Equal(t, text, buffers.Take(id, cqe.Res))
	}
	require.NoError(t, unix.Shutdown(far, unix.SHUT_WR))
	cqe := one(t, ring)
	require.Zero(t, cqe.Res, "the end of the stream")
	require.False(t, cqe.More())
}

func TestRecvMultishotEndsWithoutBuffers(t *testing.T) {
	ring := newRing(t)
	newBuffers(t, ring)
	near, far := socketPair(t)
	write(t, far, strings.Repeat("x", uring.TrialEntries*uring.TrialBytes+1))
	ring.NextSQE().PrepRecvMultishot(near, uring.TrialGroup, 0, 1)
	cqes := collect(t, ring, uring.TrialEntries+1)
	for _, cqe := range cqes[:uring.TrialEntries] {
		require.EqualValues(t, uring.TrialBytes, cqe.Res)
		require.True(t, cqe.More())
	}
	last := cqes[uring.TrialEntries]
	require.Equal(t, syscall.ENOBUFS, last.Errno())
	require.False(t, last.More())
	_, ok := last.Buffer()
	require.False(t, ok)
}

func TestRecvMultishotEndsAtItsLimit(t *testing.T) {
	ring := newRing(t)
	if !ring.Features().ReceiveLimit {
		require.False(t, uring.KernelAtLeast(ring.Features().Kernel, "6.18"), "the self-test missed it")
		return // without the feature the limit must be 0, and there is nothing to see
	}
	newBuffers(t, ring)
	near, far := socketPair(t)
	write(t, far, strings.Repeat("x", 4*uring.TrialBytes))
	ring.NextSQE().PrepRecvMultishot(near, uring.TrialGroup, 2*uring.TrialBytes, 1)
	cqes := collect(t, ring, 2)
	require.True(t, cqes[0].More())
	require.False(t, cqes[1].More(), "two buffers are the limit")
	require.EqualValues(t, uring.TrialBytes, cqes[1].Res)
	require.Len(t, read(t, near, 4*uring.TrialBytes), 2*uring.TrialBytes, "the rest was left alone")
}

func TestSendSendsTheCallersBuffer(t *testing.T) {
	ring := newRing(t)
	near, far := socketPair(t)
	buf := []byte("to the far end")
	ring.NextSQE().PrepSend(near, buf, unix.MSG_WAITALL, 1)
	require.EqualValues(t, len(buf), one(t, ring).Res)
	require.Equal(t, string(buf), read(t, far, 64))
}

func TestSendToAClosedPeerIsEPIPEWithoutASignal(t *testing.T) {
	ring := newRing(t)
	near, far := socketPair(t)
	require.NoError(t, unix.Shutdown(far, unix.SHUT_RD))
	buf := []byte("x")
	ring.NextSQE().PrepSend(near, buf, 0, 1)
	cqe := one(t, ring)
	require.Equal(t, syscall.EPIPE, cqe.Errno())
	runtime.KeepAlive(buf)
}

func TestShutdownEndsTheStream(t *testing.T) {
	ring := newRing(t)
	near, far := socketPair(t)
	ring.NextSQE().PrepShutdown(near, unix.SHUT_WR, 1)
	require.Zero(t, one(t, ring).Res)
	require.Empty(t, read(t, far, 1), "the end of the stream")
	write(t, far, "still open")
	require.Equal(t, "still open", read(t, near, 64))
}

func TestCloseClosesTheDescriptor(t *testing.T) {
	ring := newRing(t)
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	require.NoError(t, err)
	ring.NextSQE().PrepClose(fd, 1)
	require.Zero(t, one(t, ring).Res)
	require.ErrorIs(t, unix.Close(fd), syscall.EBADF)
}

func TestCancelEndsTheTarget(t *testing.T) {
	ring := newRing(t)
	near, _ := socketPair(t)
	buf := make([]byte, 1)
	ring.NextSQE().PrepRecv(near, buf, 0, 1)
	ring.NextSQE().PrepCancel(1, 2)
	ends := byToken(t, ring, 2)
	require.EqualValues(t, -int32(syscall.ECANCELED), ends[1].Res)
	require.Zero(t, ends[2].Res)
	runtime.KeepAlive(buf)

	ring.NextSQE().PrepCancel(1, 3)
	cqe := one(t, ring)
	require.Equal(t, syscall.ENOENT, cqe.Errno(), "it is gone already")
}

func TestTimeoutEndsWithETIME(t *testing.T) {
	ring := newRing(t)
	soon := uring.TimespecOf(time.Millisecond)
	ring.NextSQE().PrepTimeout(soon, 0, 1)
	cqe := one(t, ring)
	require.Equal(t, syscall.ETIME, cqe.Errno())
	runtime.KeepAlive(soon)
}

func TestTimeoutEndsWithTheCompletionsItCounts(t *testing.T) {
	ring := newRing(t)
	late := uring.TimespecOf(time.Hour)
	ring.NextSQE().PrepTimeout(late, 2, 1)
	ring.NextSQE().PrepNop(2)
	ring.NextSQE().PrepNop(3)
	ends := byToken(t, ring, 3)
	require.Zero(t, ends[1].Res, "two others came first")
	runtime.KeepAlive(late)
}

func TestTimespecSplitsADuration(t *testing.T) {
	require.Equal(t, &uring.Timespec{Sec: 3, Nsec: 500_000_000}, uring.TimespecOf(3500*time.Millisecond))
	require.Equal(t, &uring.Timespec{Nsec: 1}, uring.TimespecOf(1))
	require.Equal(t, &uring.Timespec{}, uring.TimespecOf(0))
}

func TestPollGivesTheEvents(t *testing.T) {
	ring := newRing(t)
	near, far := socketPair(t)
	ring.NextSQE().PrepPoll(near, unix.POLLIN, 1)
	require.NoError(t, ring.Enter(0, 0))
	require.Zero(t, ring.Ready())
	write(t, far, "x")
	cqe := one(t, ring)
	require.EqualValues(t, unix.POLLIN, cqe.Res)
	require.False(t, cqe.More())

	ring.NextSQE().PrepPoll(near, unix.POLLOUT, 2)
	require.EqualValues(t, unix.POLLOUT, one(t, ring).Res)
}

func TestPollMultishotGivesTheEventsEachTime(t *testing.T) {
	ring := newRing(t)
	near, far := socketPair(t)
	ring.NextSQE().PrepPollMultishot(near, unix.POLLIN, 1)
	require.NoError(t, ring.Enter(0, 0))
	for range 3 {
		write(t, far, "x")
		cqe := one(t, ring)
		require.EqualValues(t, unix.POLLIN, cqe.Res)
		require.True(t, cqe.More())
		require.Equal(t, "x", read(t, near, 1))
	}
}

func TestReadReadsAtAnOffsetOrAtThePosition(t *testing.T) {
	ring := newRing(t)
	name := filepath.Join(t.TempDir(), "digits")
	require.NoError(t, os.WriteFile(name, []byte("0123456789"), 0o600))
	file, err := os.Open(name)
	require.NoError(t, err)
	defer file.Close()
	buf := make([]byte, 4)
	for _, step := range []struct {
		offset int64
		want   string
	}{{6, "6789"}, {-1, "0123"}, {-1, "4567"}, {0, "0123"}, {-1, "89"}, {-1, ""}} {
		ring.NextSQE().PrepRead(int(file.Fd()), buf, step.offset, 1)
		cqe := one(t, ring)
		require.Zero(t, cqe.Errno())
		require.Equal(t, step.want, string(buf[:cqe.Res]))
	}
}

func TestReadWaitsForAnEventfd(t *testing.T) {
	ring := newRing(t)
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	require.NoError(t, err)
	defer unix.Close(fd)
	buf := make([]byte, 8)
	ring.NextSQE().PrepRead(fd, buf, 0, 1)
	require.NoError(t, ring.Enter(0, 0))
	require.Zero(t, ring.Ready())
	write(t, fd, "\x03\x00\x00\x00\x00\x00\x00\x00")
	require.EqualValues(t, 8, one(t, ring).Res)
	require.Equal(t, "\x03\x00\x00\x00\x00\x00\x00\x00", string(buf))
}

func TestAnUnknownOperationFailsInItsCompletion(t *testing.T) {
	ring := newRing(t)
	sqe := ring.NextSQE()
	sqe.PrepNop(1)
	sqe.Opcode = 200
	cqe := one(t, ring)
	require.Equal(t, syscall.EINVAL, cqe.Errno())
}

//go:build giouring

// giouring is a port of liburing by others, and our oracle. It cannot be linked without a flag since Go 1.23, so these
// tests run on demand:
//
//	go test -tags giouring -ldflags=-checklinkname=0 ./uring/

package uring_test

import (
	"reflect"
	"syscall"
	"testing"
	"unsafe"

	"github.com/pawelgaczynski/giouring"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/internal/sys"
	"github.com/ringport/ringport/uring"
)

// theirSQE is giouring's request.
type theirSQE = giouring.SubmissionQueueEntry

func TestGiouringEncodesTheSameBytes(t *testing.T) {
	buf := make([]byte, 300)
	address := uintptr(unsafe.Pointer(&buf[0]))
	m := uring.NewArena(1, 1).Message(1)
	header := (*syscall.Msghdr)(unsafe.Pointer(m))
	ts := uring.TimespecOf(1)
	selects := func(s *theirSQE, group uint16) { // giouring leaves this to its users, as liburing does
		s.Flags |= giouring.SqeBufferSelect
		s.BufIG = group
	}
	tests := []struct {
		name   string
		ours   func(*uring.SQE)
		theirs func(*theirSQE)
	}{
		{"nop", func(s *uring.SQE) { s.PrepNop(token) }, func(s *theirSQE) { s.PrepareNop() }},
		{"accept", func(s *uring.SQE) { s.PrepAccept(5, unix.SOCK_CLOEXEC, token) },
			func(s *theirSQE) { s.PrepareAccept(5, 0, 0, unix.SOCK_CLOEXEC) }},
		{"accept multishot", func(s *uring.SQE) { s.PrepAcceptMultishot(5, unix.SOCK_CLOEXEC, token) },
			func(s *theirSQE) { s.PrepareMultishotAccept(5, 0, 0, unix.SOCK_CLOEXEC) }},
		{"recv", func(s *uring.SQE) { s.PrepRecv(6, buf, unix.MSG_WAITALL, token) },
			func(s *theirSQE) { s.PrepareRecv(6, address, 300, unix.MSG_WAITALL) }},
		{"recv select", func(s *uring.SQE) { s.PrepRecvSelect(6, 513, unix.MSG_PEEK, token) },
			func(s *theirSQE) { s.PrepareRecv(6, 0, 0, unix.MSG_PEEK); selects(s, 513) }},
		{"recv multishot", func(s *uring.SQE) { s.PrepRecvMultishot(6, 513, 0, token) },
			func(s *theirSQE) { s.PrepareRecvMultishot(6, 0, 0, 0); selects(s, 513) }},
		{"send", func(s *uring.SQE) { s.PrepSend(7, buf, unix.MSG_WAITALL|unix.MSG_MORE, token) },
			func(s *theirSQE) { s.PrepareSend(7, address, 300, unix.MSG_WAITALL|unix.MSG_MORE) }},
		{"sendmsg", func(s *uring.SQE) { s.PrepSendMsg(7, m, unix.MSG_DONTWAIT, token) },
			func(s *theirSQE) { s.PrepareSendMsg(7, header, unix.MSG_DONTWAIT) }},
		{"recvmsg", func(s *uring.SQE) { s.PrepRecvMsg(7, m, unix.MSG_PEEK, token) },
			func(s *theirSQE) { s.PrepareRecvMsg(7, header, unix.MSG_PEEK) }},
		{"shutdown", func(s *uring.SQE) { s.PrepShutdown(8, unix.SHUT_RDWR, token) },
			func(s *theirSQE) { s.PrepareShutdown(8, unix.SHUT_RDWR) }},
		{"close", func(s *uring.SQE) { s.PrepClose(9, token) }, func(s *theirSQE) { s.PrepareClose(9) }},
		{"cancel", func(s *uring.SQE) { s.PrepCancel(1<<63+5, token) },
			func(s *theirSQE) { s.PrepareCancel64(1<<63+5, 0) }},
		{"poll", func(s *uring.SQE) { s.PrepPoll(10, unix.POLLIN|unix.POLLRDHUP, token) },
			func(s *theirSQE) { s.PreparePollAdd(10, unix.POLLIN|unix.POLLRDHUP) }},
		{"poll multishot", func(s *uring.SQE) { s.PrepPollMultishot(10, unix.POLLOUT, token) },
			func(s *theirSQE) { s.PreparePollMultishot(10, unix.POLLOUT) }},
		{"read", func(s *uring.SQE) { s.PrepRead(11, buf, 4096, token) },
			func(s *theirSQE) { s.PrepareRead(11, address, 300, 4096) }},
		{"read at the position", func(s *uring.SQE) { s.PrepRead(11, buf, -1, token) },
			func(s *theirSQE) { s.PrepareRead(11, address, 300, ^uint64(0)) }},
		{"timeout", func(s *uring.SQE) { s.PrepTimeout(ts, 3, token) },
			func(s *theirSQE) {
				s.PrepareTimeout(nil, 3, 0)
				s.Addr = uint64(uintptr(unsafe.Pointer(ts))) // giouring gives the address of its own argument
			}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var ours uring.SQE
			var theirs theirSQE
			test.ours(&ours)
			test.theirs(&theirs)
			theirs.UserData = token
			require.Equal(t, (*[64]byte)(unsafe.Pointer(&theirs))[:], bytesOf(&ours))
		})
	}
}

func TestGiouringGetsTheSameRing(t *testing.T) {
	ringtest.Descriptors(t)
	for _, cfg := range []uring.Config{
		{}, {Entries: 5, CQEntries: 9}, {Entries: 1024, Without: uring.FlagNoSQArray},
		{Entries: 64, Without: uring.FullSpeed &^ uring.FlagCQSize},
		{Entries: 1 << 20, CQEntries: 1 << 20},
	} {
		var asked sys.Params
		var entries uint32
		restore := sys.Inject(&sys.Calls{Setup: func(n uint32, p *sys.Params) (int, syscall.Errno) {
			entries, asked = n, *p
			return 0, sys.PassThrough
		}})
		ring, err := uring.New(cfg)
		restore()
		if err != nil {
			ringtest.Require(t)
		}
		require.NoError(t, err)
		require.NoError(t, ring.Close())

		ours, theirs := asked, asked
		fd, errno := sys.Setup(entries, &ours)
		require.Zero(t, errno)
		require.NoError(t, unix.Close(fd))
		number, err := giouring.Setup(entries, (*giouring.Params)(unsafe.Pointer(&theirs)))
		require.Equal(t, error(syscall.Errno(0)), err)
		require.NoError(t, unix.Close(int(number)))
		require.Equal(t, ours, theirs)

		names := paramsOf((*giouring.Params)(unsafe.Pointer(&theirs)))
		f := ring.Features()
		require.EqualValues(t, names["sqEntries"], f.SQEntries)
		require.EqualValues(t, names["cqEntries"], f.CQEntries)
		require.EqualValues(t, names["flags"], f.Flags)
		require.EqualValues(t, names["features"], f.Bits)
	}
}

// paramsOf reads giouring's parameters by its own names.
func paramsOf(p *giouring.Params) map[string]uint64 {
	values := map[string]uint64{}
	v := reflect.ValueOf(p).Elem()
	for i := range v.NumField() {
		if v.Field(i).CanUint() {
			values[v.Type().Field(i).Name] = v.Field(i).Uint()
		}
	}
	return values
}

func TestGiouringCompletesOurRequests(t *testing.T) {
	ringtest.Require(t)
	theirs, err := giouring.CreateRing(8)
	require.NoError(t, err)
	defer theirs.QueueExit()
	near, far := socketPair(t)
	write(t, far, "through their ring")
	buf := make([]byte, 64)
	(*uring.SQE)(unsafe.Pointer(theirs.GetSQE())).PrepRecv(near, buf, 0, token)
	_, err = theirs.SubmitAndWait(1)
	require.NoError(t, err)
	event, err := theirs.PeekCQE()
	require.NoError(t, err)
	cqe := *(*uring.CQE)(unsafe.Pointer(event))
	theirs.CQESeen(event)
	require.Equal(t, uint64(token), cqe.UserData)
	require.Equal(t, "through their ring", string(buf[:cqe.Res]))
}

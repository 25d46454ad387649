package uring_test

import (
	"encoding/binary"
	"encoding/hex"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/uring"
)

// token is in every golden SQE: its bytes stand in the order of the machine, so each one shows its place.
const token = 0x8877665544332211

// goldenSQE is one use of a Prep method.
type goldenSQE struct {
	name string
	prep func(*uring.SQE)
	addr unsafe.Pointer // the memory that the SQE names
	want string         // its bytes in hex, dots for the address; what is missing at the end is zero
}

// golden is each Prep method with the 64 bytes that it must give, written down from the kernel's header.
var golden = []goldenSQE{
	// opcode flags ioprio fd  | off | addr | len op_flags | user_data | buf_index personality file_index | zeros
	{"nop", func(s *uring.SQE) { s.PrepNop(token) }, nil,
		"00 00 0000 ffffffff 0000000000000000 0000000000000000 00000000 00000000 1122334455667788 0000 0000 00000000"},
	{"accept", func(s *uring.SQE) { s.PrepAccept(5, unix.SOCK_CLOEXEC, token) }, nil,
		"0d 00 0000 05000000 0000000000000000 0000000000000000 00000000 00000800 1122334455667788 0000 0000 00000000"},
	{"accept multishot", func(s *uring.SQE) { s.PrepAcceptMultishot(0x102, unix.SOCK_CLOEXEC, token) }, nil,
		"0d 00 0100 02010000 0000000000000000 0000000000000000 00000000 00000800 1122334455667788 0000 0000 00000000"},
	{"recv", func(s *uring.SQE) { s.PrepRecv(7, memory[:0x203], unix.MSG_WAITALL, token) }, unsafe.Pointer(memory),
		"1b 00 0000 07000000 0000000000000000 ................ 03020000 00010000 1122334455667788 0000 0000 00000000"},
	{"recv of nothing", func(s *uring.SQE) { s.PrepRecv(7, nil, 0, token) }, nil,
		"1b 00 0000 07000000 0000000000000000 0000000000000000 00000000 00000000 1122334455667788 0000 0000 00000000"},
	{"recv select", func(s *uring.SQE) { s.PrepRecvSelect(7, 0xa1b2, unix.MSG_PEEK, token) }, nil,
		"1b 20 0000 07000000 0000000000000000 0000000000000000 00000000 02000000 1122334455667788 b2a1 0000 00000000"},
	{"recv select, poll first", func(s *uring.SQE) { s.PrepRecvSelect(7, 0xa1b2, 0, token); s.PollFirst() }, nil,
		"1b 20 0100 07000000 0000000000000000 0000000000000000 00000000 00000000 1122334455667788 b2a1 0000 00000000"},
	{"recv multishot", func(s *uring.SQE) { s.PrepRecvMultishot(7, 3, 0, token) }, nil,
		"1b 20 0200 07000000 0000000000000000 0000000000000000 00000000 00000000 1122334455667788 0300 0000 00000000"},
	{"recv multishot, limit", func(s *uring.SQE) { s.PrepRecvMultishot(7, 3, 0x01020304, token) }, nil,
		"1b 20 0200 07000000 0000000000000000 0000000000000000 00000000 00000000 1122334455667788 0300 0000 04030201"},
	{"send", func(s *uring.SQE) { s.PrepSend(8, memory[:], unix.MSG_WAITALL|unix.MSG_MORE, token) },
		unsafe.Pointer(memory),
		"1a 00 0000 08000000 0000000000000000 ................ 00040000 00810000 1122334455667788 0000 0000 00000000"},
	{"sendmsg", func(s *uring.SQE) { s.PrepSendMsg(8, message, unix.MSG_DONTWAIT, token) }, unsafe.Pointer(message),
		"09 00 0000 08000000 0000000000000000 ................ 01000000 40000000 1122334455667788 0000 0000 00000000"},
	{"recvmsg", func(s *uring.SQE) { s.PrepRecvMsg(8, message, unix.MSG_PEEK, token) }, unsafe.Pointer(message),
		"0a 00 0000 08000000 0000000000000000 ................ 01000000 02000000 1122334455667788 0000 0000 00000000"},
	{"shutdown", func(s *uring.SQE) { s.PrepShutdown(9, unix.SHUT_RDWR, token) }, nil,
		"22 00 0000 09000000 0000000000000000 0000000000000000 02000000 00000000 1122334455667788 0000 0000 00000000"},
	{"close", func(s *uring.SQE) { s.PrepClose(10, token) }, nil,
		"13 00 0000 0a000000 0000000000000000 0000000000000000 00000000 00000000 1122334455667788 0000 0000 00000000"},
	{"cancel", func(s *uring.SQE) { s.PrepCancel(0x0102030405060708, token) }, nil,
		"0e 00 0000 ffffffff 0000000000000000 0807060504030201 00000000 00000000 1122334455667788 0000 0000 00000000"},
	{"poll", func(s *uring.SQE) { s.PrepPoll(11, unix.POLLIN|0x2000, token) }, nil,
		"06 00 0000 0b000000 0000000000000000 0000000000000000 00000000 01200000 1122334455667788 0000 0000 00000000"},
	{"poll multishot", func(s *uring.SQE) { s.PrepPollMultishot(11, unix.POLLOUT, token) }, nil,
		"06 00 0000 0b000000 0000000000000000 0000000000000000 01000000 04000000 1122334455667788 0000 0000 00000000"},
	{"read", func(s *uring.SQE) { s.PrepRead(12, memory[:16], 0x10000, token) }, unsafe.Pointer(memory),
		"16 00 0000 0c000000 0000010000000000 ................ 10000000 00000000 1122334455667788 0000 0000 00000000"},
	{"read at the position", func(s *uring.SQE) { s.PrepRead(12, memory[:16], -1, token) }, unsafe.Pointer(memory),
		"16 00 0000 0c000000 ffffffffffffffff ................ 10000000 00000000 1122334455667788 0000 0000 00000000"},
	{"timeout", func(s *uring.SQE) { s.PrepTimeout(timespec, 6, token) }, unsafe.Pointer(timespec),
		"0b 00 0000 ffffffff 0600000000000000 ................ 01000000 00000000 1122334455667788 0000 0000 00000000"},
}

// The memory that golden SQEs name.
var (
	memory   = new([1024]byte)
	message  = uring.NewArena(1, 1).Message(1)
	timespec = uring.TimespecOf(1)
)

func TestPrepMethodsWriteTheKernelsBytes(t *testing.T) {
	for _, test := range golden {
		t.Run(test.name, func(t *testing.T) {
			var sqe uring.SQE
			test.prep(&sqe)
			require.Equal(t, test.bytes(t), hex.EncodeToString(bytesOf(&sqe)))
		})
	}
	runtime.KeepAlive(memory)
}

func TestAnSQEHasTheKernelsSize(t *testing.T) {
	require.EqualValues(t, 64, unsafe.Sizeof(uring.SQE{}))
	require.EqualValues(t, 16, unsafe.Sizeof(uring.CQE{}))
}

func TestPollEventsAreInTheOrderOfTheMachine(t *testing.T) {
	native := binary.NativeEndian.Uint32([]byte{0x04, 0x03, 0x02, 0x01}) == 0x01020304
	if native {
		require.EqualValues(t, 0x01020304, uring.PollWord(0x01020304))
	} else {
		require.EqualValues(t, 0x03040102, uring.PollWord(0x01020304))
	}
}

// bytes gives the golden bytes, with the address filled in.
func (g goldenSQE) bytes(t *testing.T) string {
	t.Helper()
	var address [8]byte
	binary.LittleEndian.PutUint64(address[:], uint64(uintptr(g.addr)))
	text := strings.ReplaceAll(g.want, " ", "")
	text = strings.ReplaceAll(text, strings.Repeat(".", 16), hex.EncodeToString(address[:]))
	text += strings.Repeat("0", 128-len(text))
	return text
}

// bytesOf gives the bytes that the kernel would read.
func bytesOf(sqe *uring.SQE) []byte {
	return (*[64]byte)(unsafe.Pointer(sqe))[:]
}

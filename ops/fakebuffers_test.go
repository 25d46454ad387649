package ops

import (
	"encoding/binary"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/sys"
	"github.com/ringport/ringport/uring"
)

// memory is this process's own, read and written by address as the kernel does, without a pointer that Go would have
// to trust.
type memory struct {
	t    testing.TB
	file *os.File
}

func openMemory(t testing.TB) memory {
	file, err := os.OpenFile("/proc/self/mem", os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, file.Close()) })
	return memory{t, file}
}

func (m memory) read(addr uint64, n int) []byte {
	b := make([]byte, n)
	if n == 0 {
		return b
	}
	if _, err := m.file.ReadAt(b, int64(addr)); err != nil {
		m.t.Fatalf("a request names memory that is not there: %v", err)
	}
	return b
}

func (m memory) write(addr uint64, data []byte) {
	if len(data) == 0 {
		return
	}
	if _, err := m.file.WriteAt(data, int64(addr)); err != nil {
		m.t.Fatalf("a request names memory that cannot be written: %v", err)
	}
}

// piece is one piece of memory that a request names.
type piece struct {
	addr   uint64
	length int
}

// pieces gives the memory of a request, which the kernel learns when it is submitted.
func (m memory) pieces(sqe *uring.SQE) []piece {
	switch sqe.Opcode {
	case sys.IORING_OP_SENDMSG, sys.IORING_OP_RECVMSG:
		header := m.read(sqe.Addr, 56)
		return m.vector(binary.NativeEndian.Uint64(header[16:]), int(binary.NativeEndian.Uint64(header[24:])))
	case sys.IORING_OP_SEND, sys.IORING_OP_RECV:
		return []piece{{sqe.Addr, int(sqe.Len)}}
	}
	return nil
}

func (m memory) vector(addr uint64, n int) (pieces []piece) {
	raw := m.read(addr, n*16)
	for ; len(raw) > 0; raw = raw[16:] {
		length := int(binary.NativeEndian.Uint64(raw[8:]))
		pieces = append(pieces, piece{binary.NativeEndian.Uint64(raw), length})
	}
	return pieces
}

// gather reads the first n bytes of what a request sends.
func (m memory) gather(pieces []piece, n int) (data []byte) {
	for _, p := range pieces {
		part := min(n-len(data), p.length)
		data = append(data, m.read(p.addr, part)...)
	}
	if len(data) != n {
		m.t.Fatalf("a request that sends %d bytes cannot complete with %d", len(data), n)
	}
	return data
}

// scatter writes what a request receives.
func (m memory) scatter(pieces []piece, data []byte) {
	for _, p := range pieces {
		part := min(len(data), p.length)
		m.write(p.addr, data[:part])
		data = data[part:]
	}
	if len(data) > 0 {
		m.t.Fatalf("a request has %d bytes too little for what it receives", len(data))
	}
}

// fakeBuffers is the kernel's side of the port's buffer ring: entries are taken in the order of the ring.
type fakeBuffers struct {
	mem     []byte
	entries int
	head    uint16
}

func (r *fakeRing) RegisterBufferRing(mem []byte, entries uint32, _ uint16) error {
	r.calls = append(r.calls, "register")
	r.buffers = fakeBuffers{mem: mem, entries: int(entries)}
	return nil
}

func (r *fakeRing) UnregisterBufferRing(uint16) error {
	r.calls = append(r.calls, "unregister")
	return nil
}

// posted is how many buffers the kernel has: the tail lies in the last half-word of entry 0.
func (b *fakeBuffers) posted() int { return int(binary.NativeEndian.Uint16(b.mem[14:]) - b.head) }

// next is the memory of the buffer that the kernel takes next.
func (b *fakeBuffers) next() (addr uint64, length int, id uint16) {
	raw := b.mem[int(b.head)%b.entries*16:]
	return binary.NativeEndian.Uint64(raw), int(binary.NativeEndian.Uint32(raw[8:])), binary.NativeEndian.Uint16(raw[12:])
}

// take writes data into the next buffer and gives the flags of the completion that names it.
func (r *fakeRing) take(data []byte) (flags uint32) {
	if r.buffers.posted() == 0 {
		r.t.Fatal("the kernel has no buffer: it would have said ENOBUFS")
	}
	addr, length, id := r.buffers.next()
	if len(data) > length {
		r.t.Fatalf("%d bytes do not fit into a buffer of %d", len(data), length)
	}
	r.memory.write(addr, data)
	r.buffers.head++
	return sys.IORING_CQE_F_BUFFER | uint32(id)<<sys.IORING_CQE_BUFFER_SHIFT
}

package bufring_test

import (
	"encoding/binary"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/bufring"
)

// kernel plays the kernel's side of one buffer ring: it reads the entries from the shared memory as they are
// published, takes them in ring order and writes data where they point. It fails the test when an entry is
// wrong, or names a buffer that it has already or that a user holds.
type kernel struct {
	t       *testing.T
	cfg     bufring.Config
	refuse  error // what registering answers
	retire  error // what unregistering answers
	calls   []string
	memory  *os.File
	mem     []byte // the entries
	entries int
	group   uint16
	block   uint64 // address of buffer 0, learned from the first entry
	seen    uint16 // entries before it were read
	head    uint16 // entries before it were taken
	queue   []entry
	holder  []holder // of each buffer
}

// entry is one entry of the ring as it was when it was published.
type entry struct {
	addr uint64
	len  uint32
	bid  uint16
}

// holder says in whose hands the kernel believes a buffer to be.
type holder uint8

const (
	ours    holder = iota // the group's
	kernels               // published and not taken yet
	taken                 // named by a completion, until the test says that it was released
)

const entrySize = 16

func newKernel(t *testing.T, cfg bufring.Config) *kernel {
	t.Helper()
	// The kernel writes by address; this file does so without a pointer that Go would have to trust.
	memory, err := os.OpenFile("/proc/self/mem", os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, memory.Close()) })
	return &kernel{t: t, cfg: cfg, memory: memory, holder: make([]holder, cfg.Buffers)}
}

// newGroup makes a group on a fake kernel. It is closed at the end of the test, with nothing leased by then.
func newGroup(t *testing.T, cfg bufring.Config, wake func()) (*bufring.Group, *kernel) {
	t.Helper()
	k := newKernel(t, cfg)
	g, err := bufring.New(k, cfg, wake)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, g.Close())
		s := g.Stats()
		require.Equal(t, bufring.Stats{
			Buffers: cfg.Buffers, Spare: cfg.Buffers, LowWater: s.LowWater, Leases: s.Leases,
		}, s, "a buffer was left behind")
		require.False(t, g.Mapped())
	})
	k.read()
	return g, k
}

func (k *kernel) RegisterBufferRing(mem []byte, entries uint32, group uint16) error {
	k.calls = append(k.calls, "register")
	if k.refuse != nil {
		return k.refuse
	}
	require.Equal(k.t, entries&(entries-1), uint32(0), "the number of entries must be a power of two")
	require.LessOrEqual(k.t, entries, uint32(32768))
	require.GreaterOrEqual(k.t, len(mem), int(entries)*entrySize)
	require.Zero(k.t, len(mem)%os.Getpagesize())
	k.mem, k.entries, k.group = mem, int(entries), group
	return nil
}

func (k *kernel) UnregisterBufferRing(group uint16) error {
	k.calls = append(k.calls, "unregister")
	require.Equal(k.t, k.group, group)
	k.tail() // faults when the memory is gone already
	return k.retire
}

// tail is the count of published entries, which lies in the last half-word of entry 0.
func (k *kernel) tail() uint16 { return binary.NativeEndian.Uint16(k.mem[14:]) }

// read takes note of the entries published since the last time.
func (k *kernel) read() {
	k.t.Helper()
	for tail := k.tail(); k.seen != tail; k.seen++ {
		e := k.entry(k.seen)
		k.check(e)
		k.holder[e.bid] = kernels
		k.queue = append(k.queue, e)
	}
	if len(k.queue) > k.entries {
		require.Failf(k.t, "the ring ran over", "%d entries in a ring of %d", len(k.queue), k.entries)
	}
}

func (k *kernel) entry(at uint16) entry {
	raw := k.mem[int(at)%k.entries*entrySize:]
	return entry{
		addr: binary.NativeEndian.Uint64(raw),
		len:  binary.NativeEndian.Uint32(raw[8:]),
		bid:  binary.NativeEndian.Uint16(raw[12:]),
	}
}

// check compares by hand: it runs a million times.
func (k *kernel) check(e entry) {
	k.t.Helper()
	if int(e.bid) >= k.cfg.Buffers || int(e.len) != k.cfg.Size {
		require.Failf(k.t, "a wrong entry", "%+v", e)
	}
	offset := uint64(e.bid) * uint64(k.cfg.Size)
	if k.block == 0 {
		k.block = e.addr - offset
	}
	if e.addr != k.block+offset {
		require.Failf(k.t, "an address beside the buffer", "%+v, the block is at %#x", e, k.block)
	}
	if k.holder[e.bid] != ours {
		require.Failf(k.t, "a buffer published twice", "%+v is in hands %d", e, k.holder[e.bid])
	}
}

// take is a completion: the next buffer in ring order, or false for ENOBUFS.
func (k *kernel) take() (uint16, bool) {
	k.t.Helper()
	k.read()
	if len(k.queue) == 0 {
		return 0, false
	}
	e := k.queue[0]
	if e != k.entry(k.head) {
		require.Failf(k.t, "a published entry was changed", "%+v became %+v", e, k.entry(k.head))
	}
	k.queue = k.queue[1:]
	k.head++
	k.holder[e.bid] = taken
	return e.bid, true
}

// receive is a completion with data, written through the address of the entry.
func (k *kernel) receive(data []byte) (uint16, bool) {
	k.t.Helper()
	id, ok := k.take()
	if ok {
		k.write(id, data)
	}
	return id, ok
}

func (k *kernel) write(id uint16, data []byte) {
	k.t.Helper()
	_, err := k.memory.WriteAt(data, int64(k.block)+int64(id)*int64(k.cfg.Size))
	require.NoError(k.t, err)
}

// released tells the kernel that it may see the buffer again.
func (k *kernel) released(id uint16) { k.holder[id] = ours }

// posted is how many buffers the kernel has.
func (k *kernel) posted() int {
	k.read()
	return len(k.queue)
}

package bufring

import (
	"errors"
	"os"
	"sync/atomic"
	"unsafe"

	"github.com/ringport/ringport/internal/sys"
)

// entryRing is the memory shared with the kernel: a ring of entries whose tail, the count of entries ever
// written, lies in the unused last half-word of entry 0.
type entryRing struct {
	mem     []byte
	entries []sys.Buf
	mask    uint16
}

func (r *entryRing) size() uint32 { return uint32(len(r.entries)) }

// mapMemory maps the entries and the block of buffers.
func (g *Group) mapMemory() error {
	n := 1
	for n < g.target {
		n <<= 1
	}
	page := os.Getpagesize()
	bytes := n * int(unsafe.Sizeof(sys.Buf{}))
	mem, err := sys.MmapAnon((bytes + page - 1) / page * page)
	if err != nil {
		return err
	}
	block, err := sys.MmapAnon(g.buffers * g.size)
	if err != nil {
		return errors.Join(err, sys.Munmap(mem))
	}
	g.block = block
	g.entries = entryRing{
		mem: mem,
		// SAFETY: the mapping is page-aligned, holds n entries, and lives as long as the group's memory.
		entries: unsafe.Slice((*sys.Buf)(unsafe.Pointer(&mem[0])), n),
		mask:    uint16(n - 1),
	}
	return nil
}

func (g *Group) unmap() error {
	err := errors.Join(sys.Munmap(g.entries.mem), sys.Munmap(g.block))
	g.entries, g.block = entryRing{}, nil
	return err
}

// set writes the entry that the tail will name next. Address and length are written each time, because the
// kernel may write into entries; the last half-word is not, because in entry 0 it is the tail.
func (r *entryRing) set(tail uint16, memory []byte, id uint16) {
	e := &r.entries[tail&r.mask]
	// SAFETY: the memory is mapped, so it neither moves nor goes before the last lease.
	e.Addr = uint64(uintptr(unsafe.Pointer(&memory[0])))
	e.Len = uint32(len(memory))
	e.Bid = id
}

// publish makes all entries before tail the kernel's. Go has no 16-bit atomic store, so the 32-bit word is
// stored that holds the number of entry 0, which only we write, and the tail.
func (r *entryRing) publish(tail uint16) {
	pair := [2]uint16{r.entries[0].Bid, tail}
	// SAFETY: Bid and Resv of entry 0 are one aligned word of the mapping.
	word := (*uint32)(unsafe.Pointer(&r.entries[0].Bid))
	// SAFETY: two half-words read as the word that they are in memory, whatever the byte order.
	atomic.StoreUint32(word, *(*uint32)(unsafe.Pointer(&pair)))
}

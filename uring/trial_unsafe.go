package uring

import (
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/sys"
)

const (
	trialEntries = 4
	trialBytes   = 64
)

// trialBuffers is the buffer ring of the self-test: one page with four entries and their buffers behind them.
type trialBuffers struct {
	ring *Ring
	page []byte
	tail uint16
}

func newTrialBuffers(ring *Ring) (*trialBuffers, error) {
	page, err := sys.MmapAnon(os.Getpagesize())
	if err != nil {
		return nil, err
	}
	b := &trialBuffers{ring: ring, page: page}
	if err := ring.RegisterBufferRing(page, trialEntries, trialGroup); err != nil {
		_ = sys.Munmap(page)
		return nil, err
	}
	for id := range uint16(trialEntries) {
		b.post(id)
	}
	return b, nil
}

// post gives a buffer to the kernel. The tail overlays the unused word of entry 0, so it is published as one
// 32-bit word together with that entry's number.
func (b *trialBuffers) post(id uint16) {
	// SAFETY: the page holds four entries at its start and is mapped until close.
	entries := unsafe.Slice((*sys.Buf)(unsafe.Pointer(&b.page[0])), trialEntries)
	e := &entries[b.tail%trialEntries]
	data := b.page[2048+int(id)*trialBytes:]
	// SAFETY: mapped memory does not move.
	e.Addr, e.Len, e.Bid = uint64(uintptr(unsafe.Pointer(&data[0]))), trialBytes, id
	b.tail++
	// SAFETY: Bid and Resv of entry 0 are one aligned word.
	word := (*uint32)(unsafe.Pointer(&entries[0].Bid))
	atomic.StoreUint32(word, tailWord(entries[0].Bid, b.tail))
}

// tailWord lays out the number of entry 0 and the tail as the 32-bit word that they share.
func tailWord(bid, tail uint16) uint32 {
	pair := [2]uint16{bid, tail}
	// SAFETY: two half-words read as the word that they are in memory, whatever the byte order.
	return *(*uint32)(unsafe.Pointer(&pair))
}

func (b *trialBuffers) close() {
	_ = b.ring.UnregisterBufferRing(trialGroup)
	_ = unix.Munmap(b.page)
}

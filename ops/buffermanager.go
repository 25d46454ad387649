package ops

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// BufferManager cuts one block of memory outside the Go heap into equal buffers for ops, as the BufferManager of
// .NET's sample server. Its methods may be called from any goroutine.
type BufferManager struct {
	size int

	mu     sync.Mutex
	block  []byte
	free   []int       // offsets, last in, first out
	lent   map[*Op]int // offset by op
	closed bool
}

// maxManaged bounds the block of a BufferManager.
const maxManaged = 1 << 40

// NewBufferManager maps a block for so many buffers of blockSize bytes. Returns ErrArgument when a number is not
// positive or their product is over 1 TiB, and what mmap(2) says otherwise.
func NewBufferManager(blocks, blockSize int) (*BufferManager, error) {
	if blocks <= 0 || blockSize <= 0 || blocks > maxManaged/blockSize {
		return nil, fmt.Errorf("ops: buffer manager of %d blocks of %d bytes: %w", blocks, blockSize, ErrArgument)
	}
	block, err := unix.Mmap(-1, 0, blocks*blockSize, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, fmt.Errorf("ops: buffer manager of %d blocks of %d bytes: %w", blocks, blockSize, err)
	}
	m := &BufferManager{size: blockSize, block: block, free: make([]int, blocks), lent: make(map[*Op]int, blocks)}
	for i := range m.free {
		m.free[i] = (blocks - 1 - i) * blockSize
	}
	return m, nil
}

// SetBuffer gives op a buffer of the block. It is false when none is free, or the manager is closed; an op that has
// one already keeps it, whole again. It panics while the op is in flight.
func (m *BufferManager) SetBuffer(op *Op) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	offset, has := m.lent[op]
	if !has {
		last := len(m.free) - 1
		if last < 0 || m.closed {
			return false
		}
		offset = m.free[last]
		op.SetBuffer(m.block[offset : offset+m.size : offset+m.size])
		m.free = m.free[:last]
		m.lent[op] = offset
		return true
	}
	op.SetBuffer(m.block[offset : offset+m.size : offset+m.size])
	return true
}

// FreeBuffer takes op's buffer back and clears it in the op. It does nothing for an op that has none of this manager's.
// It panics while the op is in flight.
func (m *BufferManager) FreeBuffer(op *Op) {
	m.mu.Lock()
	defer m.mu.Unlock()
	offset, has := m.lent[op]
	if !has {
		return
	}
	op.SetBuffer(nil)
	delete(m.lent, op)
	m.free = append(m.free, offset)
	if m.closed && len(m.lent) == 0 {
		m.unmap()
	}
}

// Close gives the memory back to the system: now, or when the last buffer is freed. It is idempotent.
func (m *BufferManager) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	if len(m.lent) > 0 {
		return nil
	}
	return m.unmap()
}

func (m *BufferManager) unmap() error {
	block := m.block
	m.block, m.free = nil, nil
	if err := unix.Munmap(block); err != nil {
		return fmt.Errorf("ops: buffer manager: %w", err)
	}
	return nil
}

package bufring_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/bufring"
)

// model is what a group must do, in the simplest words: three piles of buffers.
type model struct {
	t      *testing.T
	random *rand.Rand
	cfg    bufring.Config
	group  *bufring.Group
	kernel *kernel

	spare  []uint16 // the last one goes first
	posted []uint16 // the first one goes first
	leased []lease
	stamp  uint64
	least  int // fewest buffers that were not leased
}

// lease is a lease with the stamp that the kernel wrote all over its buffer.
type lease struct {
	id     uint16
	stamp  uint64
	buffer bufring.Buffer
}

func newModel(t *testing.T, cfg bufring.Config, seed uint64) *model {
	g, k := newGroup(t, cfg, nil)
	m := &model{t: t, random: rand.New(rand.NewPCG(seed, 0)), cfg: cfg, group: g, kernel: k, least: cfg.Buffers}
	for id := cfg.Buffers - 1; id >= 0; id-- {
		m.spare = append(m.spare, uint16(id))
	}
	m.post()
	return m
}

// post moves spare buffers to the posted ones, as Publish must.
func (m *model) post() {
	for len(m.posted) < m.cfg.Posted && len(m.spare) > 0 {
		last := len(m.spare) - 1
		m.posted = append(m.posted, m.spare[last])
		m.spare = m.spare[:last]
	}
}

func (m *model) publish() {
	m.post()
	require.Equal(m.t, len(m.posted), m.group.Publish())
}

// receive lets the kernel fill a buffer, all of it, and leases a part.
func (m *model) receive() {
	m.stamp++
	id, ok := m.kernel.receive(stamped(m.stamp, m.cfg.Size))
	require.Equal(m.t, len(m.posted) > 0, ok)
	if !ok {
		return
	}
	require.Equal(m.t, m.posted[0], id, "in ring order")
	m.posted = m.posted[1:]
	b := m.group.Lease(id, m.random.IntN(m.cfg.Size+1))
	m.leased = append(m.leased, lease{id: id, stamp: m.stamp, buffer: b})
	m.least = min(m.least, m.cfg.Buffers-len(m.leased))
}

// release gives any lease back. Data that changed since the lease began means that two buffers overlap.
func (m *model) release() {
	if len(m.leased) == 0 {
		return
	}
	i := m.random.IntN(len(m.leased))
	l := m.leased[i]
	m.leased[i] = m.leased[len(m.leased)-1]
	m.leased = m.leased[:len(m.leased)-1]
	require.Equal(m.t, stamped(l.stamp, l.buffer.Len()), l.buffer.Bytes())
	l.buffer.Release()
	m.kernel.released(l.id)
	m.spare = append(m.spare, l.id)
}

// check compares the counts; between turns of the ring their sum is constant.
func (m *model) check() {
	m.t.Helper()
	s := m.group.Stats()
	want := bufring.Stats{Buffers: m.cfg.Buffers, Posted: len(m.posted), Leased: len(m.leased),
		Spare: len(m.spare), LowWater: m.least, Leases: s.Leases}
	require.Equal(m.t, want, s)
	require.Equal(m.t, s.Buffers, s.Posted+s.Leased+s.Spare)
}

// stamped is n bytes that belong to one stamp only.
func stamped(stamp uint64, n int) []byte {
	b := make([]byte, n+8)
	for i := 0; i < n; i += 8 {
		binary.NativeEndian.PutUint64(b[i:], stamp*0x9E3779B97F4A7C15+uint64(i))
	}
	return b[:n]
}

func TestRandomLeasesFollowTheModel(t *testing.T) {
	sizes := []bufring.Config{
		{Buffers: 1, Size: 64, Posted: 1},
		{Buffers: 3, Size: 100, Posted: 3},
		{Buffers: 5, Size: 64, Posted: 2},
		{Buffers: 16, Size: 128, Posted: 16},
		{Buffers: 200, Size: 64, Posted: 33},
	}
	for _, cfg := range sizes {
		for seed := range uint64(4) {
			t.Run(fmt.Sprintf("%d of %d, seed %d", cfg.Posted, cfg.Buffers, seed), func(t *testing.T) {
				m := newModel(t, cfg, seed)
				for range 300 {
					m.turn()
				}
				for len(m.leased) > 0 {
					m.release()
				}
				m.check()
			})
		}
	}
}

// turn is one turn of a ring: a burst of completions, some releases, one publish. The odds drift, so that the
// group runs dry at times and is left full at others.
func (m *model) turn() {
	burst := m.random.IntN(m.cfg.Buffers + 2)
	for range burst {
		m.receive()
		m.check()
	}
	for range m.random.IntN(2*burst + 1) {
		m.release()
		m.check()
	}
	if m.random.IntN(4) > 0 {
		m.publish()
		m.check()
	}
}

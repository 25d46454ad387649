package bufring_test

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/internal/sys"
	"github.com/ringport/ringport/uring"
)

// patience is how long a completion may take before a test calls it lost.
const patience = 30 * time.Second

func TestAStreamThroughAGroupArrivesWhole(t *testing.T) {
	tests := []struct {
		name  string
		cfg   bufring.Config
		total int
		hold  int // leases kept while more data arrives
		dry   int // times that the group runs dry, at least
	}{
		{"4 buffers, kept until there are none", bufring.Config{ID: 3, Buffers: 4, Size: 512, Posted: 4}, 4 << 20, 4, 100},
		{"4 buffers, given back at once", bufring.Config{Buffers: 4, Size: 512, Posted: 4}, 4 << 20, 0, 1},
		{"4 of 64 buffers posted", bufring.Config{Buffers: 64, Size: 512, Posted: 4}, 4 << 20, 32, 1},
		{"1 buffer", bufring.Config{Buffers: 1, Size: 64, Posted: 1}, 64 << 10, 1, 100},
		{"all of 32768 posted", bufring.Config{Buffers: bufring.MaxBuffers, Size: 64, Posted: bufring.MaxBuffers},
			3 * 64 * bufring.MaxBuffers, bufring.MaxBuffers, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newStream(t, test.cfg)
			written := s.write(test.total)
			s.receive(test.hold)
			require.NoError(t, <-written)
			require.Equal(t, test.total, s.position, "lost or doubled")
			require.GreaterOrEqual(t, s.dry, test.dry)
			s.requireAllBack()
		})
	}
}

func TestAGroupsNumberIsFreeAgainAfterClose(t *testing.T) {
	ring := ringtest.NewRing(t, uring.Config{})
	cfg := bufring.Config{ID: 7, Buffers: 4, Size: 64}
	first, err := bufring.New(ring, cfg, nil)
	require.NoError(t, err)
	_, err = bufring.New(ring, cfg, nil)
	require.ErrorIs(t, err, syscall.EEXIST)
	require.NoError(t, first.Close())
	second, err := bufring.New(ring, cfg, nil)
	require.NoError(t, err)
	require.NoError(t, second.Close())
}

func TestALeaseOutlivesGroupAndRing(t *testing.T) {
	s := newStream(t, bufring.Config{Buffers: 4, Size: 64})
	require.NoError(t, <-s.write(64))
	s.arm()
	b := s.lease(s.next())
	require.NoError(t, s.group.Close())
	require.NoError(t, s.ring.Close())
	require.Equal(t, pattern(0, 64), b.Bytes())
	b.Release()
	require.False(t, s.group.Mapped())
}

// stream is a socket pair with a multishot receive at one end.
type stream struct {
	t        *testing.T
	ring     *uring.Ring
	group    *bufring.Group
	near     int
	far      int
	random   *rand.Rand
	position int // bytes received and compared
	dry      int // ENOBUFS seen
	held     []bufring.Buffer
}

func newStream(t *testing.T, cfg bufring.Config) *stream {
	t.Helper()
	// Room for a completion of every posted buffer, so that only the group bounds a receive.
	ring := ringtest.NewRing(t, uring.Config{CQEntries: uring.MaxCQEntries})
	if features := ring.Features(); !features.MultishotReceive || !features.BufferRing {
		t.Skipf("kernel %s has no multishot receive into buffer rings; it needs 6.0", features.Kernel)
	}
	group, err := bufring.New(ring, cfg, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, group.Close()) })
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, unix.Close(fds[0])) })
	return &stream{t: t, ring: ring, group: group, near: fds[0], far: fds[1], random: rand.New(rand.NewPCG(5, 6))}
}

// write sends the pattern in pieces of any size from another goroutine, and ends the stream.
func (s *stream) write(total int) <-chan error {
	done := make(chan error, 1)
	random := rand.New(rand.NewPCG(7, 8))
	go func() {
		var err error
		for position := 0; position < total && err == nil; {
			var n int
			n, err = unix.Write(s.far, pattern(position, min(1+random.IntN(20000), total-position)))
			position += n
		}
		done <- err
		_ = unix.Close(s.far)
	}()
	return done
}

// receive runs turns until the end of the stream. Up to hold leases are kept while more data arrives; an empty
// group gets all of them back.
func (s *stream) receive(hold int) {
	s.t.Helper()
	s.arm()
	for {
		cqe := s.next()
		switch {
		case cqe.Errno() == syscall.ENOBUFS:
			require.False(s.t, cqe.More())
			s.dry++
			s.release(0)
			require.Positive(s.t, s.group.Publish())
			s.arm()
		case cqe.Res > 0:
			s.compare(cqe)
			s.release(hold)
			s.group.Publish()
			if !cqe.More() {
				s.arm()
			}
		default:
			require.Zero(s.t, cqe.Res, "%v", cqe.Errno())
			s.release(0)
			return
		}
	}
}

func (s *stream) arm() {
	s.t.Helper()
	sqe := s.ring.NextSQE()
	require.NotNil(s.t, sqe)
	sqe.PrepRecvMultishot(s.near, s.group.ID(), 0, 1)
}

func (s *stream) next() uring.CQE {
	s.t.Helper()
	var cqe [1]uring.CQE
	if s.ring.Reap(cqe[:]) == 1 {
		return cqe[0]
	}
	deadline := time.Now().Add(patience)
	for s.ring.Reap(cqe[:]) == 0 {
		require.NoError(s.t, s.ring.Enter(1, patience))
		require.True(s.t, time.Now().Before(deadline), "nothing came after byte %d", s.position)
	}
	return cqe[0]
}

func (s *stream) lease(cqe uring.CQE) bufring.Buffer {
	s.t.Helper()
	id, ok := cqe.Buffer()
	require.True(s.t, ok)
	return s.group.Lease(id, int(cqe.Res))
}

func (s *stream) compare(cqe uring.CQE) {
	s.t.Helper()
	b := s.lease(cqe)
	s.held = append(s.held, b)
	if string(pattern(s.position, b.Len())) != string(b.Bytes()) {
		require.Failf(s.t, "lost or reordered", "at byte %d", s.position)
	}
	s.position += b.Len()
}

// release gives leases back in any order until only keep are held.
func (s *stream) release(keep int) {
	for len(s.held) > keep {
		i, last := s.random.IntN(len(s.held)), len(s.held)-1
		s.held[i].Release()
		s.held[i] = s.held[last]
		s.held = s.held[:last]
	}
}

// requireAllBack compares our counts with the kernel's own (since 6.8).
func (s *stream) requireAllBack() {
	s.t.Helper()
	posted := s.group.Publish()
	stats := s.group.Stats()
	require.Equal(s.t, posted, stats.Posted)
	require.Zero(s.t, stats.Leased)
	status := &sys.BufStatus{BufGroup: uint32(s.group.ID())}
	_, errno := sys.Register(s.ring.FD(), sys.IORING_REGISTER_PBUF_STATUS, unsafe.Pointer(status), 1)
	if errno == syscall.EINVAL {
		return
	}
	require.Zero(s.t, errno)
	require.Equal(s.t, uint16(posted), s.group.Tail()-uint16(status.Head), "what the kernel has")
}

// pattern is n bytes that tell where in the stream they belong.
func pattern(position, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(uint64(position+i) * 0x9E3779B97F4A7C15 >> 56)
	}
	return b
}

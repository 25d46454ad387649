package bufring_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/bufring"
)

func TestReleasingTwicePanics(t *testing.T) {
	tests := []struct {
		name string
		end  func(b bufring.Buffer, again func() bufring.Buffer) (open bufring.Buffer)
	}{
		{"the same value", func(b bufring.Buffer, _ func() bufring.Buffer) bufring.Buffer {
			b.Release()
			return bufring.Buffer{}
		}},
		{"a copy", func(b bufring.Buffer, _ func() bufring.Buffer) bufring.Buffer {
			held := b
			held.Release()
			return bufring.Buffer{}
		}},
		{"after the buffer was leased again", func(b bufring.Buffer, again func() bufring.Buffer) bufring.Buffer {
			b.Release()
			return again()
		}},
		{"after the next lease ended, too", func(b bufring.Buffer, again func() bufring.Buffer) bufring.Buffer {
			b.Release()
			again().Release()
			return bufring.Buffer{}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			one := newSingle(t)
			b := one.lease()
			open := test.end(b, one.lease)
			before := one.group.Stats()
			requirePanics(t, "bufring: buffer 0 is released twice", b.Release)
			require.Equal(t, before, one.group.Stats(), "nobody else's lease is harmed")
			open.Release()
		})
	}
}

func TestReleasingTwicePanicsWhereGenerationsStartAgain(t *testing.T) {
	one := newSingle(t)
	one.group.Age(0)
	b := one.lease()
	b.Release()
	next := one.lease()
	requirePanics(t, "released twice", b.Release)
	next.Release()
	requirePanics(t, "released twice", next.Release)
}

func TestReleasingAPostedBufferPanics(t *testing.T) {
	one := newSingle(t)
	b := one.lease()
	b.Release()
	one.kernel.released(0)
	require.Equal(t, 1, one.group.Publish())
	requirePanics(t, "released twice", b.Release)
}

func TestOfTwoReleasesAtOnceOnePanics(t *testing.T) {
	one := newSingle(t)
	for range 500 {
		b := one.lease()
		var panics [2]any
		var done sync.WaitGroup
		for i := range panics {
			done.Go(func() {
				defer func() { panics[i] = recover() }()
				b.Release()
			})
		}
		done.Wait()
		require.True(t, (panics[0] == nil) != (panics[1] == nil), "%v", panics)
	}
}

func TestTheZeroBufferIsNoLease(t *testing.T) {
	var b bufring.Buffer
	require.True(t, b.IsZero())
	require.Empty(t, b.Bytes())
	require.Zero(t, b.Len())
	require.True(t, b.Skip(0).IsZero())
	b.Release()
	b.Release()
}

// single is a group of one buffer, so that every lease is of the same one.
type single struct {
	t      *testing.T
	group  *bufring.Group
	kernel *kernel
}

func newSingle(t *testing.T) *single {
	g, k := newGroup(t, bufring.Config{Buffers: 1, Size: 64, Posted: 1}, nil)
	return &single{t: t, group: g, kernel: k}
}

// lease lets the kernel fill the buffer once more.
func (s *single) lease() bufring.Buffer {
	s.t.Helper()
	s.kernel.released(0)
	require.Equal(s.t, 1, s.group.Publish())
	id, ok := s.kernel.take()
	require.True(s.t, ok)
	return s.group.Lease(id, 8)
}

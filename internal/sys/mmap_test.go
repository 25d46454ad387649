package sys_test

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/sys"
)

func TestAnonymousMemoryIsZeroAndWritable(t *testing.T) {
	const length = 1 << 16
	b, err := sys.MmapAnon(length)
	require.NoError(t, err)
	require.Len(t, b, length)
	require.Equal(t, make([]byte, length), b)
	b[0], b[length-1] = 1, 2
	require.NoError(t, sys.Munmap(b))
}

func TestUnmappingTwiceOrAPartIsRefused(t *testing.T) {
	b, err := sys.MmapAnon(8192)
	require.NoError(t, err)
	require.ErrorIs(t, sys.Munmap(b[:4096:4096]), syscall.EINVAL)
	require.NoError(t, sys.Munmap(b))
	require.ErrorIs(t, sys.Munmap(b), syscall.EINVAL)
	require.ErrorIs(t, sys.Munmap(nil), syscall.EINVAL)
}

func TestAFailedMappingSaysWhatFailed(t *testing.T) {
	b, err := sys.Mmap(-1, sys.IORING_OFF_SQES, 4096, unix.PROT_READ, unix.MAP_SHARED)
	require.Nil(t, b)
	require.ErrorIs(t, err, syscall.EBADF)
	require.ErrorContains(t, err, "sys: mapping 4096 bytes of descriptor -1 at 0x10000000")
}

//go:build giouring

// giouring is a port of liburing, and our oracle: it was written by others, from the same header. It cannot be linked
// without a flag since Go 1.23, so these tests run on demand:
//
//	go test -tags giouring -ldflags=-checklinkname=0 ./internal/sys/

package sys_test

import (
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/pawelgaczynski/giouring"
	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/sys"
)

// giouringAliases are giouring's names that are not the kernel's, each with the kernel's.
var giouringAliases = map[string]string{
	"featrcrctags": "featrsrctags", // its typing error
}

// giouringOnly are constants that this package leaves out: the ends of enumerations, which move, masks that only the
// kernel needs, and flags of operations on files.
var giouringOnly = []string{
	"oplast", "registerlast", "restrictionlast", "timeoutclockmask", "timeoutupdatemask",
	"uringcmdfixed", "fsyncdatasync", "spliceffdinfixed",
}

func TestGiouringHasTheSameConstants(t *testing.T) {
	ours := map[string]int64{}
	for name, c := range kernelConstants(t) {
		require.NotContains(t, ours, plainName(name), name)
		ours[plainName(name)] = c.value
	}
	compared := 0
	for name, theirs := range giouringConstants(t) {
		value, ok := ours[name]
		require.True(t, ok, "giouring knows %s, this package does not", name)
		require.Equal(t, theirs, value, name)
		compared++
	}
	require.Greater(t, compared, 140)
}

func TestGiouringHasTheSameLayouts(t *testing.T) {
	const whole = ^uintptr(0)
	for _, pair := range []struct {
		ours, theirs reflect.Type
		below        uintptr // offset from which the two disagree by design
	}{
		{reflect.TypeFor[sys.SQE](), reflect.TypeFor[giouring.SubmissionQueueEntry](), whole},
		{reflect.TypeFor[sys.CQE](), reflect.TypeFor[giouring.CompletionQueueEvent](), whole},
		{reflect.TypeFor[sys.Params](), reflect.TypeFor[giouring.Params](), whole},
		{reflect.TypeFor[sys.SQRingOffsets](), reflect.TypeFor[giouring.SQRingOffsets](), whole},
		{reflect.TypeFor[sys.CQRingOffsets](), reflect.TypeFor[giouring.CQRingOffsets](), whole},
		{reflect.TypeFor[sys.Buf](), reflect.TypeFor[giouring.BufAndRing](), whole},
		{reflect.TypeFor[sys.BufReg](), reflect.TypeFor[giouring.BufReg](), whole},
		{reflect.TypeFor[sys.GeteventsArg](), reflect.TypeFor[giouring.GetEventsArg](), whole},
		{reflect.TypeFor[sys.ProbeOp](), reflect.TypeFor[giouring.ProbeOp](), whole},
		{reflect.TypeFor[sys.RsrcUpdate](), reflect.TypeFor[giouring.RsrcUpdate](), whole},
		{reflect.TypeFor[sys.Restriction](), reflect.TypeFor[giouring.Restriction](), whole},
		{reflect.TypeFor[sys.RecvmsgOut](), reflect.TypeFor[giouring.RecvmsgOut](), whole},
		{reflect.TypeFor[sys.SyncCancelReg](), reflect.TypeFor[giouring.SyncCancelReg](), 32}, // opcode came in 6.6
		{reflect.TypeFor[sys.Probe](), reflect.TypeFor[giouring.Probe](), 16},                 // it has fewer entries
	} {
		t.Run(pair.ours.Name(), func(t *testing.T) {
			if pair.below == whole {
				require.Equal(t, pair.theirs.Size(), pair.ours.Size())
			}
			require.Equal(t, leavesBelow(pair.below, pair.theirs, 0), leavesBelow(pair.below, pair.ours, 0))
		})
	}
}

// leaf is a number in a struct, where it lies and how wide it is.
type leaf struct{ offset, size uintptr }

// leavesBelow takes structs and arrays apart, as far as the given offset.
func leavesBelow(limit uintptr, goType reflect.Type, offset uintptr) (leaves []leaf) {
	switch goType.Kind() {
	case reflect.Struct:
		for i := range goType.NumField() {
			f := goType.Field(i)
			leaves = append(leaves, leavesBelow(limit, f.Type, offset+f.Offset)...)
		}
	case reflect.Array:
		for i := range goType.Len() {
			leaves = append(leaves, leavesBelow(limit, goType.Elem(), offset+uintptr(i)*goType.Elem().Size())...)
		}
	default:
		if offset < limit {
			leaves = append(leaves, leaf{offset, goType.Size()})
		}
	}
	return leaves
}

// giouringConstants reads giouring's constants from its source, under their plain names.
func giouringConstants(t *testing.T) map[string]int64 {
	t.Helper()
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/pawelgaczynski/giouring").Output()
	require.NoError(t, err)
	found := map[string]int64{}
	for name, c := range constantsIn(t, []string{filepath.Join(strings.TrimSpace(string(dir)), "include.go")}) {
		found[strings.ToLower(name)] = c.value
	}
	for theirs, kernels := range giouringAliases {
		require.Contains(t, found, theirs)
		found[kernels] = found[theirs]
		delete(found, theirs)
	}
	for _, name := range giouringOnly {
		require.Contains(t, found, name)
		delete(found, name)
	}
	return found
}

// kernelPrefix is what giouring's names lack; of IOSQE_ they keep a part.
var kernelPrefix = regexp.MustCompile(`^IO(RING_|_URING_|U_|(SQE))`)

// plainName is the kernel's name of a constant without its prefix, its case and its underscores.
func plainName(name string) string {
	return strings.ToLower(strings.ReplaceAll(kernelPrefix.ReplaceAllString(name, "$2"), "_", ""))
}

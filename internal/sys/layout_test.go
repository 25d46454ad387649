package sys_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/sys"
)

// layout pins one struct: our type, the kernel's name for it, and where every field lies.
type layout struct {
	kernel string // without "struct"
	since  kernelVersion
	goType reflect.Type
	size   uintptr
	fields []field
}

// field pins one field. member is the kernel's name; where the name changed, the newest comes first. It is empty for
// a field whose shape is ours alone.
type field struct {
	name    string
	offset  uintptr
	members []string
}

// at writes a field down in one line.
func at(offset uintptr, name string, members ...string) field {
	return field{name: name, offset: offset, members: members}
}

// layouts are all structs of the package but the aliases of golang.org/x/sys/unix.
var layouts = []layout{
	{"io_uring_sqe", kernel(5, 1), reflect.TypeFor[sys.SQE](), 64, []field{
		at(0, "Opcode", "opcode"), at(1, "Flags", "flags"), at(2, "Ioprio", "ioprio"), at(4, "Fd", "fd"),
		at(8, "Off", "off"), at(16, "Addr", "addr"), at(24, "Len", "len"),
		at(28, "OpFlags", "msg_flags"), at(32, "UserData", "user_data"), at(40, "BufIndex", "buf_group", "buf_index"),
		at(42, "Personality", "personality"), at(44, "FileIndex", "file_index", "splice_fd_in"),
		at(48, "Addr3", "addr3"), at(56, "Pad", "__pad2"),
	}},
	{"io_uring_cqe", kernel(5, 1), reflect.TypeFor[sys.CQE](), 16, []field{
		at(0, "UserData", "user_data"), at(8, "Res", "res"), at(12, "Flags", "flags"),
	}},
	{"io_uring_params", kernel(5, 1), reflect.TypeFor[sys.Params](), 120, []field{
		at(0, "SQEntries", "sq_entries"), at(4, "CQEntries", "cq_entries"), at(8, "Flags", "flags"),
		at(12, "SQThreadCPU", "sq_thread_cpu"), at(16, "SQThreadIdle", "sq_thread_idle"),
		at(20, "Features", "features"), at(24, "WQFd", "wq_fd"), at(28, "Resv", "resv"),
		at(40, "SQOff", "sq_off"), at(80, "CQOff", "cq_off"),
	}},
	{"io_sqring_offsets", kernel(5, 1), reflect.TypeFor[sys.SQRingOffsets](), 40, []field{
		at(0, "Head", "head"), at(4, "Tail", "tail"), at(8, "RingMask", "ring_mask"),
		at(12, "RingEntries", "ring_entries"), at(16, "Flags", "flags"), at(20, "Dropped", "dropped"),
		at(24, "Array", "array"), at(28, "Resv1", "resv1"), at(32, "UserAddr", "user_addr", "resv2"),
	}},
	{"io_cqring_offsets", kernel(5, 1), reflect.TypeFor[sys.CQRingOffsets](), 40, []field{
		at(0, "Head", "head"), at(4, "Tail", "tail"), at(8, "RingMask", "ring_mask"),
		at(12, "RingEntries", "ring_entries"), at(16, "Overflow", "overflow"), at(20, "Cqes", "cqes"),
		at(24, "Flags", "flags"), at(28, "Resv1", "resv1"), at(32, "UserAddr", "user_addr", "resv2"),
	}},
	{"io_uring_buf", kernel(5, 19), reflect.TypeFor[sys.Buf](), 16, []field{
		at(0, "Addr", "addr"), at(8, "Len", "len"), at(12, "Bid", "bid"), at(14, "Resv", "resv"),
	}},
	{"io_uring_buf_reg", kernel(5, 19), reflect.TypeFor[sys.BufReg](), 40, []field{
		at(0, "RingAddr", "ring_addr"), at(8, "RingEntries", "ring_entries"), at(12, "Bgid", "bgid"),
		at(14, "Flags", "flags", "pad"), at(16, "Resv"), // newer headers begin it with min_left
	}},
	{"io_uring_buf_status", kernel(6, 8), reflect.TypeFor[sys.BufStatus](), 40, []field{
		at(0, "BufGroup", "buf_group"), at(4, "Head", "head"), at(8, "Resv", "resv"),
	}},
	{"io_uring_getevents_arg", kernel(5, 11), reflect.TypeFor[sys.GeteventsArg](), 24, []field{
		at(0, "Sigmask", "sigmask"), at(8, "SigmaskSz", "sigmask_sz"), at(12, "MinWaitUsec", "min_wait_usec", "pad"),
		at(16, "Ts", "ts"),
	}},
	{"__kernel_timespec", kernel(5, 1), reflect.TypeFor[sys.Timespec](), 16, []field{
		at(0, "Sec", "tv_sec"), at(8, "Nsec", "tv_nsec"),
	}},
	{"io_uring_probe_op", kernel(5, 6), reflect.TypeFor[sys.ProbeOp](), 8, []field{
		at(0, "Op", "op"), at(1, "Resv", "resv"), at(2, "Flags", "flags"), at(4, "Resv2", "resv2"),
	}},
	{"io_uring_probe", kernel(5, 6), reflect.TypeFor[sys.Probe](), 16 + 256*8, []field{
		at(0, "LastOp", "last_op"), at(1, "OpsLen", "ops_len"), at(2, "Resv", "resv"), at(4, "Resv2", "resv2"),
		at(16, "Ops"),
	}},
	{"io_uring_rsrc_update", kernel(5, 13), reflect.TypeFor[sys.RsrcUpdate](), 16, []field{
		at(0, "Offset", "offset"), at(4, "Resv", "resv"), at(8, "Data", "data"),
	}},
	{"io_uring_restriction", kernel(5, 10), reflect.TypeFor[sys.Restriction](), 16, []field{
		at(0, "Opcode", "opcode"), at(2, "Arg", "register_op"), at(3, "Resv", "resv"), at(4, "Resv2", "resv2"),
	}},
	{"io_uring_sync_cancel_reg", kernel(6, 0), reflect.TypeFor[sys.SyncCancelReg](), 64, []field{
		at(0, "Addr", "addr"), at(8, "Fd", "fd"), at(12, "Flags", "flags"), at(16, "Timeout", "timeout"),
		at(32, "Opcode"), at(33, "Pad"), at(40, "Pad2"), // one pad before 6.6
	}},
	{"io_uring_recvmsg_out", kernel(6, 0), reflect.TypeFor[sys.RecvmsgOut](), 16, []field{
		at(0, "Namelen", "namelen"), at(4, "Controllen", "controllen"), at(8, "Payloadlen", "payloadlen"),
		at(12, "Flags", "flags"),
	}},
}

func TestStructsHaveTheKernelsSizesAndOffsets(t *testing.T) {
	for _, l := range layouts {
		t.Run(l.goType.Name(), func(t *testing.T) {
			require.Equal(t, l.size, l.goType.Size())
			require.Equal(t, l.fields, withMembersOf(l, fieldsOf(l.goType)))
		})
	}
}

func TestStructsHaveNoHiddenPadding(t *testing.T) {
	for _, l := range layouts {
		t.Run(l.goType.Name(), func(t *testing.T) {
			var sum uintptr
			for i := range l.goType.NumField() {
				sum += l.goType.Field(i).Type.Size()
			}
			require.Equal(t, l.goType.Size(), sum)
		})
	}
}

// fieldsOf is what reflection says about a struct, without its layout marker.
func fieldsOf(goType reflect.Type) []field {
	var fields []field
	for i := range goType.NumField() {
		if f := goType.Field(i); f.Name != "_" {
			fields = append(fields, at(f.Offset, f.Name))
		}
	}
	return fields
}

// withMembersOf copies the kernel's names from the table, which reflection cannot know.
func withMembersOf(l layout, fields []field) []field {
	for i := range min(len(fields), len(l.fields)) {
		fields[i].members = l.fields[i].members
	}
	return fields
}

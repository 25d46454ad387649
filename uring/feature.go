package uring

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/sys"
)

// Features tells what a ring got from the kernel. Versions are for people: what ringport does is decided by
// the flags, the operations and the self-test below.
type Features struct {
	Kernel       string // release of the running kernel
	Flags        Flag   // set-up flags in force
	Bits         uint32 // IORING_FEAT_ bits
	SQEntries    uint32 // submission queue really got
	CQEntries    uint32 // completion queue really got, after clamping
	RegisteredFD bool   // enters go through a registered descriptor (5.18)

	Capabilities // of the kernel, by trying them once

	ops [4]uint64
}

// Operation is one operation of the ring with the kernel that brought it.
type Operation struct {
	Name      string
	Code      uint8
	MinKernel string
}

// Operations lists the operations that a networking program may want, in the kernel's spelling.
func Operations() []Operation {
	return []Operation{
		{"NOP", sys.IORING_OP_NOP, "5.1"},
		{"POLL_ADD", sys.IORING_OP_POLL_ADD, "5.1"},
		{"SENDMSG", sys.IORING_OP_SENDMSG, "5.3"},
		{"RECVMSG", sys.IORING_OP_RECVMSG, "5.3"},
		{"TIMEOUT", sys.IORING_OP_TIMEOUT, "5.4"},
		{"ACCEPT", sys.IORING_OP_ACCEPT, "5.5"},
		{"ASYNC_CANCEL", sys.IORING_OP_ASYNC_CANCEL, "5.5"},
		{"CONNECT", sys.IORING_OP_CONNECT, "5.5"},
		{"READ", sys.IORING_OP_READ, "5.6"},
		{"CLOSE", sys.IORING_OP_CLOSE, "5.6"},
		{"SEND", sys.IORING_OP_SEND, "5.6"},
		{"RECV", sys.IORING_OP_RECV, "5.6"},
		{"SPLICE", sys.IORING_OP_SPLICE, "5.7"},
		{"SHUTDOWN", sys.IORING_OP_SHUTDOWN, "5.11"},
		{"MSG_RING", sys.IORING_OP_MSG_RING, "5.18"},
		{"SOCKET", sys.IORING_OP_SOCKET, "5.19"},
		{"URING_CMD", sys.IORING_OP_URING_CMD, "5.19"},
		{"SEND_ZC", sys.IORING_OP_SEND_ZC, "6.0"},
		{"SENDMSG_ZC", sys.IORING_OP_SENDMSG_ZC, "6.1"},
		{"READ_MULTISHOT", sys.IORING_OP_READ_MULTISHOT, "6.7"},
		{"BIND", sys.IORING_OP_BIND, "6.11"},
		{"LISTEN", sys.IORING_OP_LISTEN, "6.11"},
		{"RECV_ZC", sys.IORING_OP_RECV_ZC, "6.15"},
	}
}

// Feature is one thing that a ring has or lacks, for people to read.
type Feature struct {
	Name      string
	MinKernel string // first mainline kernel that has it
	Present   bool
	Needed    bool   // ringport does not run without it
	FullSpeed bool   // part of full speed
	Gives     string // what it is good for
}

// List names every feature that ringport uses, with what it gives.
func (f Features) List() []Feature {
	has := func(flag Flag) bool { return f.Flags&flag != 0 }
	return []Feature{
		{"multishot accept", "5.19", f.MultishotAccept, true, true, "one request accepts many connections"},
		{"buffer rings", "5.19", f.BufferRing, true, true, "the kernel picks a receive buffer when data is there"},
		{"multishot receive", "6.0", f.MultishotReceive, false, true, "one request receives until the end of the stream"},
		{"SUBMIT_ALL", "5.18", has(FlagSubmitAll), false, true, "a bad request does not stop the batch"},
		{"TASKRUN_FLAG", "5.19", has(FlagTaskrunFlag), false, true, "pending work shows without a system call"},
		{"SINGLE_ISSUER", "6.0", has(FlagSingleIssuer), false, true, "no locking inside the kernel's ring"},
		{"DEFER_TASKRUN", "6.1", has(FlagDeferTaskrun), false, true, "completions never interrupt running code"},
		{"NO_SQARRAY", "6.6", has(FlagNoSQArray), false, false, "one memory access less per request"},
		{"registered ring descriptor", "5.18", f.RegisteredFD, false, false, "40 ns less per enter"},
		{"receive limit", "6.18", f.ReceiveLimit, false, false, "read-ahead ends at an exact byte count"},
	}
}

// Missing names the features of full speed that this ring does without.
func (f Features) Missing() []string {
	var missing []string
	for _, feature := range f.List() {
		if feature.FullSpeed && !feature.Present {
			missing = append(missing, feature.Name)
		}
	}
	return missing
}

// Supports reports whether the kernel knows an operation (IORING_REGISTER_PROBE).
func (f Features) Supports(code uint8) bool { return f.ops[code>>6]&(1<<(code&63)) != 0 }

// String puts the features into one line for a log.
func (f Features) String() string {
	s := fmt.Sprintf("kernel %s, sq %d, cq %d, %s", f.Kernel, f.SQEntries, f.CQEntries, f.Flags)
	if missing := f.Missing(); len(missing) > 0 {
		s += ", without " + strings.Join(missing, ", ")
	}
	return s
}

// flagNames pairs each flag with its kernel spelling, oldest first.
var flagNames = []struct {
	flag Flag
	name string
}{
	{FlagCQSize, "CQSIZE"}, {FlagClamp, "CLAMP"}, {FlagDisabled, "R_DISABLED"}, {FlagSubmitAll, "SUBMIT_ALL"},
	{FlagCoopTaskrun, "COOP_TASKRUN"}, {FlagTaskrunFlag, "TASKRUN_FLAG"}, {FlagSingleIssuer, "SINGLE_ISSUER"},
	{FlagDeferTaskrun, "DEFER_TASKRUN"}, {FlagNoSQArray, "NO_SQARRAY"},
}

// String names the flags in the kernel's spelling, joined by |.
func (f Flag) String() string {
	var names []string
	for _, n := range flagNames {
		if f&n.flag != 0 {
			names = append(names, n.name)
			f &^= n.flag
		}
	}
	if f != 0 || len(names) == 0 {
		names = append(names, "0x"+strconv.FormatUint(uint64(f), 16))
	}
	return strings.Join(names, "|")
}

func featuresOf(p *sys.Params) Features {
	return Features{
		Kernel:    kernelRelease(),
		Flags:     Flag(p.Flags),
		Bits:      p.Features,
		SQEntries: p.SQEntries,
		CQEntries: p.CQEntries,
	}
}

// requiredBits names the feature bits that the ring's protocol rests on.
var requiredBits = []struct {
	bit             uint32
	name, minKernel string
}{
	{sys.IORING_FEAT_SINGLE_MMAP, "a single mapping of both queues", "5.4"},
	{sys.IORING_FEAT_NODROP, "completions that are never dropped", "5.5"},
	{sys.IORING_FEAT_SUBMIT_STABLE, "requests that are read when submitted", "5.5"},
	{sys.IORING_FEAT_EXT_ARG, "enters with a timeout", "5.11"},
}

func (f Features) require() error {
	for _, r := range requiredBits {
		if f.Bits&r.bit == 0 {
			return &FeatureError{Name: r.name, MinKernel: r.minKernel}
		}
	}
	return nil
}

func kernelRelease() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

// kernelAtLeast compares releases such as "6.18.44-generic" by their first two numbers. It serves messages
// and test expectations only.
func kernelAtLeast(release, minimum string) bool {
	major, minor := kernelVersion(release)
	wantMajor, wantMinor := kernelVersion(minimum)
	return major > wantMajor || major == wantMajor && minor >= wantMinor
}

func kernelVersion(release string) (major, minor int) {
	parts := strings.SplitN(release, ".", 3)
	major, _ = strconv.Atoi(parts[0])
	if len(parts) > 1 {
		// Release candidates and distributions write on without a dot: 6.1-rc3, 6.1-amd64.
		end := strings.IndexFunc(parts[1]+"-", func(r rune) bool { return r < '0' || r > '9' })
		minor, _ = strconv.Atoi(parts[1][:end])
	}
	return major, minor
}

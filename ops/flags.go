package ops

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// SocketFlags modify a send or a receive and, after a receive, say how it ended. They are a set; no flag is 0. The
// numbers are those of .NET's SocketFlags, not the kernel's.
type SocketFlags int32

// The socket flags. OutOfBand, Peek and DontRoute are asked for; Truncated and ControlDataTruncated are only ever
// answers, and starting an op with them set asks for nothing.
const (
	OutOfBand            SocketFlags = 0x1   // urgent data, MSG_OOB
	Peek                 SocketFlags = 0x2   // receive without consuming, MSG_PEEK
	DontRoute            SocketFlags = 0x4   // send to directly connected networks only, MSG_DONTROUTE
	Truncated            SocketFlags = 0x100 // the datagram was longer than the buffer, MSG_TRUNC
	ControlDataTruncated SocketFlags = 0x200 // the control data were longer than their buffer, MSG_CTRUNC
)

// socketFlagTable pairs each flag with its name and with the kernel's number for it, in the order String prints them.
var socketFlagTable = [...]struct {
	flag SocketFlags
	msg  int
	name string
}{
	{OutOfBand, unix.MSG_OOB, "OutOfBand"},
	{Peek, unix.MSG_PEEK, "Peek"},
	{DontRoute, unix.MSG_DONTROUTE, "DontRoute"},
	{Truncated, unix.MSG_TRUNC, "Truncated"},
	{ControlDataTruncated, unix.MSG_CTRUNC, "ControlDataTruncated"},
}

const (
	requestFlags = OutOfBand | Peek | DontRoute
	resultFlags  = Truncated | ControlDataTruncated
)

// msgFlags returns the MSG_ bits that ask the kernel for f. The result flags are left out, because an op reused after
// a truncated datagram still carries Truncated, and MSG_TRUNC on a stream receive would throw the data away.
func (f SocketFlags) msgFlags() int {
	msg := 0
	for i := range socketFlagTable {
		if row := &socketFlagTable[i]; f&row.flag&requestFlags != 0 {
			msg |= row.msg
		}
	}
	return msg
}

// unknown returns the bits of f that are no flag of this package; a start with any is refused as unsupported.
func (f SocketFlags) unknown() SocketFlags {
	return f &^ (requestFlags | resultFlags)
}

// socketFlagsOf translates the msg_flags that the kernel returned; bits without a name here are dropped.
func socketFlagsOf(msg int) SocketFlags {
	var f SocketFlags
	for i := range socketFlagTable {
		if row := &socketFlagTable[i]; msg&row.msg != 0 {
			f |= row.flag
		}
	}
	return f
}

// String returns the names of the flags set, separated by ", ", or None when none is. Bits without a name are printed
// as a number.
func (f SocketFlags) String() string {
	if f == 0 {
		return "None"
	}
	var names []string
	for i := range socketFlagTable {
		if row := &socketFlagTable[i]; f&row.flag != 0 {
			names = append(names, row.name)
		}
	}
	if rest := f.unknown(); rest != 0 {
		names = append(names, "0x"+strconv.FormatUint(uint64(uint32(rest)), 16))
	}
	return strings.Join(names, ", ")
}

// SendPacketsFlags say what a SendPackets does when all is sent. They are a set; no flag is 0. The numbers are those of
// .NET's TransmitFileOptions.
type SendPacketsFlags int32

// The SendPackets flags. .NET's other four choose Windows worker threads and have no meaning here.
const (
	SendPacketsDisconnect  SendPacketsFlags = 1 // disconnect after the last element
	SendPacketsReuseSocket SendPacketsFlags = 2 // and make the socket ready for a new connect
)

// String returns the names of the flags set, separated by ", ", or None when none is.
func (f SendPacketsFlags) String() string {
	var names []string
	if f&SendPacketsDisconnect != 0 {
		names = append(names, "SendPacketsDisconnect")
	}
	if f&SendPacketsReuseSocket != 0 {
		names = append(names, "SendPacketsReuseSocket")
	}
	if rest := f &^ (SendPacketsDisconnect | SendPacketsReuseSocket); rest != 0 {
		names = append(names, "0x"+strconv.FormatUint(uint64(uint32(rest)), 16))
	}
	if len(names) == 0 {
		return "None"
	}
	return strings.Join(names, ", ")
}

// ShutdownHow says which direction of a connection Socket.Shutdown ends. The numbers are those of .NET's SocketShutdown
// and of shutdown(2).
type ShutdownHow uint8

// The directions.
const (
	ShutdownReceive ShutdownHow = unix.SHUT_RD   // nothing more will be received
	ShutdownSend    ShutdownHow = unix.SHUT_WR   // nothing more will be sent: the peer reads the end of the stream
	ShutdownBoth    ShutdownHow = unix.SHUT_RDWR // neither
)

// String returns the constant's name, or ShutdownHow(n) for a number that is none.
func (h ShutdownHow) String() string {
	switch h {
	case ShutdownReceive:
		return "ShutdownReceive"
	case ShutdownSend:
		return "ShutdownSend"
	case ShutdownBoth:
		return "ShutdownBoth"
	}
	return "ShutdownHow(" + strconv.Itoa(int(h)) + ")"
}

// Family is the address family of a socket or an endpoint.
type Family uint8

// The address families. FamilyUnspecified is that of no endpoint, and of a name that is not resolved yet.
const (
	FamilyUnspecified Family = iota
	FamilyIPv4
	FamilyIPv6
	FamilyUnix
)

// String returns the family without its prefix, or Family(n) for a number that is none.
func (f Family) String() string {
	switch f {
	case FamilyUnspecified:
		return "Unspecified"
	case FamilyIPv4:
		return "IPv4"
	case FamilyIPv6:
		return "IPv6"
	case FamilyUnix:
		return "Unix"
	}
	return "Family(" + strconv.Itoa(int(f)) + ")"
}

// domain returns the kernel's number for the family.
func (f Family) domain() int {
	switch f {
	case FamilyIPv4:
		return unix.AF_INET
	case FamilyIPv6:
		return unix.AF_INET6
	case FamilyUnix:
		return unix.AF_UNIX
	}
	return unix.AF_UNSPEC
}

// familyOf is domain's inverse; a family that this package does not speak is FamilyUnspecified.
func familyOf(domain int) Family {
	switch domain {
	case unix.AF_INET:
		return FamilyIPv4
	case unix.AF_INET6:
		return FamilyIPv6
	case unix.AF_UNIX:
		return FamilyUnix
	}
	return FamilyUnspecified
}

// SocketType is how a socket carries data. The numbers are the kernel's and .NET's.
type SocketType uint8

// The socket types.
const (
	Stream SocketType = unix.SOCK_STREAM // bytes in order, on a connection: TCP, Unix stream
	Dgram  SocketType = unix.SOCK_DGRAM  // single messages: UDP, Unix datagram
)

// String returns the constant's name, or SocketType(n) for a number that is none.
func (t SocketType) String() string {
	switch t {
	case Stream:
		return "Stream"
	case Dgram:
		return "Dgram"
	}
	return "SocketType(" + strconv.Itoa(int(t)) + ")"
}

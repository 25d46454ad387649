package ops

import (
	"strconv"
	"syscall"
)

// SocketError is the outcome of an operation in .NET's names and numbers, the same on every system. It is a plain
// value: comparing and carrying it allocates nothing. Op.Err gives the same outcome as a Go error.
type SocketError int32

// The socket errors. The comment gives the errnos that each stands for; those without one never come from the kernel.
const (
	Unspecified SocketError = -1 // an errno without a name here; .NET calls this one SocketError too
	Success     SocketError = 0

	OperationAborted SocketError = 995 // ECANCELED, EBADF: cancelled, or the socket was closed
	IOPending        SocketError = 997

	Interrupted        SocketError = 10004 // EINTR
	AccessDenied       SocketError = 10013 // EACCES, EPERM
	Fault              SocketError = 10014 // EFAULT
	InvalidArgument    SocketError = 10022 // EINVAL
	TooManyOpenSockets SocketError = 10024 // EMFILE, ENFILE

	WouldBlock                 SocketError = 10035 // EAGAIN
	InProgress                 SocketError = 10036 // EINPROGRESS
	AlreadyInProgress          SocketError = 10037 // EALREADY
	NotSocket                  SocketError = 10038 // ENOTSOCK
	DestinationAddressRequired SocketError = 10039 // EDESTADDRREQ
	MessageSize                SocketError = 10040 // EMSGSIZE
	ProtocolType               SocketError = 10041 // EPROTOTYPE
	ProtocolOption             SocketError = 10042 // ENOPROTOOPT
	ProtocolNotSupported       SocketError = 10043 // EPROTONOSUPPORT
	SocketNotSupported         SocketError = 10044 // ESOCKTNOSUPPORT
	OperationNotSupported      SocketError = 10045 // ENOTSUP
	ProtocolFamilyNotSupported SocketError = 10046 // EPFNOSUPPORT
	AddressFamilyNotSupported  SocketError = 10047 // EAFNOSUPPORT
	AddressAlreadyInUse        SocketError = 10048 // EADDRINUSE
	AddressNotAvailable        SocketError = 10049 // EADDRNOTAVAIL, ENOENT: no such address, no such Unix socket

	NetworkDown            SocketError = 10050 // ENETDOWN
	NetworkUnreachable     SocketError = 10051 // ENETUNREACH
	NetworkReset           SocketError = 10052 // ENETRESET
	ConnectionAborted      SocketError = 10053 // ECONNABORTED
	ConnectionReset        SocketError = 10054 // ECONNRESET
	NoBufferSpaceAvailable SocketError = 10055 // ENOBUFS
	IsConnected            SocketError = 10056 // EISCONN
	NotConnected           SocketError = 10057 // ENOTCONN
	Shutdown               SocketError = 10058 // EPIPE
	TimedOut               SocketError = 10060 // ETIMEDOUT
	ConnectionRefused      SocketError = 10061 // ECONNREFUSED
	HostDown               SocketError = 10064 // EHOSTDOWN
	HostUnreachable        SocketError = 10065 // EHOSTUNREACH
	ProcessLimit           SocketError = 10067

	SystemNotReady      SocketError = 10091
	VersionNotSupported SocketError = 10092
	NotInitialized      SocketError = 10093
	Disconnecting       SocketError = 10101 // ESHUTDOWN
	TypeNotFound        SocketError = 10109

	HostNotFound SocketError = 11001 // ENXIO, and a name that does not resolve
	TryAgain     SocketError = 11002
	NoRecovery   SocketError = 11003
	NoData       SocketError = 11004 // ENODATA
)

// String returns .NET's name of the error, or SocketError(n) for a number that has none. Unspecified, which in .NET
// shares the name of the type, is printed as Unspecified.
func (e SocketError) String() string {
	if name := socketErrorName(e); name != "" {
		return name
	}
	return "SocketError(" + strconv.Itoa(int(e)) + ")"
}

// Errno returns the errno that stands for e. Where several errnos give one SocketError it is the one .NET chose. False
// means that no errno does, as for HostNotFound and Unspecified.
func (e SocketError) Errno() (syscall.Errno, bool) {
	return errnoOf(e)
}

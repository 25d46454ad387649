package ops

import "syscall"

// This file is the table between errnos and socket errors, one switch per column: the compiler turns each into a
// jump table or a binary search, so that a look-up costs no memory and nothing has to be built at start.
//
// Source: dotnet/runtime, SocketErrorPal.Unix.cs.

// SocketErrorOf returns the SocketError for an errno: Success for 0, Unspecified for an errno that .NET gives no name.
func SocketErrorOf(errno syscall.Errno) SocketError {
	switch errno {
	case 0:
		return Success
	case syscall.EBADF, syscall.ECANCELED:
		return OperationAborted
	case syscall.EINTR:
		return Interrupted
	case syscall.EACCES, syscall.EPERM:
		return AccessDenied
	case syscall.EFAULT:
		return Fault
	case syscall.EINVAL:
		return InvalidArgument
	case syscall.EMFILE, syscall.ENFILE:
		return TooManyOpenSockets
	case syscall.EAGAIN:
		return WouldBlock
	case syscall.EINPROGRESS:
		return InProgress
	case syscall.EALREADY:
		return AlreadyInProgress
	case syscall.ENOTSOCK:
		return NotSocket
	case syscall.EDESTADDRREQ:
		return DestinationAddressRequired
	case syscall.EMSGSIZE:
		return MessageSize
	case syscall.EPROTOTYPE:
		return ProtocolType
	case syscall.ENOPROTOOPT:
		return ProtocolOption
	case syscall.EPROTONOSUPPORT:
		return ProtocolNotSupported
	case syscall.ESOCKTNOSUPPORT:
		return SocketNotSupported
	case syscall.ENOTSUP:
		return OperationNotSupported
	case syscall.EPFNOSUPPORT:
		return ProtocolFamilyNotSupported
	case syscall.EAFNOSUPPORT:
		return AddressFamilyNotSupported
	case syscall.EADDRINUSE:
		return AddressAlreadyInUse
	case syscall.EADDRNOTAVAIL, syscall.ENOENT:
		return AddressNotAvailable
	case syscall.ENETDOWN:
		return NetworkDown
	case syscall.ENETUNREACH:
		return NetworkUnreachable
	case syscall.ENETRESET:
		return NetworkReset
	case syscall.ECONNABORTED:
		return ConnectionAborted
	case syscall.ECONNRESET:
		return ConnectionReset
	case syscall.ENOBUFS:
		return NoBufferSpaceAvailable
	case syscall.EISCONN:
		return IsConnected
	case syscall.ENOTCONN:
		return NotConnected
	case syscall.EPIPE:
		return Shutdown
	case syscall.ETIMEDOUT:
		return TimedOut
	case syscall.ECONNREFUSED:
		return ConnectionRefused
	case syscall.EHOSTDOWN:
		return HostDown
	case syscall.EHOSTUNREACH:
		return HostUnreachable
	case syscall.ESHUTDOWN:
		return Disconnecting
	case syscall.ENXIO:
		return HostNotFound
	case syscall.ENODATA:
		return NoData
	}
	return Unspecified
}

// errnoOf is the way back. It is no mere inverse: .NET gives IOPending and TryAgain an errno that maps elsewhere.
func errnoOf(e SocketError) (syscall.Errno, bool) {
	switch e {
	case Success:
		return 0, true
	case OperationAborted:
		return syscall.ECANCELED, true
	case IOPending:
		return syscall.EINPROGRESS, true
	case Interrupted:
		return syscall.EINTR, true
	case AccessDenied:
		return syscall.EACCES, true
	case Fault:
		return syscall.EFAULT, true
	case InvalidArgument:
		return syscall.EINVAL, true
	case TooManyOpenSockets:
		return syscall.ENFILE, true
	case WouldBlock:
		return syscall.EAGAIN, true
	case InProgress:
		return syscall.EINPROGRESS, true
	case AlreadyInProgress:
		return syscall.EALREADY, true
	case NotSocket:
		return syscall.ENOTSOCK, true
	case DestinationAddressRequired:
		return syscall.EDESTADDRREQ, true
	case MessageSize:
		return syscall.EMSGSIZE, true
	case ProtocolType:
		return syscall.EPROTOTYPE, true
	case ProtocolOption:
		return syscall.ENOPROTOOPT, true
	case ProtocolNotSupported:
		return syscall.EPROTONOSUPPORT, true
	case SocketNotSupported:
		return syscall.ESOCKTNOSUPPORT, true
	case OperationNotSupported:
		return syscall.ENOTSUP, true
	case ProtocolFamilyNotSupported:
		return syscall.EPFNOSUPPORT, true
	case AddressFamilyNotSupported:
		return syscall.EAFNOSUPPORT, true
	case AddressAlreadyInUse:
		return syscall.EADDRINUSE, true
	case AddressNotAvailable:
		return syscall.EADDRNOTAVAIL, true
	case NetworkDown:
		return syscall.ENETDOWN, true
	case NetworkUnreachable:
		return syscall.ENETUNREACH, true
	case NetworkReset:
		return syscall.ENETRESET, true
	case ConnectionAborted:
		return syscall.ECONNABORTED, true
	case ConnectionReset:
		return syscall.ECONNRESET, true
	case NoBufferSpaceAvailable:
		return syscall.ENOBUFS, true
	case IsConnected:
		return syscall.EISCONN, true
	case NotConnected:
		return syscall.ENOTCONN, true
	case Shutdown:
		return syscall.EPIPE, true
	case TimedOut:
		return syscall.ETIMEDOUT, true
	case ConnectionRefused:
		return syscall.ECONNREFUSED, true
	case HostDown:
		return syscall.EHOSTDOWN, true
	case HostUnreachable:
		return syscall.EHOSTUNREACH, true
	case Disconnecting:
		return syscall.ESHUTDOWN, true
	case TryAgain:
		return syscall.EAGAIN, true
	case NoData:
		return syscall.ENODATA, true
	}
	return 0, false
}

// socketErrorName returns the name of a socket error, and "" for a number that is none.
func socketErrorName(e SocketError) string {
	switch e {
	case Success:
		return "Success"
	case OperationAborted:
		return "OperationAborted"
	case IOPending:
		return "IOPending"
	case Interrupted:
		return "Interrupted"
	case AccessDenied:
		return "AccessDenied"
	case Fault:
		return "Fault"
	case InvalidArgument:
		return "InvalidArgument"
	case TooManyOpenSockets:
		return "TooManyOpenSockets"
	case WouldBlock:
		return "WouldBlock"
	case InProgress:
		return "InProgress"
	case AlreadyInProgress:
		return "AlreadyInProgress"
	case NotSocket:
		return "NotSocket"
	case DestinationAddressRequired:
		return "DestinationAddressRequired"
	case MessageSize:
		return "MessageSize"
	case ProtocolType:
		return "ProtocolType"
	case ProtocolOption:
		return "ProtocolOption"
	case ProtocolNotSupported:
		return "ProtocolNotSupported"
	case SocketNotSupported:
		return "SocketNotSupported"
	case OperationNotSupported:
		return "OperationNotSupported"
	case ProtocolFamilyNotSupported:
		return "ProtocolFamilyNotSupported"
	case AddressFamilyNotSupported:
		return "AddressFamilyNotSupported"
	case AddressAlreadyInUse:
		return "AddressAlreadyInUse"
	case AddressNotAvailable:
		return "AddressNotAvailable"
	case NetworkDown:
		return "NetworkDown"
	case NetworkUnreachable:
		return "NetworkUnreachable"
	case NetworkReset:
		return "NetworkReset"
	case ConnectionAborted:
		return "ConnectionAborted"
	case ConnectionReset:
		return "ConnectionReset"
	case NoBufferSpaceAvailable:
		return "NoBufferSpaceAvailable"
	case IsConnected:
		return "IsConnected"
	case NotConnected:
		return "NotConnected"
	case Shutdown:
		return "Shutdown"
	case TimedOut:
		return "TimedOut"
	case ConnectionRefused:
		return "ConnectionRefused"
	case HostDown:
		return "HostDown"
	case HostUnreachable:
		return "HostUnreachable"
	case ProcessLimit:
		return "ProcessLimit"
	case SystemNotReady:
		return "SystemNotReady"
	case VersionNotSupported:
		return "VersionNotSupported"
	case NotInitialized:
		return "NotInitialized"
	case Disconnecting:
		return "Disconnecting"
	case TypeNotFound:
		return "TypeNotFound"
	case HostNotFound:
		return "HostNotFound"
	case TryAgain:
		return "TryAgain"
	case NoRecovery:
		return "NoRecovery"
	case NoData:
		return "NoData"
	case Unspecified:
		return "Unspecified"
	}
	return ""
}

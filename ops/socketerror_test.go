package ops_test

import (
	"math"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
)

// socketErrorCases is .NET's whole table, with Linux's numbers: those of x86-64 and arm64 are the same.
var socketErrorCases = []struct {
	name    string
	err     ops.SocketError
	number  int32
	from    []syscall.Errno // the errnos that become this error
	to      syscall.Errno   // the errno that this error becomes
	noErrno bool            // it becomes none
}{
	{name: "Unspecified", err: ops.Unspecified, number: -1, noErrno: true},
	{name: "Success", err: ops.Success, number: 0, from: []syscall.Errno{0}, to: 0},
	{name: "OperationAborted", err: ops.OperationAborted, number: 995, from: []syscall.Errno{9, 125}, to: 125},
	{name: "IOPending", err: ops.IOPending, number: 997, to: 115},
	{name: "Interrupted", err: ops.Interrupted, number: 10004, from: []syscall.Errno{4}, to: 4},
	{name: "AccessDenied", err: ops.AccessDenied, number: 10013, from: []syscall.Errno{13, 1}, to: 13},
	{name: "Fault", err: ops.Fault, number: 10014, from: []syscall.Errno{14}, to: 14},
	{name: "InvalidArgument", err: ops.InvalidArgument, number: 10022, from: []syscall.Errno{22}, to: 22},
	{name: "TooManyOpenSockets", err: ops.TooManyOpenSockets, number: 10024, from: []syscall.Errno{24, 23}, to: 23},
	{name: "WouldBlock", err: ops.WouldBlock, number: 10035, from: []syscall.Errno{11}, to: 11},
	{name: "InProgress", err: ops.InProgress, number: 10036, from: []syscall.Errno{115}, to: 115},
	{name: "AlreadyInProgress", err: ops.AlreadyInProgress, number: 10037, from: []syscall.Errno{114}, to: 114},
	{name: "NotSocket", err: ops.NotSocket, number: 10038, from: []syscall.Errno{88}, to: 88},
	{
		name: "DestinationAddressRequired", err: ops.DestinationAddressRequired, number: 10039,
		from: []syscall.Errno{89}, to: 89,
	},
	{name: "MessageSize", err: ops.MessageSize, number: 10040, from: []syscall.Errno{90}, to: 90},
	{name: "ProtocolType", err: ops.ProtocolType, number: 10041, from: []syscall.Errno{91}, to: 91},
	{name: "ProtocolOption", err: ops.ProtocolOption, number: 10042, from: []syscall.Errno{92}, to: 92},
	{name: "ProtocolNotSupported", err: ops.ProtocolNotSupported, number: 10043, from: []syscall.Errno{93}, to: 93},
	{name: "SocketNotSupported", err: ops.SocketNotSupported, number: 10044, from: []syscall.Errno{94}, to: 94},
	{name: "OperationNotSupported", err: ops.OperationNotSupported, number: 10045, from: []syscall.Errno{95}, to: 95},
	{
		name: "ProtocolFamilyNotSupported", err: ops.ProtocolFamilyNotSupported, number: 10046,
		from: []syscall.Errno{96}, to: 96,
	},
	{
		name: "AddressFamilyNotSupported", err: ops.AddressFamilyNotSupported, number: 10047,
		from: []syscall.Errno{97}, to: 97,
	},
	{name: "AddressAlreadyInUse", err: ops.AddressAlreadyInUse, number: 10048, from: []syscall.Errno{98}, to: 98},
	{name: "AddressNotAvailable", err: ops.AddressNotAvailable, number: 10049, from: []syscall.Errno{99, 2}, to: 99},
	{name: "NetworkDown", err: ops.NetworkDown, number: 10050, from: []syscall.Errno{100}, to: 100},
	{name: "NetworkUnreachable", err: ops.NetworkUnreachable, number: 10051, from: []syscall.Errno{101}, to: 101},
	{name: "NetworkReset", err: ops.NetworkReset, number: 10052, from: []syscall.Errno{102}, to: 102},
	{name: "ConnectionAborted", err: ops.ConnectionAborted, number: 10053, from: []syscall.Errno{103}, to: 103},
	{name: "ConnectionReset", err: ops.ConnectionReset, number: 10054, from: []syscall.Errno{104}, to: 104},
	{
		name: "NoBufferSpaceAvailable", err: ops.NoBufferSpaceAvailable, number: 10055,
		from: []syscall.Errno{105}, to: 105,
	},
	{name: "IsConnected", err: ops.IsConnected, number: 10056, from: []syscall.Errno{106}, to: 106},
	{name: "NotConnected", err: ops.NotConnected, number: 10057, from: []syscall.Errno{107}, to: 107},
	{name: "Shutdown", err: ops.Shutdown, number: 10058, from: []syscall.Errno{32}, to: 32},
	{name: "TimedOut", err: ops.TimedOut, number: 10060, from: []syscall.Errno{110}, to: 110},
	{name: "ConnectionRefused", err: ops.ConnectionRefused, number: 10061, from: []syscall.Errno{111}, to: 111},
	{name: "HostDown", err: ops.HostDown, number: 10064, from: []syscall.Errno{112}, to: 112},
	{name: "HostUnreachable", err: ops.HostUnreachable, number: 10065, from: []syscall.Errno{113}, to: 113},
	{name: "ProcessLimit", err: ops.ProcessLimit, number: 10067, noErrno: true},
	{name: "SystemNotReady", err: ops.SystemNotReady, number: 10091, noErrno: true},
	{name: "VersionNotSupported", err: ops.VersionNotSupported, number: 10092, noErrno: true},
	{name: "NotInitialized", err: ops.NotInitialized, number: 10093, noErrno: true},
	{name: "Disconnecting", err: ops.Disconnecting, number: 10101, from: []syscall.Errno{108}, to: 108},
	{name: "TypeNotFound", err: ops.TypeNotFound, number: 10109, noErrno: true},
	{name: "HostNotFound", err: ops.HostNotFound, number: 11001, from: []syscall.Errno{6}, noErrno: true},
	{name: "TryAgain", err: ops.TryAgain, number: 11002, to: 11},
	{name: "NoRecovery", err: ops.NoRecovery, number: 11003, noErrno: true},
	{name: "NoData", err: ops.NoData, number: 11004, from: []syscall.Errno{61}, to: 61},
}

func TestSocketErrorsHaveTheNumbersAndNamesOfDotNet(t *testing.T) {
	for _, c := range socketErrorCases {
		require.Equal(t, c.number, int32(c.err), c.name)
		require.Equal(t, c.name, c.err.String())
	}
}

func TestASocketErrorWithoutANamePrintsItsNumber(t *testing.T) {
	require.Equal(t, "SocketError(1)", ops.SocketError(1).String())
	require.Equal(t, "SocketError(-2)", ops.SocketError(-2).String())
	require.Equal(t, "SocketError(10099)", ops.SocketError(10099).String())
}

func TestEveryErrnoBecomesTheSocketErrorOfTheTable(t *testing.T) {
	want := make(map[syscall.Errno]ops.SocketError)
	for _, c := range socketErrorCases {
		for _, errno := range c.from {
			require.NotContains(t, want, errno)
			want[errno] = c.err
		}
	}
	require.Len(t, want, 42)
	for errno := syscall.Errno(0); errno < 4096; errno++ {
		got, ok := want[errno]
		if !ok {
			got = ops.Unspecified
		}
		require.Equal(t, got, ops.SocketErrorOf(errno), "errno %d", int(errno))
	}
	require.Equal(t, ops.Unspecified, ops.SocketErrorOf(math.MaxUint32))
}

func TestEverySocketErrorBecomesTheErrnoOfTheTable(t *testing.T) {
	for _, c := range socketErrorCases {
		errno, ok := c.err.Errno()
		require.Equal(t, !c.noErrno, ok, c.name)
		require.Equal(t, c.to, errno, c.name)
	}
	_, ok := ops.SocketError(1).Errno()
	require.False(t, ok)
}

func TestSocketErrorLookupsDoNotAllocate(t *testing.T) {
	var name string
	require.Zero(t, testing.AllocsPerRun(100, func() {
		e := ops.SocketErrorOf(syscall.ECONNRESET)
		_, _ = e.Errno()
		name = e.String()
	}))
	require.Equal(t, "ConnectionReset", name)
}

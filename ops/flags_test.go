package ops_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

func TestSocketFlagsHaveTheNumbersOfDotNet(t *testing.T) {
	require.EqualValues(t, 0x1, ops.OutOfBand)
	require.EqualValues(t, 0x2, ops.Peek)
	require.EqualValues(t, 0x4, ops.DontRoute)
	require.EqualValues(t, 0x100, ops.Truncated)
	require.EqualValues(t, 0x200, ops.ControlDataTruncated)
	require.EqualValues(t, 1, ops.SendPacketsDisconnect)
	require.EqualValues(t, 2, ops.SendPacketsReuseSocket)
}

func TestSocketFlagsAskTheKernelForWhatTheySay(t *testing.T) {
	require.Zero(t, ops.SocketFlags(0).MsgFlags())
	require.Equal(t, unix.MSG_OOB, ops.OutOfBand.MsgFlags())
	require.Equal(t, unix.MSG_PEEK|unix.MSG_DONTROUTE, (ops.Peek | ops.DontRoute).MsgFlags())
}

func TestResultFlagsLeftInAnOpAskForNothing(t *testing.T) {
	require.Equal(t, unix.MSG_PEEK, (ops.Peek | ops.Truncated | ops.ControlDataTruncated).MsgFlags())
}

func TestReturnedFlagsAreTranslated(t *testing.T) {
	require.Equal(t, ops.Truncated, ops.SocketFlagsOf(unix.MSG_TRUNC))
	require.Equal(t, ops.Truncated|ops.ControlDataTruncated, ops.SocketFlagsOf(unix.MSG_TRUNC|unix.MSG_CTRUNC))
	require.Equal(t, ops.OutOfBand, ops.SocketFlagsOf(unix.MSG_OOB))
	require.Zero(t, ops.SocketFlagsOf(unix.MSG_EOR|unix.MSG_CMSG_CLOEXEC))
}

func TestUnknownFlagsAreFound(t *testing.T) {
	require.Zero(t, (ops.OutOfBand | ops.Peek | ops.DontRoute | ops.Truncated | ops.ControlDataTruncated).Unknown())
	require.Equal(t, ops.SocketFlags(0x8000), (ops.Peek | 0x8000).Unknown())
}

func TestFlagsPrintAsTheirNames(t *testing.T) {
	require.Equal(t, "None", ops.SocketFlags(0).String())
	require.Equal(t, "OutOfBand, Peek", (ops.Peek | ops.OutOfBand).String())
	require.Equal(t, "Truncated, ControlDataTruncated, 0x400",
		(ops.Truncated | ops.ControlDataTruncated | 0x400).String())
	require.Equal(t, "0x80000000", ops.SocketFlags(-1<<31).String())
	require.Equal(t, "None", ops.SendPacketsFlags(0).String())
	require.Equal(t, "SendPacketsDisconnect, SendPacketsReuseSocket, 0x4", ops.SendPacketsFlags(7).String())
}

func TestShutdownHowIsWhatShutdownTakes(t *testing.T) {
	require.EqualValues(t, unix.SHUT_RD, ops.ShutdownReceive)
	require.EqualValues(t, unix.SHUT_WR, ops.ShutdownSend)
	require.EqualValues(t, unix.SHUT_RDWR, ops.ShutdownBoth)
	require.Equal(t, "ShutdownReceive", ops.ShutdownReceive.String())
	require.Equal(t, "ShutdownSend", ops.ShutdownSend.String())
	require.Equal(t, "ShutdownBoth", ops.ShutdownBoth.String())
	require.Equal(t, "ShutdownHow(3)", ops.ShutdownHow(3).String())
}

func TestFamiliesAndDomainsMatch(t *testing.T) {
	cases := []struct {
		family ops.Family
		domain int
		name   string
	}{
		{ops.FamilyUnspecified, unix.AF_UNSPEC, "Unspecified"},
		{ops.FamilyIPv4, unix.AF_INET, "IPv4"},
		{ops.FamilyIPv6, unix.AF_INET6, "IPv6"},
		{ops.FamilyUnix, unix.AF_UNIX, "Unix"},
	}
	for _, c := range cases {
		require.Equal(t, c.domain, c.family.Domain())
		require.Equal(t, c.family, ops.FamilyOf(c.domain))
		require.Equal(t, c.name, c.family.String())
	}
	require.Equal(t, ops.FamilyUnspecified, ops.FamilyOf(unix.AF_NETLINK))
	require.Equal(t, "Family(9)", ops.Family(9).String())
}

func TestSocketTypesAreTheKernels(t *testing.T) {
	require.EqualValues(t, unix.SOCK_STREAM, ops.Stream)
	require.EqualValues(t, unix.SOCK_DGRAM, ops.Dgram)
	require.Equal(t, "Stream", ops.Stream.String())
	require.Equal(t, "Dgram", ops.Dgram.String())
	require.Equal(t, "SocketType(0)", ops.SocketType(0).String())
}

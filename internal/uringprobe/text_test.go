package uringprobe

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestTheWordsForTheHost(t *testing.T) {
	number := func(n int) *int { return &n }
	tests := []struct{ got, want string }{
		{disabledText(host{}), "no such sysctl (it came with kernel 6.6), so rings are not switched off by it"},
		{disabledText(host{Disabled: number(0)}), "0: every process may have rings"},
		{disabledText(host{Disabled: number(1), Group: number(-1)}), "1: only processes with CAP_SYS_ADMIN may have rings; " +
			"set kernel.io_uring_group to allow a group"},
		{disabledText(host{Disabled: number(1), Group: number(27)}), "1: only processes with CAP_SYS_ADMIN may have rings; " +
			"the group 27 may, too"},
		{disabledText(host{Disabled: number(2)}), "2: no process may have rings; " +
			"sysctl -w kernel.io_uring_disabled=0 allows them"},
		{disabledText(host{Disabled: number(3)}), "3: unknown"},
		{ipcLockText(host{}), "no: rings are charged to memlock"},
		{ipcLockText(host{IPCLock: true}), "yes: rings are not charged to memlock"},
		{ipcLockText(host{IPCLock: true, Namespace: true}), "yes, but in a user namespace, where it does not count: " +
			"rings are charged to memlock"},
		{memlockText(memlock{Ring: 84 << 10, BufferRing: 4 << 10, Charged: true, Enough: true}),
			"enough: the limit is unlimited; a default ring needs 84 KiB and its buffer ring 4 KiB"},
		{seccompText("filter"), "filter: a profile decides about every system call, io_uring_setup among them"},
		{seccompText("strict"), "strict: only read, write and exit are allowed"},
		{seccompText("unknown"), "unknown: /proc does not say"},
		{bytesText(0), "0 bytes"},
		{bytesText(1023), "1023 bytes"},
		{bytesText(1536), "1.5 KiB"},
		{bytesText(8 << 20), "8 MiB"},
		{bytesText(3 << 50), "3072 TiB"},
	}
	for _, test := range tests {
		require.Equal(t, test.want, test.got)
	}
}

func TestTextIsFoldedAtSpaces(t *testing.T) {
	require.Equal(t, []string{""}, fold("", 10))
	require.Equal(t, []string{"one two", "three four"}, fold("one two three four", 10))
	require.Equal(t, []string{"a", "muchlongerthanthat", "b"}, fold("a muchlongerthanthat b", 10))
}

func TestFoldedTextStaysBehindItsLabel(t *testing.T) {
	p := &page{}
	p.folded("advice", strings.Repeat("word ", 40))
	lines := strings.Split(strings.TrimSuffix(p.String(), "\n"), "\n")
	require.Greater(t, len(lines), 1)
	require.True(t, strings.HasPrefix(lines[0], "  advice             word "))
	require.True(t, strings.HasPrefix(lines[1], "                     word "))
	for _, line := range lines {
		require.LessOrEqual(t, len(line), textWidth)
	}
}

func TestOnlyTerminalsGetColours(t *testing.T) {
	r := reportOf(thisHost(), everything(), nil)
	plain := new(bytes.Buffer)
	require.NoError(t, writeText(plain, r))
	require.NotContains(t, plain.String(), "\x1b")

	terminal := openTerminal(t)
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	require.True(t, bool(painterFor(terminal)))
	p := &page{painter: true}
	p.verdict(r)
	p.features(r.Features)
	require.Contains(t, p.String(), "\x1b[32mringport runs at full speed here.\x1b[0m\n")

	t.Setenv("NO_COLOR", "1")
	require.False(t, bool(painterFor(terminal)))
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "dumb")
	require.False(t, bool(painterFor(terminal)))
}

func TestColoursDoNotMoveAnything(t *testing.T) {
	r := reportOf(thisHost(), everything(), nil)
	plain, coloured := &page{}, &page{painter: true}
	for _, p := range []*page{plain, coloured} {
		p.verdict(r)
		p.host(r.Host)
		p.ring(r.Ring)
		p.features(r.Features)
		p.operations(r.Operations)
	}
	bare := coloured.String()
	for _, code := range []string{codeBold, codeDim, codeRed, codeGreen, codeYellow, codeReset} {
		bare = strings.ReplaceAll(bare, code, "")
	}
	require.Equal(t, plain.String(), bare)
}

// openTerminal is the near end of a pseudo-terminal.
func openTerminal(t *testing.T) *os.File {
	t.Helper()
	far, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, far.Close()) })
	require.NoError(t, unix.IoctlSetPointerInt(int(far.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(far.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	near, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, near.Close()) })
	return near
}

package echod

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// owedBytes is more than the sockets between the daemon and a client with a small receive buffer hold, so that the
// daemon has a rest to keep; and less than its high water in these tests, so that it has read everything.
const owedBytes = 6 << 20

// owing starts a daemon that owes the client echoes: the client wrote and does not read.
func owing(t *testing.T, args ...string) (d *daemon, client *net.TCPConn, sent []byte) {
	t.Helper()
	d = start(t, append(args, "--high-water=16MiB")...)
	client = dialSmall(t, d.address())
	sent = make([]byte, owedBytes)
	for i := range sent {
		sent[i] = byte(i ^ i>>8 ^ i>>16)
	}
	_, err := client.Write(sent)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return unread(t, client) == 0 }, patience, patience/1000)
	return d, client, sent
}

// dialSmall connects a client whose receive buffer is as small as they come.
func dialSmall(t *testing.T, address string) *net.TCPConn {
	t.Helper()
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
		control := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 4096) })
		if control != nil {
			return control
		}
		return err
	}}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := dialer.DialContext(ctx, "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn.(*net.TCPConn)
}

// unread is how many of the client's bytes the daemon has not read: those that its own socket still holds, and those
// that the daemon's does.
func unread(t *testing.T, client net.Conn) uint64 {
	t.Helper()
	here, there := tableAddress(client.LocalAddr()), tableAddress(client.RemoteAddr())
	table, err := os.ReadFile("/proc/self/net/tcp")
	require.NoError(t, err)
	var total uint64
	// The table can have tens of thousands of lines of connections that are over: two of them are looked at closer.
	for line := range strings.Lines(string(table)) {
		sends, receives := strings.Contains(line, here+" "+there), strings.Contains(line, there+" "+here)
		if !sends && !receives {
			continue
		}
		sending, received, _ := strings.Cut(strings.Fields(line)[4], ":") // sl local remote state tx_queue:rx_queue ...
		if sends {
			total += hexadecimal(t, sending)
		} else {
			total += hexadecimal(t, received)
		}
	}
	return total
}

// tableAddress is an IPv4 address as the kernel writes it in its table on this machine, such as 0100007F:1B5F.
func tableAddress(address net.Addr) string {
	addr := address.(*net.TCPAddr).AddrPort()
	ip := addr.Addr().Unmap().As4()
	return fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(ip[:]), addr.Port())
}

func hexadecimal(t *testing.T, text string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(text, 16, 64)
	require.NoError(t, err)
	return n
}

func TestStoppingSendsWhatSlowClientsAreOwed(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			d, client, sent := owing(t, "--drain-timeout=1h")
			d.signal(sig)
			d.awaitLine(`msg=stopping signal=` + sig.String() + ` connections=1 drain_timeout=1h0m0s`)
			_, err := io.WriteString(client, "one more thing")
			require.NoError(t, err, "a client may send on")
			received, err := io.ReadAll(client)
			require.NoError(t, err, "the end of the stream, no reset")
			require.GreaterOrEqual(t, len(received), len(sent))
			require.True(t, bytes.Equal(sent, received[:len(sent)]), "every byte in its place")
			require.NoError(t, client.Close())
			require.Equal(t, exitDone, d.exit())
			d.awaitLine(`level=INFO msg=stopped`)
		})
	}
}

func TestStoppingAcceptsNobody(t *testing.T) {
	d, _, _ := owing(t, "--drain-timeout=1h")
	address := d.address()
	d.signal(syscall.SIGTERM)
	d.awaitLine(`msg=stopping`)
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}, patience, patience/1000)
}

func TestTheDrainTimeoutCutsOffWhoDoesNotRead(t *testing.T) {
	d, _, _ := owing(t, "--drain-timeout=100ms")
	d.signal(syscall.SIGTERM)
	require.Equal(t, exitDone, d.exit())
	d.awaitLine(`level=WARN msg="stopped; .* were cut off" cut=1$`)
}

func TestASecondSignalQuitsAtOnce(t *testing.T) {
	for _, pair := range [][2]syscall.Signal{
		{syscall.SIGTERM, syscall.SIGTERM}, {syscall.SIGINT, syscall.SIGINT}, {syscall.SIGTERM, syscall.SIGINT},
	} {
		t.Run(fmt.Sprint(pair), func(t *testing.T) {
			d, _, _ := owing(t, "--drain-timeout=1h")
			d.signal(pair[0])
			d.awaitLine(`msg=stopping`)
			d.signal(pair[1])
			require.Equal(t, exitFailure, d.exit())
			d.awaitLine(`level=ERROR msg="quitting at once`)
		})
	}
}

func TestASignalBeforeItIsReadyStopsIt(t *testing.T) {
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGTERM
	p := quiet("--listen=tcp://127.0.0.1:0")
	p.signals = signals
	require.Equal(t, exitDone, run(p))
}

func TestIdleClientsDoNotKeepTheDaemon(t *testing.T) {
	d := start(t, "--drain-timeout=1h")
	clients := []*net.TCPConn{d.dial(), d.dial()}
	for _, client := range clients {
		requireEcho(t, client, "hello")
	}
	d.signal(syscall.SIGTERM)
	for _, client := range clients {
		rest, err := io.ReadAll(client)
		require.NoError(t, err, "the end of the stream")
		require.Empty(t, rest)
		require.NoError(t, client.Close())
	}
	require.Equal(t, exitDone, d.exit())
}

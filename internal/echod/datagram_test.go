package echod

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheLongestDatagramIsEchoedByDefault(t *testing.T) {
	const longest = 65507 // 65535 with the headers of IP and UDP
	d := start(t, "--listen=udp://127.0.0.1:0")
	conn, err := net.Dial("udp", d.awaitLine(`msg=ready listen=udp://([^ ,]+)`)[1])
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	requireEcho(t, conn, "short")
	sent := strings.Repeat("0123456789", longest/10) + "0123456"
	_, err = conn.Write([]byte(sent))
	require.NoError(t, err)
	reply := make([]byte, longest+1)
	n, err := conn.Read(reply)
	require.NoError(t, err)
	require.Equal(t, sent, string(reply[:n]))
}

func TestADatagramThatIsTooLongIsLoggedWithAMend(t *testing.T) {
	d := start(t, "--listen=udp://127.0.0.1:0", "--buffer-size=1KiB")
	conn, err := net.Dial("udp", d.awaitLine(`msg=ready listen=udp://([^ ,]+)`)[1])
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = conn.Write(make([]byte, 1025))
	require.NoError(t, err)
	d.awaitLine(`level=WARN .*--buffer-size.* reason=truncated`)
	requireEcho(t, conn, strings.Repeat("x", 1024))
}

package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/ringtest"
)

// The server ends with Enter, and with a signal. That the input ends means nothing.
func TestTheCommandServesUntilItIsTold(t *testing.T) {
	for _, family := range []string{"ipv4", "ipv6"} {
		for name, end := range map[string]func(keyboard io.Writer, signals chan<- os.Signal){
			"Enter":  func(keyboard io.Writer, _ chan<- os.Signal) { _, _ = io.WriteString(keyboard, "\n") },
			"signal": func(_ io.Writer, signals chan<- os.Signal) { signals <- syscall.SIGTERM },
		} {
			t.Run(family+" "+name, func(t *testing.T) {
				ringtest.Require(t)
				ringtest.Descriptors(t)
				stdin, keyboard := io.Pipe()
				screen, stdout := io.Pipe()
				signals := make(chan os.Signal, 2)
				defer close(signals)
				var stderr bytes.Buffer
				status := make(chan int, 1)
				go func() {
					status <- run([]string{"2", "1024", family, "0"}, stdin, stdout, &stderr, signals)
					_ = stdout.Close()
				}()
				lines := bufio.NewScanner(screen)
				require.True(t, lines.Scan(), "it never listened: %s", stderr.String())
				serveOne(t, family, lines.Text())
				end(keyboard, signals)
				require.True(t, lines.Scan())
				require.Contains(t, lines.Text(), "read 1000 bytes in ")
				require.Equal(t, exitDone, <-status)
				require.Empty(t, stderr.String())
			})
		}
	}
}

// serveOne is a client that finds the server by what it printed.
func serveOne(t *testing.T, family, line string) {
	t.Helper()
	text, _, found := strings.Cut(strings.TrimPrefix(line, "listening on "), ";")
	require.True(t, found, line)
	_, port, err := net.SplitHostPort(text)
	require.NoError(t, err)
	host := map[string]string{"ipv4": "127.0.0.1", "ipv6": "::1"}[family]
	c, err := net.Dial("tcp", net.JoinHostPort(host, port))
	require.NoError(t, err)
	defer c.Close()
	echo(t, c, pattern(1000))
}

func TestAWrongCommandLineIsExplained(t *testing.T) {
	for name, line := range map[string]string{
		"none":               "",
		"too few":            "10 1024 ipv4",
		"too many":           "10 1024 ipv4 0 0",
		"no connections":     "0 1024 ipv4 0",
		"connections":        "ten 1024 ipv4 0",
		"no receive size":    "10 0 ipv4 0",
		"negative size":      "10 -1 ipv4 0",
		"family":             "10 1024 ip 0",
		"port":               "10 1024 ipv4 http",
		"port beyond 16 bit": "10 1024 ipv4 65536",
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			require.Equal(t, exitUsage, run(strings.Fields(line), nil, &stdout, &stderr, nil))
			require.Empty(t, stdout.String())
			require.Contains(t, stderr.String(), "usage: saea <#connections> <receive size in bytes> <ipv4|ipv6> <port>")
		})
	}
}

func TestAServerThatCannotServeSaysSo(t *testing.T) {
	ringtest.Require(t)
	taken, err := net.Listen("tcp4", "0.0.0.0:0")
	require.NoError(t, err)
	defer taken.Close()
	_, port, err := net.SplitHostPort(taken.Addr().String())
	require.NoError(t, err)
	signals := make(chan os.Signal)
	defer close(signals)
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitFailure, run([]string{"1", "64", "ipv4", port}, nil, &stdout, &stderr, signals))
	require.Contains(t, stderr.String(), "address already in use")
	require.Empty(t, stdout.String())
}

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// serve runs a service for each connection, on a free port, until the test ends.
func serve(t *testing.T, service func(conn net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				service(conn)
			}()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return listener.Addr().String()
}

func echo(conn net.Conn) { _, _ = io.Copy(conn, conn) }

// liar changes a byte of what it echoes.
func liar(conn net.Conn) {
	buffer := make([]byte, 1)
	for {
		if _, err := io.ReadFull(conn, buffer); err != nil {
			return
		}
		buffer[0]++
		if _, err := conn.Write(buffer); err != nil {
			return
		}
	}
}

// miser keeps what it gets, and ends the connection.
func miser(conn net.Conn) { _, _ = conn.Read(make([]byte, 16)) }

// runCommand runs the command until it ends, by itself or because the context does.
func runCommand(ctx context.Context, args ...string) (status int, stdout, stderr string) {
	var out, errors strings.Builder
	status = run(ctx, args, &out, &errors)
	return status, out.String(), errors.String()
}

// echoesThenStop ends the context when the service has had so many bytes.
func echoesThenStop(stop context.CancelFunc, bytes int64) func(net.Conn) {
	var had atomic.Int64
	return func(conn net.Conn) {
		buffer := make([]byte, 4096)
		for {
			n, err := conn.Read(buffer)
			if err != nil {
				return
			}
			if had.Add(int64(n)) > bytes {
				stop()
			}
			if _, err := conn.Write(buffer[:n]); err != nil {
				return
			}
		}
	}
}

func TestEchoesThatComeBackAreCounted(t *testing.T) {
	for _, command := range []string{"steady --connections=1", "visit --clients=1"} {
		t.Run(command, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			address := serve(t, echoesThenStop(stop, 1000))
			status, stdout, stderr := runCommand(ctx, append(strings.Fields(command), "--block=100", "tcp://"+address)...)
			require.Equal(t, exitDone, status, stderr)
			require.Regexp(t, `[1-9][0-9]* echoes checked`, stdout)
			require.Empty(t, stderr)
		})
	}
}

func TestAWrongEchoIsAFailure(t *testing.T) {
	address := serve(t, liar)
	for _, command := range []string{"steady", "steady --reconnect", "visit"} {
		status, _, stderr := runCommand(t.Context(), append(strings.Fields(command), "tcp://"+address)...)
		require.Equal(t, exitLost, status, command)
		require.Contains(t, stderr, "other bytes came back", command)
	}
}

func TestALostEchoIsAFailure(t *testing.T) {
	address := serve(t, miser)
	for _, command := range []string{"steady", "visit"} {
		status, _, stderr := runCommand(t.Context(), command, "tcp://"+address)
		require.Equal(t, exitLost, status, command)
		require.Contains(t, stderr, "from 127.0.0.1:", command)
	}
}

func TestAServiceThatIsNotThereIsAFailure(t *testing.T) {
	nowhere := "unix://" + t.TempDir() + "/nobody.sock"
	for _, command := range []string{"steady", "visit", "hold", "drain", "slow"} {
		status, _, stderr := runCommand(t.Context(), command, nowhere)
		require.Equal(t, exitLost, status, command)
		require.Contains(t, stderr, "no such file", command)
	}
}

func TestSlowClientsEndWhenTheServiceClosesThem(t *testing.T) {
	address := serve(t, miser)
	status, stdout, stderr := runCommand(t.Context(), "slow", "--connections=3", "tcp://"+address)
	require.Equal(t, exitDone, status, stderr)
	require.Contains(t, stdout, "3 of 3 clients")
}

func TestAServiceThatKeepsSlowClientsIsAFailure(t *testing.T) {
	keep := make(chan struct{})
	defer close(keep)
	address := serve(t, func(net.Conn) { <-keep })
	status, _, stderr := runCommand(t.Context(), "slow", "--connections=2", "--patience=100ms", "tcp://"+address)
	require.Equal(t, exitLost, status)
	require.Contains(t, stderr, "did not close a client that does not read")
}

// serveAndStop runs a service that takes so many bytes from one client, stops listening, and then does the rest.
func serveAndStop(t *testing.T, bytes int, rest func(conn net.Conn, taken []byte)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer listener.Close()
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		taken := make([]byte, bytes)
		if _, err := io.ReadFull(conn, taken); err != nil {
			return
		}
		_ = listener.Close()
		rest(conn, taken)
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return listener.Addr().String()
}

func TestWhatAServiceOwesWhenItStopsIsCollected(t *testing.T) {
	address := serveAndStop(t, 1<<20, func(conn net.Conn, taken []byte) { _, _ = conn.Write(taken) })
	status, stdout, stderr := runCommand(t.Context(), "drain", "--connections=1", "--bytes=1048576", "tcp://"+address)
	require.Equal(t, exitDone, status, stderr)
	require.Contains(t, stdout, "1 clients got their 1048576 bytes")
}

func TestAServiceThatStopsAndOwesIsAFailure(t *testing.T) {
	for complaint, rest := range map[string]func(net.Conn, []byte){
		"owes 1 bytes of 1000":  func(conn net.Conn, taken []byte) { _, _ = conn.Write(taken[:999]) },
		"other bytes came back": func(conn net.Conn, taken []byte) { taken[500]++; _, _ = conn.Write(taken) },
		"one more than was sent": func(conn net.Conn, taken []byte) {
			_, _ = conn.Write(append(taken, 0))
		},
	} {
		address := serveAndStop(t, 1000, rest)
		status, _, stderr := runCommand(t.Context(), "drain", "--connections=1", "--bytes=1000", "tcp://"+address)
		require.Equal(t, exitLost, status, complaint)
		require.Contains(t, stderr, complaint)
	}
}

func TestAServiceThatDoesNotStopIsAFailure(t *testing.T) {
	address := serve(t, echo)
	status, _, stderr := runCommand(t.Context(), "drain", "--bytes=10", "--patience=100ms", "tcp://"+address)
	require.Equal(t, exitLost, status)
	require.Contains(t, stderr, "still listens")
}

func TestStormsEnd(t *testing.T) {
	address := serve(t, echo)
	for _, kind := range []string{"left", "resets"} {
		status, stdout, stderr := runCommand(t.Context(), "storm", kind, address, "--count=20")
		require.Equal(t, exitDone, status, stderr)
		require.Contains(t, stdout, "20 connections")
	}
}

func TestAnswersToDatagramsAreCounted(t *testing.T) {
	service, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer service.Close()
	go func() {
		buffer := make([]byte, 100)
		for odd := true; ; odd = !odd {
			n, from, err := service.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return
			}
			if odd {
				_, _ = service.WriteToUDPAddrPort(buffer[:n], from)
			}
		}
	}()
	status, stdout, stderr := runCommand(t.Context(), "datagrams", "--count=4", service.LocalAddr().String())
	require.Equal(t, exitDone, status, stderr)
	require.Contains(t, stdout, "4 sent")
	require.Contains(t, stdout, "2 answered")
}

func TestPacketsHaveTheChecksumsThatReceiversCompute(t *testing.T) {
	from, to := netip.MustParseAddrPort("127.0.0.1:7007"), netip.MustParseAddrPort("127.1.2.3:9")
	for name, packet := range map[string][]byte{
		"a datagram":          udpPacket(from, to, []byte("even")),
		"a datagram, odd":     udpPacket(from, to, []byte("odd")),
		"an empty datagram":   udpPacket(from, to, nil),
		"the first of a TCP ": synPacket(from, to, 0xdeadbeef),
	} {
		require.Zero(t, transportSum(packet), name) // a sum over its own complement
	}
}

func TestADatagramHasItsPortsAndItsLength(t *testing.T) {
	packet := udpPacket(netip.MustParseAddrPort("127.0.0.1:4660"), netip.MustParseAddrPort("127.0.0.1:7"), []byte("hi"))
	require.Equal(t, []byte{0x12, 0x34, 0, 7, 0, 10}, packet[ipHeader:ipHeader+6])
	require.Equal(t, "hi", string(packet[ipHeader+udpHeader:]))
	require.Equal(t, byte(17), packet[9])
}

func TestPacketsAreForIPv4Only(t *testing.T) {
	for _, args := range [][]string{{"forge", "[::1]:1", "127.0.0.1:2"}, {"storm", "syns", "[::1]:1"}} {
		status, _, stderr := runCommand(t.Context(), args...)
		require.Equal(t, exitLost, status)
		require.Contains(t, stderr, "[::1]:1 is no IPv4 address")
	}
}

func TestWrongUsageIsToldInOneLine(t *testing.T) {
	for _, args := range [][]string{{}, {"steady"}, {"steady", "127.0.0.1:7"}, {"storm", "rain", "127.0.0.1:7"}} {
		status, stdout, stderr := runCommand(t.Context(), args...)
		require.Equal(t, exitUsage, status, args)
		require.Empty(t, stdout)
		require.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
	}
}

func TestAMissingPrivilegeIsAStatusOfItsOwn(t *testing.T) {
	require.Equal(t, exitUnprivileged, statusOf(fmt.Errorf("packets made by hand: %w", syscall.EPERM)))
	require.Equal(t, exitUnprivileged, statusOf(fmt.Errorf("bind: %w", syscall.EACCES)))
	require.Equal(t, exitLost, statusOf(errWrong))
}

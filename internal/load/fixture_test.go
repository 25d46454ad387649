package load_test

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/load"
	"github.com/ringport/ringport/internal/ringtest"
)

// Runs are short: what they find is not looked at, only that it is there and agrees with itself.
const (
	brief  = 150 * time.Millisecond
	warmup = 20 * time.Millisecond
	// patience is how long an answer may take on a busy machine before a test calls it a failure.
	patience = 30 * time.Second
)

// run makes a run that must not fail.
func run(t *testing.T, cfg load.Config) load.Result {
	t.Helper()
	r, err := try(t, cfg)
	require.NoError(t, err)
	require.Empty(t, r.Failure)
	require.Empty(t, r.Errors)
	return r
}

// try makes a run that may.
func try(t *testing.T, cfg load.Config) (load.Result, error) {
	t.Helper()
	ringtest.Require(t)
	if cfg.Duration == 0 {
		cfg.Duration = brief
	}
	if cfg.Warmup == 0 {
		cfg.Warmup = warmup
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = patience
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	return load.Run(ctx, cfg)
}

// serveWith accepts streams and has each connection served on a goroutine of its own.
func serveWith(t *testing.T, network string, serve func(net.Conn)) (address string) {
	t.Helper()
	at := "127.0.0.1:0"
	if network == "unix" {
		at = filepath.Join(t.TempDir(), "echo.sock")
	}
	listener, err := net.Listen(network, at)
	require.NoError(t, err)
	s := &streams{open: map[net.Conn]bool{}}
	s.wait.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if !s.add(conn) {
				continue
			}
			s.wait.Go(func() {
				defer s.remove(conn)
				serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		s.close()
		s.wait.Wait()
	})
	return network + "://" + listener.Addr().String()
}

// streams is the connections that are being served.
type streams struct {
	wait   sync.WaitGroup
	mu     sync.Mutex
	open   map[net.Conn]bool
	closed bool
}

func (s *streams) add(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = conn.Close()
		return false
	}
	s.open[conn] = true
	return true
}

func (s *streams) remove(conn net.Conn) {
	_ = conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, conn)
}

func (s *streams) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for conn := range s.open {
		_ = conn.Close()
	}
}

// echo sends back what comes, in pieces of any size.
func echo(conn net.Conn) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := conn.Read(buffer)
		if _, writeErr := conn.Write(buffer[:n]); err != nil || writeErr != nil {
			return
		}
	}
}

// echoFirst sends back the first bytes. It keeps net from splicing, whose pipes would stay open for others to find.
func echoFirst(conn net.Conn, count int64) {
	_, _ = io.CopyN(struct{ io.Writer }{conn}, struct{ io.Reader }{conn}, count)
}

// answerDatagrams has every datagram answered by what answer makes of it.
func answerDatagrams(t *testing.T, answer func(datagram []byte, send func([]byte))) (address string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	var wait sync.WaitGroup
	wait.Go(func() {
		buffer := make([]byte, 64<<10)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			answer(buffer[:n], func(b []byte) { _, _ = conn.WriteTo(b, from) })
		}
	})
	t.Cleanup(func() {
		_ = conn.Close()
		wait.Wait()
	})
	return "udp://" + conn.LocalAddr().String()
}

func echoDatagrams(t *testing.T) string {
	t.Helper()
	return answerDatagrams(t, func(datagram []byte, send func([]byte)) { send(datagram) })
}

// echoReused echoes datagrams without allocating anything for one.
func echoReused(t *testing.T) (address string) {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	var wait sync.WaitGroup
	wait.Go(func() {
		buffer := make([]byte, 64<<10)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return
			}
			_, _ = conn.WriteToUDPAddrPort(buffer[:n], from)
		}
	})
	t.Cleanup(func() {
		_ = conn.Close()
		wait.Wait()
	})
	return "udp://" + conn.LocalAddr().String()
}

// discard reads and says nothing.
func discard(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

package main

import (
	"io"
	"math"
	"net"
	"net/netip"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
)

func TestWhatIsSentComesBack(t *testing.T) {
	endpoints := map[string]ops.Endpoint{
		"ipv4": loopback,
		"ipv6": ops.IPEndpoint(netip.MustParseAddrPort("[::1]:0")),
		"unix": ops.UnixEndpoint(filepath.Join(t.TempDir(), "echo")),
	}
	for name, ep := range endpoints {
		t.Run(name, func(t *testing.T) {
			const clients = 8
			s := startServerOn(t, ep, clients, 1024)
			var total int64
			var all sync.WaitGroup
			for i := range clients {
				c := dialAny(t, s)
				message := pattern(1 + i*30_011)
				total += int64(len(message))
				all.Go(func() { echo(t, c, message) })
			}
			all.Wait()
			require.Equal(t, total, s.TotalBytesRead())
			require.EqualValues(t, clients, s.NumConnectedSockets())
		})
	}
}

// P2: a million receives and sends that are all done at once are one loop on one stack. Off the port's goroutine, with
// TrySend and all the data there, nothing is ever pending; recursion would need hundreds of megabytes.
func TestAMillionSynchronousCompletionsDoNotGrowTheStack(t *testing.T) {
	limitStacks(t, 256<<10)
	const bytes = 512 << 10
	s := startServer(t, 1, 1, func(s *Server) {
		s.portConfig = ops.PortConfig{TrySend: true, ReadAhead: 2 * bytes, BufferSize: bytes / 8}
	})
	c, socket := connectAside(t, s)
	message := pattern(bytes)
	readAhead(t, s, c, socket, message)
	back := make(chan []byte, 1)
	go func() {
		got := make([]byte, bytes)
		_, _ = io.ReadFull(c, got)
		back <- got
	}()

	e, _ := s.readWritePool.Get()
	tokenOf(e).Socket = socket
	s.numConnectedSockets.Add(1)
	onPort(t, s, func() { s.maxNumberAcceptedClients.free-- })
	if !socket.ReceiveAsync(e) {
		s.IOCompleted(e)
	}
	require.Greater(t, s.numSynchronous.Load(), int64(1_000_000))
	require.True(t, slices.Equal(message, <-back))
}

// connectAside gives a connection on the server's port that the server knows nothing of.
func connectAside(t *testing.T, s *Server) (*net.TCPConn, *ops.Socket) {
	t.Helper()
	listener, err := s.port.Listen(loopback, ops.ListenConfig{AcceptAhead: -1, Nagle: true})
	require.NoError(t, err)
	defer listener.Close()
	c, err := net.Dial("tcp", listener.LocalEndpoint().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	accept := finish(listener.AcceptAsync, nil, 0)
	require.NoError(t, accept.Err())
	return c.(*net.TCPConn), accept.AcceptSocket
}

// readAhead sends a message to the socket and waits until the port has all of it.
func readAhead(t *testing.T, s *Server, c net.Conn, socket *ops.Socket, message []byte) {
	t.Helper()
	_, err := c.Write(message[:1])
	require.NoError(t, err)
	finish(socket.ReceiveAsync, []byte{}, 0) // the port receives from now on
	_, err = c.Write(message[1:])
	require.NoError(t, err)
	await(t, "everything is read ahead", func() bool {
		return finish(socket.ReceiveAsync, make([]byte, len(message)), ops.Peek).BytesTransferred() == len(message)
	})
	await(t, "the port sleeps", func() bool {
		turns := s.port.Stats().Turns
		runtime.Gosched()
		return s.port.Stats().Turns == turns
	})
}

// finish starts an operation and waits for its result.
func finish(start func(*ops.Op) bool, buffer []byte, flags ops.SocketFlags) *ops.Op {
	completed := make(chan struct{})
	op := ops.NewOp(func(*ops.Op) { close(completed) })
	op.SetBuffer(buffer)
	op.SocketFlags = flags
	if start(op) {
		<-completed
	}
	return op
}

// P2: and so it is on the port's goroutine, where the receives are done at once and the sends are not.
func TestSynchronousReceivesDoNotGrowTheStack(t *testing.T) {
	limitStacks(t, 256<<10)
	const clients, bytes = 4, 40_000
	s := startServer(t, clients, 1)
	var all sync.WaitGroup
	for range clients {
		c := dial(t, s)
		all.Go(func() { echo(t, c, pattern(bytes)) })
	}
	all.Wait()
	require.EqualValues(t, clients*bytes, s.numReceives.Load())
	require.Greater(t, s.numSynchronous.Load(), int64(100_000))
}

// limitStacks makes every stack that grows beyond so many bytes end the process.
func limitStacks(t *testing.T, bytes int) {
	before := debug.SetMaxStack(bytes)
	t.Cleanup(func() { debug.SetMaxStack(before) })
}

// P4: a short message does not make the receives after it short, neither those of the same client nor those of the
// next one with the same op.
func TestTheWindowIsWholeAgainBeforeEachReceive(t *testing.T) {
	const window = 4096
	s := startServer(t, 1, window)
	for range 3 {
		before := s.numReceives.Load()
		c := dial(t, s)
		echo(t, c, pattern(1))
		require.EqualValues(t, 1, s.numReceives.Load()-before)
		echo(t, c, pattern(window))
		require.EqualValues(t, 2, s.numReceives.Load()-before, "one piece was received in more than one")
		echo(t, c, pattern(1))
		require.NoError(t, c.Close())
		awaitClients(t, s, 0)
	}
}

// P5: the send is all or an error, however little the socket takes at once.
func TestASlowReaderGetsEveryByte(t *testing.T) {
	const size = 256 << 10
	s := startServer(t, 1, size, func(s *Server) {
		s.listenConfig.Control = func(fd uintptr) error {
			return syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, 4096)
		}
	})
	c := dial(t, s)
	message := pattern(4 * size)
	go func() {
		_, _ = c.Write(message)
		_ = c.CloseWrite()
	}()
	var back []byte
	piece := make([]byte, 1009)
	for {
		n, err := c.Read(piece)
		back = append(back, piece[:n]...)
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
	}
	require.Equal(t, message, back)
}

// P12: the sample's counter has 32 bits.
func TestTheNumberOfBytesGoesBeyond32Bits(t *testing.T) {
	s := startServer(t, 1, 1024)
	s.totalBytesRead.Store(math.MaxUint32)
	echo(t, dial(t, s), pattern(1000))
	require.EqualValues(t, math.MaxUint32+1000, s.TotalBytesRead())
}

// P15: a client that ends its side gets everything that it sent, and then the end of the stream.
func TestTheTailArrivesBeforeTheEndOfTheStream(t *testing.T) {
	s := startServer(t, 1, 512)
	for range 20 {
		c := dial(t, s)
		message := pattern(300_000)
		go func() {
			_, _ = c.Write(message)
			_ = c.CloseWrite()
		}()
		back, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Equal(t, message, back)
		require.NoError(t, c.Close())
	}
}

// P10: whatever fails, and wherever, ends in CloseClientSocket.
func TestAResetIsOneWayToLeave(t *testing.T) {
	s := startServer(t, 2, 64<<10)
	for name, meet := range map[string]func(*net.TCPConn){
		"during a receive": func(*net.TCPConn) {},
		"during a send": func(c *net.TCPConn) { // it reads nothing, so the server's send waits for it
			require.NoError(t, c.SetWriteDeadline(time.Now().Add(patience)))
			before := s.TotalBytesRead()
			go func() { _, _ = c.Write(make([]byte, 64<<20)) }()
			await(t, "data flows", func() bool { return s.TotalBytesRead() > before })
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, s)
			echo(t, c, pattern(10))
			meet(c)
			require.NoError(t, c.SetLinger(0))
			require.NoError(t, c.Close())
			awaitClients(t, s, 0)
			echo(t, dial(t, s), pattern(100))
		})
	}
}

// P17: one client who always has data waiting gets no more than its turn.
func TestAChattyClientStarvesNobody(t *testing.T) {
	s := startServer(t, 2, 16)
	chatty := dial(t, s)
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(io.Discard, chatty) })
	both.Go(func() {
		flood := pattern(64 << 10)
		for {
			if _, err := chatty.Write(flood); err != nil {
				return
			}
		}
	})
	await(t, "the flood runs", func() bool { return s.TotalBytesRead() > 1<<16 })
	polite := dial(t, s)
	for range 200 {
		echo(t, polite, pattern(10))
	}
	require.NoError(t, chatty.Close())
	both.Wait()
}

package load_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/load"
	"github.com/ringport/ringport/internal/ringtest"
)

// soon is a timeout for what never comes.
const soon = time.Second

// fails makes a run that goes on until it fails.
func fails(t *testing.T, cfg load.Config) (load.Result, error) {
	t.Helper()
	cfg.Duration = patience
	r, err := try(t, cfg)
	require.Error(t, err)
	return r, err
}

// mended is an echo server that does something to the first bytes of every connection, and sends back the rest as it
// comes.
func mended(mend func(first []byte) []byte, count int) func(net.Conn) {
	return func(conn net.Conn) {
		first := make([]byte, count)
		if _, err := io.ReadFull(conn, first); err != nil {
			return
		}
		if _, err := conn.Write(mend(first)); err != nil {
			return
		}
		echo(conn)
	}
}

func TestAWrongByteIsFoundAtItsPlace(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		for _, pattern := range []load.Pattern{load.PingPong, load.Pipelined, load.Churn, load.Slow} {
			for _, place := range []int{0, 9, 20, 63} {
				address := serveWith(t, network, mended(func(first []byte) []byte {
					first[place] ^= 0x40
					return first
				}, 64))
				r, err := fails(t, load.Config{Address: address, Pattern: pattern, Size: 64, Conns: 1})
				require.Equal(t, load.WrongEcho, load.KindOf(err), "%v", err)
				var failure *load.Failure
				require.ErrorAs(t, err, &failure)
				require.Zero(t, failure.Conn)
				var wrong *load.EchoError
				require.ErrorAs(t, err, &wrong)
				require.Equal(t, uint64(place), wrong.Offset)
				require.Equal(t, place, wrong.At)
				require.Zero(t, wrong.Message)
				require.Equal(t, byte(0x40), wrong.Got^wrong.Want)
				require.True(t, r.Void)
				require.Equal(t, err.Error(), r.Failure)
				require.Positive(t, r.Errors[load.WrongEcho])
			}
		}
	}
}

func TestLaterMessagesAreVerifiedToo(t *testing.T) {
	const size, message, place = 100, 7, 55
	address := serveWith(t, "tcp", mended(func(first []byte) []byte {
		first[message*size+place]++
		return first
	}, (message+1)*size))
	_, err := fails(t, load.Config{Address: address, Pattern: load.Pipelined, Size: size, Conns: 3})
	var wrong *load.EchoError
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, uint64(message*size+place), wrong.Offset)
	require.Equal(t, uint64(message), wrong.Message)
	require.Equal(t, place, wrong.At)
	require.Contains(t, err.Error(), "wrong echo: byte 755 (byte 55 of message 7) is 0x")
}

func TestALostByteIsFound(t *testing.T) {
	address := serveWith(t, "tcp", mended(func(first []byte) []byte {
		return append(first[:30], first[31:]...)
	}, 256))
	_, err := fails(t, load.Config{Address: address, Pattern: load.Pipelined, Size: 64, Conns: 1})
	var wrong *load.EchoError
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, uint64(30), wrong.Offset)
	require.Contains(t, err.Error(), "1 bytes before it were lost")
}

func TestADoubledByteIsFound(t *testing.T) {
	address := serveWith(t, "tcp", mended(func(first []byte) []byte {
		return append(first[:40:40], first[38:]...)
	}, 256))
	_, err := fails(t, load.Config{Address: address, Pattern: load.Pipelined, Size: 64, Conns: 1})
	var wrong *load.EchoError
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, uint64(40), wrong.Offset)
	require.Contains(t, err.Error(), "2 bytes before it came twice")
}

func TestADoubledMessageIsFound(t *testing.T) {
	double := mended(func(first []byte) []byte { return append(first, first...) }, 64)
	for _, pattern := range []load.Pattern{load.PingPong, load.Pipelined, load.Slow} {
		_, err := fails(t, load.Config{Address: serveWith(t, "tcp", double), Pattern: pattern, Size: 64, Conns: 1})
		require.Equal(t, load.WrongEcho, load.KindOf(err), "%v", err)
		require.Contains(t, err.Error(), "it is message 0 of this connection")
	}
}

func TestWhatComesAfterTheLastEchoIsFound(t *testing.T) {
	address := serveWith(t, "tcp", func(conn net.Conn) {
		echo(conn) // until the client ends its side
		_, _ = conn.Write([]byte("and more"))
	})
	r, err := try(t, load.Config{Address: address, Conns: 2})
	require.Equal(t, load.WrongEcho, load.KindOf(err), "%v", err)
	require.Contains(t, err.Error(), "bytes that were not sent")
	require.True(t, r.Void)
	require.Positive(t, r.Total.Echoes, "the run itself was right")
}

func TestSwappedMessagesAreFound(t *testing.T) {
	address := serveWith(t, "tcp", mended(func(first []byte) []byte {
		return append(append([]byte{}, first[64:]...), first[:64]...)
	}, 128))
	_, err := fails(t, load.Config{Address: address, Pattern: load.Pipelined, Size: 64, Conns: 1})
	require.Equal(t, load.WrongEcho, load.KindOf(err), "%v", err)
	require.Contains(t, err.Error(), "it is message 1 of this connection")
}

func TestAnotherConnectionsMessageIsWrong(t *testing.T) {
	got := make(chan []byte, 2)
	address := serveWith(t, "tcp", func(conn net.Conn) {
		first := make([]byte, 64)
		if _, err := io.ReadFull(conn, first); err == nil {
			got <- first
			if len(got) == cap(got) {
				_, _ = conn.Write(<-got)
			}
			discard(conn)
		}
	})
	_, err := fails(t, load.Config{Address: address, Conns: 2})
	var wrong *load.EchoError
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, uint64(8), wrong.Offset, "the marks differ")
}

func TestAConnectionThatEndsIsAFailure(t *testing.T) {
	address := serveWith(t, "tcp", func(conn net.Conn) {
		echoFirst(conn, 640)
		_ = conn.(*net.TCPConn).CloseWrite()
		discard(conn)
	})
	r, err := fails(t, load.Config{Address: address, Conns: 2})
	require.Equal(t, load.Closed, load.KindOf(err), "%v", err)
	require.Contains(t, err.Error(), "the server closed the connection; 10 messages came back, 1 did not")
	require.True(t, r.Void)
}

func TestAResetIsAFailure(t *testing.T) {
	address := serveWith(t, "tcp", func(conn net.Conn) {
		echoFirst(conn, 640)
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	})
	_, err := fails(t, load.Config{Address: address, Conns: 2})
	require.Equal(t, load.Reset, load.KindOf(err), "%v", err)
	require.ErrorIs(t, err, syscall.ECONNRESET)
	require.Contains(t, err.Error(), address)
}

func TestASilentConnectionThatEndsIsAFailure(t *testing.T) {
	ended := make(chan struct{})
	address := serveWith(t, "tcp", func(conn net.Conn) {
		echoFirst(conn, 64)
		<-ended
	})
	time.AfterFunc(brief/4, func() { close(ended) })
	_, err := fails(t, load.Config{Address: address, Pattern: load.Idle, Idle: 3})
	require.Equal(t, load.Closed, load.KindOf(err), "%v", err)
}

func TestNoAnswerIsAFailure(t *testing.T) {
	silent := serveWith(t, "tcp", discard)
	for _, pattern := range []load.Pattern{load.PingPong, load.Churn, load.Slow} {
		r, err := fails(t, load.Config{Address: silent, Pattern: pattern, Conns: 2, Timeout: soon})
		require.Equal(t, load.TimedOut, load.KindOf(err), "%v", err)
		require.Contains(t, err.Error(), "no answer for 1s: 0 messages came back")
		require.Contains(t, err.Error(), "is the server at its limit of connections?")
		require.True(t, r.Void)
	}
}

func TestPartOfAnAnswerIsAFailure(t *testing.T) {
	address := serveWith(t, "tcp", func(conn net.Conn) {
		echoFirst(conn, 100)
		discard(conn)
	})
	_, err := fails(t, load.Config{Address: address, Timeout: soon})
	require.Equal(t, load.TimedOut, load.KindOf(err), "%v", err)
	require.Contains(t, err.Error(), "36 of the 64 bytes of message 1 came back")
}

func TestNobodyThereIsAFailure(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	r, err := fails(t, load.Config{Address: "tcp://" + address, Conns: 3})
	require.Equal(t, load.Refused, load.KindOf(err), "%v", err)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.Contains(t, err.Error(), "tcp://"+address)
	require.Contains(t, err.Error(), "is the server running?")
	require.True(t, r.Void)
	require.Zero(t, r.Seconds)

	_, err = try(t, load.Config{Address: "udp://" + address})
	require.Equal(t, load.Refused, load.KindOf(err), "%v", err)

	_, err = try(t, load.Config{Address: "unix://" + filepath.Join(t.TempDir(), "none.sock")})
	require.Equal(t, load.NotFound, load.KindOf(err), "%v", err)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestANameThatDoesNotExistIsAFailure(t *testing.T) {
	_, err := fails(t, load.Config{Address: "tcp://no-such-name.invalid:7"})
	require.Contains(t, []load.Kind{load.NotFound, load.TimedOut}, load.KindOf(err), "%v", err)
	require.Contains(t, err.Error(), "no-such-name.invalid")
}

func TestTooManyConnectionsForThisProcessIsAFailure(t *testing.T) {
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	if limit.Cur > 1<<20 {
		t.Skipf("this process may have %d files open, which is more than a run can ask for", limit.Cur)
	}
	_, err := fails(t, load.Config{Address: "tcp://127.0.0.1:1", Conns: 1 << 20})
	require.Equal(t, load.Descriptors, load.KindOf(err), "%v", err)
	require.ErrorIs(t, err, syscall.EMFILE)
	require.Contains(t, err.Error(), "ulimit -n")
}

func TestARunEndsWithItsContext(t *testing.T) {
	ringtest.Require(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	enough := errors.New("enough")
	r, err := load.Run(ctx, load.Config{
		Address: serveWith(t, "tcp", echo), Conns: 2, Warmup: -1, Duration: patience,
		Progress: func(p load.Progress) {
			if p.Echoes > 0 {
				cancel(enough)
			}
		},
	})
	require.Equal(t, load.Stopped, load.KindOf(err), "%v", err)
	require.ErrorIs(t, err, enough)
	require.True(t, r.Void)
	require.Positive(t, r.Window.Echoes, "what was found until then")
	require.Positive(t, r.Latency.Count())
}

package ops_test

import (
	"net"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/uring"
)

// rawClient speaks to a server with plain system calls, which allocate nothing.
type rawClient struct {
	fd      int
	message []byte
	answer  []byte
}

// dialRaw connects to an address of the loopback interface.
func dialRaw(t testing.TB, address string, size int) *rawClient {
	t.Helper()
	addr, err := net.ResolveTCPAddr("tcp4", address)
	require.NoError(t, err)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	c := &rawClient{fd: fd, message: patterned(size), answer: make([]byte, size)}
	t.Cleanup(c.close)
	require.NoError(t, unix.Connect(fd, &unix.SockaddrInet4{Port: addr.Port, Addr: [4]byte(addr.IP.To4())}))
	require.NoError(t, unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
	return c
}

func (c *rawClient) close() {
	if c.fd >= 0 {
		_ = unix.Close(c.fd)
	}
	c.fd = -1
}

// echo sends the message and waits for all of the answer.
func (c *rawClient) echo() bool {
	if n, err := unix.Write(c.fd, c.message); n != len(c.message) || err != nil {
		return false
	}
	for n := 0; n < len(c.answer); {
		m, err := unix.Read(c.fd, c.answer[n:])
		if m <= 0 || err != nil {
			return false
		}
		n += m
	}
	return true
}

// mallocs counts what the process allocates while fn runs.
func mallocs(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs
}

func TestAnEchoAllocatesNothing(t *testing.T) {
	echoes := uint64(10_000)
	if raceDetector {
		echoes = 1000
	}
	noMultishot := func(f *uring.Features) { f.MultishotReceive = false }
	own := func(op *ops.Op) { op.SetBuffer(make([]byte, 4096)) }
	tests := []struct {
		name  string
		cfg   ops.PortConfig
		setUp func(*ops.Op)
	}{
		{"the kernel's buffers", ops.PortConfig{}, nil},
		{"own buffers", ops.PortConfig{}, own},
		{"no read-ahead, the kernel's buffers", ops.PortConfig{ReadAhead: -1}, nil},
		{"no read-ahead, own buffers", ops.PortConfig{ReadAhead: -1}, own},
		{"no multishot", ops.WithFeatures(ops.PortConfig{}, noMultishot), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newPort(t, test.cfg)
			e := serveEcho(t, p, ops.ListenConfig{}, test.setUp)
			c := dialRaw(t, e.listener.LocalEndpoint().String(), 64)
			failed := 0
			round := func(echoes uint64) {
				for range echoes {
					if !c.echo() {
						failed++
					}
				}
			}
			round(1000) // whatever is made once is made now
			n := mallocs(func() { round(echoes) })
			require.Zero(t, failed)
			require.Equal(t, c.message, c.answer)
			require.Zero(t, n/echoes, "allocations per echo")
			require.Less(t, n, max(echoes/100, 50), "the runtime's own aside, nothing allocates")
			c.close()
		})
	}
}

func TestStartingFromAnotherGoroutineAllocatesNothing(t *testing.T) {
	rounds := uint64(5000)
	if raceDetector {
		rounds = 500
	}
	for name, try := range map[string]bool{"the port sends": false, "the caller tries": true} {
		t.Run(name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{TrySend: try})
			l := listen(t, p, ops.ListenConfig{})
			c := dialRaw(t, l.LocalEndpoint().String(), 16)
			s := accept(t, l)
			receive, send, gather := newJob(), newJob(), newJob()
			send.SetBuffer(c.message[:8])
			gather.SetBufferList([][]byte{c.message[8:12], nil, c.message[12:]})
			run := func(j *job, start func(*ops.Op) bool) {
				if start(j.Op) {
					<-j.completed
				}
			}
			round := func() {
				for range rounds {
					_, _ = unix.Write(c.fd, c.message)
					run(receive, s.ReceiveAsync)
					run(send, s.SendAsync)
					run(gather, s.SendAsync)
					for n := 0; n < 16; {
						m, _ := unix.Read(c.fd, c.answer[n:])
						n += m
					}
				}
			}
			round()
			n := mallocs(round)
			require.Equal(t, c.message, c.answer)
			if !raceDetector || !try { // a gathered try takes its message from a sync.Pool
				require.Less(t, n, max(rounds/100, 50))
			}
			require.NoError(t, receive.Close())
			c.close()
		})
	}
}

func TestPostsTimersAndRefusalsAllocateNothing(t *testing.T) {
	const rounds = 1000
	p := newPort(t, ops.PortConfig{})
	_, s := pair(t, p)
	l := listen(t, p, ops.ListenConfig{})
	closed := ops.NewOp(nil)
	require.NoError(t, closed.Close())
	ran := make(chan struct{}, 1)
	fn := func() { ran <- struct{}{} }
	timer := p.NewTimer(fn)
	empty, both := newJob(), newJob()
	both.SetBuffer([]byte{1})
	both.SetBufferList([][]byte{{1}})
	run := func(j *job, start func(*ops.Op) bool) {
		if start(j.Op) {
			<-j.completed
		}
	}
	round := func() {
		for range rounds {
			_ = p.Post(fn)
			<-ran
			timer.Reset(0)
			<-ran
			timer.Reset(1 << 40)
			timer.Stop()
			run(empty, s.SendAsync)    // nothing to send
			run(both, s.SendAsync)     // both kinds of memory
			run(empty, l.ReceiveAsync) // no connection
			run(empty, s.AcceptAsync)  // does not listen
			_ = s.SendAsync(closed)
			if empty.Err() == nil || both.Err() == nil || closed.Err() == nil {
				panic("a refusal was lost")
			}
		}
	}
	round()
	require.Less(t, mallocs(round), uint64(rounds/100))
}

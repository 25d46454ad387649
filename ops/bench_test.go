package ops_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

// BenchmarkPostForeign is the way of a function from another goroutine to the port and of its answer back.
func BenchmarkPostForeign(b *testing.B) {
	p := newPort(b, ops.PortConfig{})
	ran := make(chan struct{})
	fn := func() { ran <- struct{}{} }
	b.ReportAllocs()
	for b.Loop() {
		_ = p.Post(fn)
		<-ran
	}
}

// BenchmarkSendForeign is a send that another goroutine starts and waits for.
func BenchmarkSendForeign(b *testing.B) {
	for name, try := range map[string]bool{"queued": false, "tried": true} {
		b.Run(name, func(b *testing.B) {
			p := newPort(b, ops.PortConfig{TrySend: try})
			l := listen(b, p, ops.ListenConfig{})
			c := dialRaw(b, l.LocalEndpoint().String(), 64)
			s := accept(b, l)
			j := newJob()
			j.SetBuffer(c.message)
			b.ReportAllocs()
			for b.Loop() {
				if s.SendAsync(j.Op) {
					<-j.completed
				}
				if n, _ := unix.Read(c.fd, c.answer); n != len(c.message) {
					b.Fatal("a send came in parts")
				}
			}
			c.close()
		})
	}
}

// BenchmarkEcho sends 64 bytes back and forth on all connections at once. Client and server share the machine; what the
// port spends is in the metrics.
func BenchmarkEcho(b *testing.B) {
	for _, conns := range []int{1, 64, 1000} {
		b.Run(fmt.Sprintf("conns=%d", conns), func(b *testing.B) { benchmarkEcho(b, conns, 64) })
	}
}

func benchmarkEcho(b *testing.B, conns, size int) {
	p := newPort(b, ops.PortConfig{})
	e := serveEcho(b, p, ops.ListenConfig{}, nil)
	crowd := newCrowd(b, e.listener.LocalEndpoint().String(), conns, size)
	defer crowd.close()
	crowd.echo(b, conns) // everything is set up once it has been through
	turnBy(b, p)
	b.ReportAllocs()
	b.SetBytes(int64(size))
	before := p.Stats().Ring
	b.ResetTimer()
	crowd.echo(b, b.N)
	b.StopTimer()
	turnBy(b, p)
	after := p.Stats().Ring
	perEcho := func(n uint64) float64 { return float64(n) / float64(b.N) }
	b.ReportMetric(perEcho(after.Enters-before.Enters), "enters/echo")
	b.ReportMetric(perEcho(after.SQEs-before.SQEs), "sqes/echo")
	b.ReportMetric(perEcho(after.CQEs-before.CQEs), "cqes/echo")
}

// clientCrowd is many clients on one goroutine, over epoll.
type clientCrowd struct {
	clients []*rawClient
	got     []int // bytes of the answer that each has
	byFD    map[int32]int
	epoll   int
	events  []unix.EpollEvent
}

// newCrowd connects them.
func newCrowd(b *testing.B, address string, conns, size int) *clientCrowd {
	b.Helper()
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	require.NoError(b, err)
	c := &clientCrowd{
		clients: make([]*rawClient, conns), got: make([]int, conns), byFD: make(map[int32]int, conns),
		epoll: epoll, events: make([]unix.EpollEvent, conns),
	}
	for i := range c.clients {
		client := dialRaw(b, address, size)
		c.clients[i] = client
		fd := int32(client.fd)
		c.byFD[fd] = i
		event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: fd}
		require.NoError(b, unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, client.fd, &event))
	}
	return c
}

// echo makes so many echoes in all, as many at once as there are clients.
func (c *clientCrowd) echo(b *testing.B, echoes int) {
	toSend, toCome := echoes, echoes
	for i := range c.clients {
		if toSend > 0 {
			toSend--
			c.send(b, i)
		}
	}
	for toCome > 0 {
		n, err := unix.EpollWait(c.epoll, c.events, -1)
		if err == unix.EINTR {
			continue
		}
		require.NoError(b, err)
		for _, event := range c.events[:n] {
			i := c.byFD[event.Fd]
			if !c.receive(b, i) {
				continue
			}
			toCome--
			if toSend > 0 {
				toSend--
				c.send(b, i)
			}
		}
	}
}

func (c *clientCrowd) send(b *testing.B, i int) {
	client := c.clients[i]
	if n, err := unix.Write(client.fd, client.message); n != len(client.message) {
		b.Fatalf("wrote %d bytes: %v", n, err)
	}
}

// receive takes what there is, and tells whether the answer is whole.
func (c *clientCrowd) receive(b *testing.B, i int) bool {
	client := c.clients[i]
	n, err := unix.Read(client.fd, client.answer[c.got[i]:])
	if n <= 0 {
		b.Fatalf("client %d: %v", i, err)
	}
	c.got[i] += n
	if c.got[i] < len(client.answer) {
		return false
	}
	c.got[i] = 0
	return true
}

func (c *clientCrowd) close() {
	for _, client := range c.clients {
		client.close()
	}
	_ = unix.Close(c.epoll)
}

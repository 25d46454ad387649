package server_test

import (
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/server"
)

// longestDatagram is what IPv4 has room for: 65535 bytes with the headers of IP and UDP.
const longestDatagram = 65507

func TestADatagramIsSentBackToItsSender(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "[::1]", "localhost"} {
		t.Run(host, func(t *testing.T) {
			if host == "[::1]" {
				requireIPv6(t)
			}
			r := start(t, server.Config{Listen: []string{"udp://" + host + ":0"}}, server.Echo{})
			addr := r.Addrs()[0].AddrPort()
			require.NotZero(t, addr.Port())
			var bytes uint64
			clients := []udpClient{udpTo(t, addr), udpTo(t, addr), udpTo(t, addr)}
			for _, n := range []int{0, 1, 100, 0, 1472, 9000, 16 << 10, longestDatagram} {
				for i, c := range clients {
					payload := strings.Repeat(string(rune('a'+i)), n)
					_, err := c.Write([]byte(payload))
					require.NoError(t, err)
					c.requireAnswer(payload)
					bytes += uint64(n)
				}
			}
			r.until("all are counted", func(s server.Stats) bool { return s.Datagrams.Answered == 24 })
			d := r.Stats().Datagrams
			require.EqualValues(t, 24, d.Received)
			require.Equal(t, bytes, d.BytesIn)
			require.Equal(t, bytes, d.BytesOut)
			require.Len(t, d.Dropped, 9)
			for why, n := range d.Dropped {
				require.Zero(t, n, why)
			}
		})
	}
}

func TestManyClientsOfDatagramsAreServedAtOnce(t *testing.T) {
	r := start(t, server.Config{
		Listen: udp4, Shards: 4, Datagrams: server.DatagramConfig{SourceRate: -1, TotalRate: -1, TotalBytes: -1},
	}, server.Echo{})
	clients := make([]udpClient, 16)
	for i := range clients {
		clients[i] = udpTo(t, r.Addrs()[0].AddrPort())
	}
	var all sync.WaitGroup
	var failed atomic.Pointer[error]
	for i, c := range clients {
		all.Go(func() {
			got := make([]byte, 2000)
			for round := range 100 {
				payload := strings.Repeat(string(rune('a'+i)), round*10)
				n, err := 0, error(nil)
				if _, err = c.Write([]byte(payload)); err == nil {
					n, err = c.Read(got)
				}
				if err != nil || string(got[:n]) != payload {
					failed.Store(&err)
					return
				}
			}
		})
	}
	all.Wait()
	require.Nil(t, failed.Load())
	require.EqualValues(t, 1600, r.untilDecided(1600).Answered)
}

func TestAnAnswerLeavesFromTheAddressThatWasAsked(t *testing.T) {
	public := server.DatagramConfig{Public: true}
	for _, listen := range []string{"udp://0.0.0.0:0", "udp://:0", "udp://[::]:0"} {
		t.Run(listen, func(t *testing.T) {
			r := start(t, server.Config{Listen: []string{listen}, Datagrams: public}, server.Echo{})
			hosts := []string{"127.0.0.1", "127.0.0.5", "127.8.9.10"}
			if r.Addrs()[0].AddrPort().Addr().Is6() {
				hosts = append(hosts, "::1")
			}
			for _, host := range hosts {
				// It is connected, and so takes nothing from any other address.
				c := udpTo(t, netip.AddrPortFrom(netip.MustParseAddr(host), r.Addrs()[0].Port()))
				for _, payload := range []string{"who is there", ""} {
					_, err := c.Write([]byte(payload))
					require.NoError(t, err)
					c.requireAnswer(payload)
				}
			}
		})
	}
}

func TestDatagramsAndConnectionsAreServedSideBySide(t *testing.T) {
	r := start(t, server.Config{Listen: []string{"tcp://127.0.0.1:0", "udp://127.0.0.1:0"}}, server.Echo{})
	require.Len(t, r.Addrs(), 2)
	c := udpTo(t, r.Addrs()[1].AddrPort())
	stream := r.dial()
	for range 10 {
		_, err := c.Write([]byte("datagram"))
		require.NoError(t, err)
		requireEcho(t, stream, "stream")
		c.requireAnswer("datagram")
	}
}

func TestDiscardAnswersNoDatagram(t *testing.T) {
	r := start(t, server.Config{Listen: udp4}, server.Discard{})
	c := udpFrom(t, "127.0.0.1:0")
	for range 5 {
		c.send(r, "into the void")
	}
	r.until("all have arrived", func(s server.Stats) bool { return s.Datagrams.Received == 5 })
	require.NoError(t, r.Close())
	c.requireSilence()
	require.Zero(t, decided(r.Stats().Datagrams))
	require.EqualValues(t, 5*13, r.Stats().Datagrams.BytesIn)
}

// datagramHandler is a handler of datagrams only, made of a function.
type datagramHandler struct {
	handler
	answer func(from ops.Endpoint, payload []byte) int
}

func (h *datagramHandler) ReceivedDatagram(from ops.Endpoint, payload []byte) int {
	return h.answer(from, payload)
}

func TestAHandlerWritesItsAnswerOverThePayload(t *testing.T) {
	h := &datagramHandler{answer: func(from ops.Endpoint, payload []byte) int {
		if string(payload) == "no answer" {
			return server.NoAnswer
		}
		return copy(payload, strings.ToUpper(string(payload))[:len(payload)/2])
	}}
	r := start(t, server.Config{Listen: udp4}, h)
	c := udpFrom(t, "127.0.0.1:0")
	c.send(r, "no answer")
	c.send(r, "shouting")
	c.requireAnswer("SHOU")
	c.send(r, "")
	c.requireAnswer("")
	r.until("they are counted", func(s server.Stats) bool { return s.Datagrams.Answered == 2 })
	require.EqualValues(t, 4, r.Stats().Datagrams.BytesOut)
}

func TestAHandlerWithoutDatagramsCannotServeUDP(t *testing.T) {
	ringtest.Require(t)
	ringtest.Descriptors(t)
	_, err := server.New(server.Config{Listen: []string{"tcp://127.0.0.1:0", "udp://127.0.0.1:0"}}, &handler{})
	require.ErrorContains(t, err, "listen on udp://127.0.0.1:0")
	require.ErrorContains(t, err, "*server_test.handler")
	require.ErrorContains(t, err, "ReceivedDatagram")
}

func TestUDPBeyondTheLoopbackInterfaceMustBeAllowed(t *testing.T) {
	ringtest.Require(t)
	ringtest.Descriptors(t)
	for _, address := range []string{
		"udp://0.0.0.0:0", "udp://:0", "udp://[::]:7", "udp://192.0.2.1:7", "udp://[2001:db8::1]:7",
	} {
		cfg := server.Config{Listen: []string{"tcp://127.0.0.1:0", address}, Shards: 1}
		err := cfg.Validate()
		for _, part := range []string{address, "CVE-2024-2169", "--udp-public", "Datagrams.Public"} {
			require.ErrorContains(t, err, part)
		}
		_, err = server.New(cfg, server.Echo{})
		require.ErrorContains(t, err, address)
		cfg.Datagrams.Public = true
		require.NoError(t, cfg.Validate())
	}
	for _, address := range []string{"udp://127.0.0.1:7", "udp://127.1.2.3:7", "udp://[::1]:7", "udp://localhost:7"} {
		require.NoError(t, server.Config{Listen: []string{address}}.Validate(), address)
	}
}

func TestABufferMustHaveRoomForADatagram(t *testing.T) {
	cfg := server.Config{Listen: udp4, BufferSize: 255}
	require.ErrorContains(t, cfg.Validate(), "BufferSize is 255")
	cfg.Listen = nil
	require.NoError(t, cfg.Validate())
}

func TestADatagramPortInUseIsAnErrorThatNamesTheAddress(t *testing.T) {
	for _, shards := range []int{1, 3} {
		ringtest.Require(t)
		ringtest.Descriptors(t)
		first := start(t, server.Config{Listen: udp4, Shards: shards}, server.Echo{})
		cfg := server.Config{Listen: []string{"udp://" + first.addr()}, Shards: shards}
		_, err := server.New(cfg, server.Echo{})
		require.ErrorIs(t, err, syscall.EADDRINUSE)
		require.ErrorContains(t, err, first.addr())
		cfg.TakeOver = true
		second, err := server.New(cfg, server.Echo{})
		require.NoError(t, err, "unless it is to take over")
		require.NoError(t, second.Close())

		alien, err := net.ListenPacket("udp", "127.0.0.1:0")
		require.NoError(t, err)
		cfg.Listen = []string{"udp://" + alien.LocalAddr().String()}
		_, err = server.New(cfg, server.Echo{})
		require.ErrorIs(t, err, syscall.EADDRINUSE)
		require.NoError(t, alien.Close())
	}
}

func TestADatagramPortIsFreeOnceTheServerHasEnded(t *testing.T) {
	r := start(t, server.Config{Listen: udp4}, server.Echo{})
	c := udpTo(t, r.Addrs()[0].AddrPort())
	_, err := c.Write([]byte("before"))
	require.NoError(t, err)
	c.requireAnswer("before")
	require.NoError(t, <-r.shutdown(patience))
	next := start(t, server.Config{Listen: []string{"udp://" + r.addr()}}, server.Echo{})
	require.Equal(t, r.Addrs(), next.Addrs())
	_, err = c.Write([]byte("after")) // to an address that was nobody's: an error that was noted then is told now
	if err != nil {
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		_, err = c.Write([]byte("after"))
	}
	require.NoError(t, err)
	c.requireAnswer("after")
}

func TestAShutdownSendsTheAnswersThatHaveBegun(t *testing.T) {
	entered, proceed := make(chan struct{}), make(chan struct{})
	h := &datagramHandler{answer: func(_ ops.Endpoint, payload []byte) int {
		close(entered)
		<-proceed
		return len(payload)
	}}
	r := start(t, server.Config{Listen: udp4, Shards: 1}, h)
	c := udpFrom(t, "127.0.0.1:0")
	c.send(r, "begun")
	<-entered
	down := r.shutdown(patience)
	close(proceed)
	require.NoError(t, <-down)
	c.requireAnswer("begun")
	require.EqualValues(t, 1, r.Stats().Datagrams.Answered)
}

func TestAServerOfDatagramsThatIsNotServedIsFreed(t *testing.T) {
	ringtest.Require(t)
	ringtest.Descriptors(t)
	for range 2 {
		s, err := server.New(server.Config{Listen: udp4, Shards: 2}, server.Echo{})
		require.NoError(t, err)
		require.NoError(t, s.Close())
		requireNothingLeft(t, s.Stats())
	}
}

func TestWhatWaitsBeforeServeIsAnswered(t *testing.T) {
	ringtest.Require(t)
	s, err := server.New(server.Config{Listen: udp4, Shards: 2}, server.Echo{})
	require.NoError(t, err)
	r := &running{Server: s, t: t, served: make(chan error, 1)}
	c := udpFrom(t, "127.0.0.1:0")
	c.send(r, "early")
	go func() { r.served <- s.Serve(t.Context()) }()
	c.requireAnswer("early")
	r.stop()
}

func TestClientsOfDatagramsThatAreGoneDisturbNobody(t *testing.T) {
	r := start(t, server.Config{Listen: udp4, Shards: 1}, server.Echo{})
	c := udpFrom(t, "127.0.0.1:0")
	for range 50 {
		gone := udpFrom(t, "127.0.0.1:0")
		gone.send(r, "nobody is there for the answer")
		require.NoError(t, gone.Close())
		c.send(r, "still there")
		c.requireAnswer("still there")
	}
	require.EqualValues(t, 100, r.untilDecided(100).Answered)
}

func TestAPausedSessionKeepsNoDatagramWaiting(t *testing.T) {
	kept := make(chan bufring.Buffer, 1)
	h := &datagramHandler{answer: func(_ ops.Endpoint, payload []byte) int { return len(payload) }}
	h.received = func(_ *server.Session, b bufring.Buffer) { kept <- b }
	r := start(t, server.Config{Listen: []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0"}, Shards: 1}, h)
	stream, err := net.Dial("tcp", r.Addrs()[1].String())
	require.NoError(t, err)
	defer stream.Close()
	_, err = stream.Write([]byte("kept by the handler"))
	require.NoError(t, err)
	b := <-kept
	c := udpFrom(t, "127.0.0.1:0")
	c.send(r, "datagram")
	c.requireAnswer("datagram")
	b.Release()
}

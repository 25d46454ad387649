package server_test

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/server"
)

func TestWhatADatagramSaysDecidesWhetherItPasses(t *testing.T) {
	const free, own = ":40000", ":7007"
	to := func(addr string) ops.PacketInfo { return ops.PacketInfo{Address: netip.MustParseAddr(addr)} }
	marked := to("127.0.0.1")
	marked.TrafficClass = 0x04 | 0x01 // with a bit that a router has set
	other := to("127.0.0.1")
	other.TrafficClass = 46 << 2
	broadcast := to("192.0.2.255")
	broadcast.Broadcast = true
	tests := []struct {
		from  string
		info  ops.PacketInfo
		flags ops.SocketFlags
		want  server.DropReason
	}{
		{"192.0.2.1" + free, to("127.0.0.1"), 0, ""},
		{"[2001:db8::1]" + free, to("::1"), 0, ""},
		{"[::ffff:192.0.2.1]" + free, to("::ffff:127.0.0.1"), 0, ""},
		{"[fe80::1%lo]" + free, to("fe80::2%lo"), 0, ""},
		{"192.0.2.1:1024", to("127.0.0.1"), 0, ""},
		{"192.0.2.1" + free, other, 0, ""},
		{"192.0.2.1" + free, to("127.0.0.1"), ops.Peek, ""},

		{"192.0.2.1:0", to("127.0.0.1"), 0, server.DroppedPrivilegedPort},
		{"192.0.2.1:7", to("127.0.0.1"), 0, server.DroppedPrivilegedPort},
		{"[2001:db8::1]:1023", to("::1"), 0, server.DroppedPrivilegedPort},
		{"192.0.2.1" + own, to("127.0.0.1"), 0, server.DroppedOwnPort},
		{"[::1]" + own, to("::1"), 0, server.DroppedOwnPort},
		{"192.0.2.1" + free, to("224.0.0.1"), 0, server.DroppedMulticast},
		{"192.0.2.1" + free, to("::ffff:224.0.0.1"), 0, server.DroppedMulticast},
		{"192.0.2.1" + free, to("255.255.255.255"), 0, server.DroppedMulticast},
		{"192.0.2.1" + free, broadcast, 0, server.DroppedMulticast},
		{"[2001:db8::1]" + free, to("ff02::1"), 0, server.DroppedMulticast},
		{"[2001:db8::1]" + free, to("::"), 0, server.DroppedMulticast},
		{"224.0.0.1" + free, to("127.0.0.1"), 0, server.DroppedMulticast},
		{"255.255.255.255" + free, to("127.0.0.1"), 0, server.DroppedMulticast},
		{"240.0.0.1" + free, to("127.0.0.1"), 0, server.DroppedMulticast},
		{"0.0.0.0" + free, to("127.0.0.1"), 0, server.DroppedMulticast},
		{"0.1.2.3" + free, to("127.0.0.1"), 0, server.DroppedMulticast},
		{"[::ffff:0.0.0.0]" + free, to("127.0.0.1"), 0, server.DroppedMulticast},
		{"[::]" + free, to("::1"), 0, server.DroppedMulticast},
		{"[ff02::1]" + free, to("::1"), 0, server.DroppedMulticast},
		{"192.0.2.1" + free, ops.PacketInfo{}, 0, server.DroppedMulticast},
		{"192.0.2.1" + free, to("127.0.0.1"), ops.Truncated, server.DroppedTruncated},
		{"192.0.2.1" + free, to("127.0.0.1"), ops.ControlDataTruncated, server.DroppedTruncated},
		{"192.0.2.1" + free, marked, 0, server.DroppedLoop},
	}
	for _, test := range tests {
		once := server.DatagramConfig{SourceRate: 1, SourceBurst: 1, Sources: 9, TotalRate: 1, TotalBytes: 1 << 16}
		g := server.NewGuard(once, 7007)
		got := g.Inspect(netip.MustParseAddrPort(test.from), test.info, test.flags, 10, 0)
		require.Equal(t, test.want, got, "%s to %+v", test.from, test.info)
		if test.want != "" {
			got = g.Inspect(netip.MustParseAddrPort("192.0.2.1"+free), to("127.0.0.1"), 0, 10, 0)
			require.Empty(t, got, "what is dropped for what it says uses up nobody's share")
		}
	}
}

func TestASourcesShareIsLookedAtBeforeThatOfAll(t *testing.T) {
	limit := server.DatagramConfig{SourceRate: 1, SourceBurst: 1, Sources: 9, TotalRate: 2, TotalBytes: 1 << 16}
	g := server.NewGuard(limit)
	ask := func(from string) server.DropReason {
		return g.Inspect(netip.MustParseAddrPort(from), ops.PacketInfo{Address: netip.MustParseAddr("::1")}, 0, 10, 0)
	}
	require.Empty(t, ask("192.0.2.1:2000"))
	require.Equal(t, server.DroppedSourceRate, ask("192.0.2.1:3000"))
	require.Empty(t, ask("[2001:db8::1]:2000"), "of the total only what passed was spent")
	require.Equal(t, server.DroppedTotalRate, ask("192.0.2.3:2000"))
}

func TestWithoutLimitsOfRateEverythingPasses(t *testing.T) {
	g := server.NewGuard(server.DatagramConfig{SourceRate: -1, SourceBurst: 1, Sources: 1, TotalRate: -1, TotalBytes: -1})
	info := ops.PacketInfo{Address: netip.MustParseAddr("127.0.0.1")}
	for range 1000 {
		require.Empty(t, g.Inspect(netip.MustParseAddrPort("192.0.2.1:2000"), info, 0, 1<<16, 0))
	}
}

func TestADatagramFromAPrivilegedPortIsDropped(t *testing.T) {
	r := start(t, server.Config{Listen: udp4}, server.Echo{})
	service := privilegedClient(t)
	service.send(r, "from a service")
	r.untilDropped(server.DroppedPrivilegedPort, 1)
	require.NoError(t, r.Close())
	service.requireSilence()
}

// privilegedClient gives a client with a port below 1024 that nobody else has.
func privilegedClient(t testing.TB) udpClient {
	t.Helper()
	for port := 1023; port > 512; port-- {
		conn, err := net.ListenPacket("udp", "127.0.0.9:"+strconv.Itoa(port))
		if err == nil {
			require.NoError(t, conn.Close())
		}
		if err == nil || isDenied(err) {
			return udpFrom(t, "127.0.0.9:"+strconv.Itoa(port))
		}
	}
	require.FailNow(t, "every privileged port is in use")
	panic("unreachable")
}

func TestADatagramFromAPortThatTheServerListensOnIsDropped(t *testing.T) {
	r := start(t, server.Config{Listen: []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0"}}, server.Echo{})
	for i, addr := range r.Addrs() {
		twin := udpFrom(t, net.JoinHostPort("127.0.0.8", strconv.Itoa(int(addr.Port()))))
		twin.send(r, "from another such service")
		r.untilDropped(server.DroppedOwnPort, uint64(i+1))
		twin.requireSilence()
	}
}

func TestABroadcastIsDropped(t *testing.T) {
	for _, listen := range []string{"udp://0.0.0.0:0", "udp://:0"} {
		cfg := server.Config{Listen: []string{listen}, Datagrams: server.DatagramConfig{Public: true}}
		cfg.Shards = 1 // the kernel gives a broadcast to every socket
		r := start(t, cfg, server.Echo{})
		c := udpFrom(t, "127.0.0.1:0")
		c.setOption(unix.SOL_SOCKET, unix.SO_BROADCAST, 1)
		everybody := netip.AddrPortFrom(netip.MustParseAddr("127.255.255.255"), r.Addrs()[0].Port())
		_, err := c.WriteToUDPAddrPort([]byte("is anybody there"), everybody)
		require.NoError(t, err)
		r.untilDropped(server.DroppedMulticast, 1)
	}
}

func TestADatagramThatIsLongerThanABufferIsDroppedAsAWhole(t *testing.T) {
	r := start(t, server.Config{Listen: udp4, BufferSize: 1024}, server.Echo{})
	c := udpFrom(t, "127.0.0.1:0")
	const room = 1024
	c.send(r, ofLength(room+1))
	r.untilDropped(server.DroppedTruncated, 1)
	c.send(r, ofLength(room))
	c.requireAnswer(ofLength(room))
	require.EqualValues(t, 2*room, r.Stats().Datagrams.BytesIn)
}

func TestASourceIsAnsweredUpToItsRate(t *testing.T) {
	begun := time.Now()
	limit := server.DatagramConfig{SourceRate: 1, SourceBurst: 10}
	r := start(t, server.Config{Listen: udp4, Shards: 4, Datagrams: limit}, server.Echo{})
	greedy := make([]udpClient, 64)
	for i := range greedy { // each port by itself would go to any shard
		greedy[i] = r.udpFromHost("127.0.0.3")
		greedy[i].send(r, "me")
	}
	d := r.untilDecided(64)
	earned := 10 + int(time.Since(begun).Seconds()) + 1
	require.GreaterOrEqual(t, d.Answered, uint64(10))
	require.LessOrEqual(t, d.Answered, uint64(earned), "however many ports it has")
	require.Equal(t, 64-d.Answered, d.Dropped[server.DroppedSourceRate])
	for range 10 {
		modest := r.udpFromHost("127.0.0.4")
		modest.send(r, "and me")
		modest.requireAnswer("and me")
	}
}

func TestAnIPv6NetworkIsOneSource(t *testing.T) {
	requireIPv6(t)
	begun := time.Now()
	limit := server.DatagramConfig{SourceRate: 1, SourceBurst: 5}
	r := start(t, server.Config{Listen: []string{"udp://[::1]:0"}, Shards: 3, Datagrams: limit}, server.Echo{})
	for range 32 {
		udpFrom(t, "[::1]:0").send(r, "me")
	}
	d := r.untilDecided(32)
	require.LessOrEqual(t, d.Answered, uint64(5+int(time.Since(begun).Seconds())+1))
	require.Equal(t, 32-d.Answered, d.Dropped[server.DroppedSourceRate])
}

func TestAllSourcesTogetherAreAnsweredUpToTheTotalRate(t *testing.T) {
	for name, limit := range map[string]server.DatagramConfig{
		"datagrams": {TotalRate: 10},
		"bytes":     {TotalBytes: 1 << 16},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, server.Config{Listen: udp4, Datagrams: limit}, server.Echo{})
			c := udpFrom(t, "127.0.0.1:0")
			require.Eventually(t, func() bool {
				for range 20 {
					c.send(r, ofLength(10_000))
				}
				return r.Stats().Datagrams.Dropped[server.DroppedTotalRate] > 0
			}, patience, time.Millisecond)
		})
	}
}

func TestOtherRatesHoldAtOnce(t *testing.T) {
	cfg := server.Config{Listen: udp4, Shards: 2, Buffers: 64}
	cfg.Datagrams = server.DatagramConfig{SourceRate: 1, SourceBurst: 1}
	r := start(t, cfg, server.Echo{})
	c := udpFrom(t, "127.0.0.1:0")
	until := func(why server.DropReason) {
		t.Helper()
		before := r.Stats().Datagrams.Dropped[why]
		require.Eventually(t, func() bool {
			c.send(r, "again")
			return r.Stats().Datagrams.Dropped[why] > before
		}, patience, time.Millisecond)
	}
	until(server.DroppedSourceRate)
	cfg.Datagrams = server.DatagramConfig{SourceRate: -1, TotalRate: 1}
	require.NoError(t, r.Reload(cfg))
	until(server.DroppedTotalRate)
	cfg.Datagrams = server.DatagramConfig{SourceRate: 1, SourceBurst: 1}
	require.NoError(t, r.Reload(cfg))
	until(server.DroppedSourceRate)
	cfg.Datagrams = server.DatagramConfig{SourceRate: -1, TotalRate: -1, TotalBytes: -1}
	require.NoError(t, r.Reload(cfg))
	_, err := lag(t, r.Server)
	require.NoError(t, err, "every shard has come round to it")
	asked := r.udpFromHost("127.0.0.7")
	for range 100 {
		asked.send(r, "no limit")
		asked.requireAnswer("no limit")
	}
	cfg.Datagrams.Sources = 17
	require.ErrorContains(t, r.Reload(cfg), "Datagrams.Sources")
}

func TestTwoEchoServersThatAreMadeToTalkFallSilentAtOnce(t *testing.T) {
	for _, family := range []string{"udp://127.0.0.1:0", "udp://[::1]:0"} {
		t.Run(family, func(t *testing.T) {
			if strings.Contains(family, "::1") {
				requireIPv6(t)
			}
			one := start(t, server.Config{Listen: []string{family}}, server.Echo{})
			two := start(t, server.Config{Listen: []string{family}}, server.Echo{})
			forged := uint64(0)
			require.Eventually(t, func() bool {
				forge(t, one.Addrs()[0], two.Addrs()[0], "round and round")
				forged++
				return one.Stats().Datagrams.Dropped[server.DroppedLoop] > 0
			}, patience, time.Millisecond)
			two.untilDecided(forged)
			settled(t, func() uint64 { return one.Stats().Datagrams.Received })
			d1, d2 := one.Stats().Datagrams, two.Stats().Datagrams
			require.Equal(t, forged, d2.Received, "only what was forged")
			require.Zero(t, d1.Answered)
			require.Equal(t, d1.Received, d1.Dropped[server.DroppedLoop])
			require.LessOrEqual(t, d1.Received, forged)
		})
	}
}

// forge sends a datagram that comes from another's address, as far as the receiver can see.
func forge(t testing.TB, from, to ops.Endpoint, payload string) {
	t.Helper()
	domain, name := unix.AF_INET, func(ep ops.Endpoint) unix.Sockaddr {
		return &unix.SockaddrInet4{Addr: ep.AddrPort().Addr().As4(), Port: int(ep.Port())}
	}
	if from.AddrPort().Addr().Is6() {
		domain, name = unix.AF_INET6, func(ep ops.Endpoint) unix.Sockaddr {
			return &unix.SockaddrInet6{Addr: ep.AddrPort().Addr().As16(), Port: int(ep.Port())}
		}
	}
	fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(fd)
	require.NoError(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
	require.NoError(t, unix.Bind(fd, name(from)))
	require.NoError(t, unix.Sendto(fd, []byte(payload), 0, name(to)))
}

func TestTooManyAnswersAtOnceAreDropped(t *testing.T) {
	gate := make(chan struct{})
	h := &datagramHandler{answer: func(_ ops.Endpoint, payload []byte) int {
		if string(payload) == "block" {
			<-gate
		}
		return len(payload)
	}}
	r := start(t, server.Config{Listen: udp4, Shards: 1, Buffers: 16}, h)
	c := udpFrom(t, "127.0.0.1:0")
	require.Eventually(t, func() bool {
		c.send(r, "block")
		for range 64 {
			c.send(r, "and as many as there are buffers")
		}
		gate <- struct{}{}
		return r.Stats().Datagrams.Dropped[server.DroppedBusy] > 0
	}, patience, time.Millisecond)
}

func TestAnAnswerThatTheKernelRefusesIsCounted(t *testing.T) {
	r := start(t, server.Config{Listen: udp4}, server.Echo{})
	c := udpFrom(t, "127.0.0.1:0")
	c.send(r, "before")
	c.requireAnswer("before")
	server.ShutSend(r.Server)
	for i := range 3 {
		c.send(r, "after")
		r.untilDropped(server.DroppedUnsent, uint64(i+1))
	}
	c.requireSilence()
	require.EqualValues(t, 1, r.Stats().Datagrams.Answered)
}

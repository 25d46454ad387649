package echod

import (
	"runtime"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/server"
)

// parsed is what a command line gives.
func parsed(t *testing.T, args ...string) serveOptions {
	t.Helper()
	var c commands
	chosen, _ := parse(&c, quiet(args...))
	require.Equal(t, &c.Serve, chosen)
	return c.Serve
}

func TestTheFlagsReachTheServer(t *testing.T) {
	o := parsed(t, "--listen=tcp://[::1]:9", "--listen=tcp://:10", "--take-over", "--shards=3", "--pin-cpus",
		"--spin=50us", "--max-conns=5", "--max-conns-per-ip=6", "--accept-rate=7", "--accept-burst=8", "--backlog=9",
		"--idle-timeout=1m", "--lifetime=2m", "--write-timeout=3m", "--linger-timeout=4m",
		"--high-water=2MiB", "--max-queued=3GiB", "--buffer-size=8KiB", "--buffers=64",
		"--udp-public", "--udp-source-rate=10", "--udp-source-burst=11", "--udp-sources=12",
		"--udp-total-rate=13", "--udp-total-bytes=14MiB")
	cfg := o.config(nil)
	require.NoError(t, cfg.Validate())
	require.Equal(t, server.Config{
		Listen: []string{"tcp://[::1]:9", "tcp://:10"}, TakeOver: true, Shards: 3, PinCPUs: true,
		Spin: 50 * time.Microsecond, MaxConns: 5, MaxConnsPerIP: 6, AcceptRate: 7, AcceptBurst: 8, Backlog: 9,
		IdleTimeout: time.Minute, Lifetime: 2 * time.Minute, WriteTimeout: 3 * time.Minute, LingerTimeout: 4 * time.Minute,
		HighWater: 2 << 20, MaxQueued: 3 << 30, BufferSize: 8 << 10, Buffers: 64,
		Datagrams: server.DatagramConfig{Public: true, SourceRate: 10, SourceBurst: 11, Sources: 12, TotalRate: 13,
			TotalBytes: 14 << 20},
	}, cfg)
}

func TestWithoutFlagsTheServerHasItsDefaultsAndAWriteTimeout(t *testing.T) {
	o := parsed(t)
	cfg := o.config(nil)
	require.NoError(t, cfg.Validate())
	require.NoError(t, o.validate())
	require.Equal(t, server.Config{
		Shards:   runtime.GOMAXPROCS(0),
		MaxConns: server.DefaultMaxConns, Backlog: server.DefaultBacklog,
		WriteTimeout: time.Minute, LingerTimeout: server.DefaultLingerTimeout,
		HighWater: server.DefaultHighWater, MaxQueued: 256 << 20,
		Datagrams: server.DatagramConfig{SourceRate: server.DefaultSourceRate, SourceBurst: server.DefaultSourceBurst,
			Sources: server.DefaultSources, TotalRate: server.DefaultTotalRate, TotalBytes: server.DefaultTotalBytes},
	}, cfg)
}

func TestARateOfZeroIsNoLimit(t *testing.T) {
	cfg := parsed(t, "--udp-source-rate=0", "--udp-total-rate=0", "--udp-total-bytes=0", "--accept-rate=0").config(nil)
	require.NoError(t, cfg.Validate())
	require.Zero(t, cfg.AcceptRate, "which is none to the server")
	require.Negative(t, cfg.Datagrams.SourceRate)
	require.Negative(t, cfg.Datagrams.TotalRate)
	require.Negative(t, cfg.Datagrams.TotalBytes)
}

func TestTheHandlerIsTheOneThatIsNamed(t *testing.T) {
	require.Equal(t, server.Echo{}, parsed(t).Addresses.Handler.handler())
	require.Equal(t, server.Echo{}, parsed(t, "--handler=echo").Addresses.Handler.handler())
	require.Equal(t, server.Discard{}, parsed(t, "--handler=discard").Addresses.Handler.handler())
}

func TestTheAdminAddressIsTCPOrUnix(t *testing.T) {
	for _, address := range []string{
		"", "127.0.0.1:9107", "[::1]:0", "localhost:80", ":9107", "unix:///run/x.sock", "unix://@x",
	} {
		require.NoError(t, adminOptions{Admin: address}.validate(), "%q", address)
	}
	for _, address := range []string{
		"127.0.0.1", "9107", "127.0.0.1:http", "tcp://127.0.0.1:9107", "unix://@", "/run/x",
	} {
		require.ErrorContains(t, adminOptions{Admin: address}.validate(), "--admin", "%q", address)
	}
}

func TestEveryFlagHasAText(t *testing.T) {
	var c commands
	parser, err := kong.New(&c, defaults(), kong.PostBuild(describe))
	require.NoError(t, err)
	flags := map[string]bool{}
	require.NoError(t, kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			require.NotEmpty(t, flag.Help, "--%s", flag.Name)
			flags[flag.Name] = true
		}
		return next(nil)
	}))
	for name := range texts {
		require.True(t, flags[name], "there is no --%s", name)
	}
}

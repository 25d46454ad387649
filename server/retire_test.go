package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/server"
)

// listenerOf is a listener of package net on the only socket of a server that is handed over.
func listenerOf(t testing.TB, s *server.Server) net.Listener {
	t.Helper()
	files, err := s.ListenerFiles()
	require.NoError(t, err)
	defer closeAll(t, files)
	require.Len(t, files, 1)
	l, err := net.FileListener(files[0].File)
	require.NoError(t, err)
	return l
}

// retireMeanwhile retires the server on another goroutine.
func (r *running) retireMeanwhile(limit time.Duration) <-chan error {
	return r.meanwhile(limit, (*server.Server).Retire)
}

func TestARetiredServerLeavesItsListenersToOthers(t *testing.T) {
	for _, address := range []string{"tcp://127.0.0.1:0", "unix://" + abstractName(t), "unix://" + socketPath(t)} {
		t.Run(address[:4], func(t *testing.T) {
			ringtest.Require(t)
			ringtest.Descriptors(t)
			r := start(t, server.Config{Listen: []string{address}, Shards: 1}, server.Echo{})
			first := connect(t, r.Listeners()[0])
			requireEcho(t, first, "it accepts")
			require.NoError(t, first.Close())
			l := listenerOf(t, r.Server)
			defer l.Close()
			require.NoError(t, r.Retire(t.Context()))
			c := connect(t, r.Listeners()[0])
			successor, err := l.Accept()
			require.NoError(t, err)
			require.NoError(t, successor.Close())
			requireEnd(t, c)
			require.ErrorIs(t, r.Ready(), net.ErrClosed)
			require.NoError(t, r.Retire(t.Context()), "again")
			require.NoError(t, r.Shutdown(t.Context()), "or in another way")
		})
	}
}

func TestARetiringServerServesTheConnectionsThatWaitForIt(t *testing.T) {
	const clients = 2 // who are served one by one
	for _, address := range []string{"tcp://127.0.0.1:0", "unix://" + abstractName(t)} {
		for _, shards := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s/%d", address[:4], shards), func(t *testing.T) {
				cfg := server.Config{Listen: []string{address}, Shards: shards, MaxConns: 1, LingerTimeout: patience}
				r := start(t, cfg, server.Echo{})
				first := connect(t, r.Listeners()[0])
				requireEcho(t, first, "the only place is taken")
				waiting := make([]net.Conn, clients)
				for i := range waiting {
					waiting[i] = connect(t, r.Listeners()[0])
					require.NoError(t, sendSource(waiting[i], i, 10_000, 1000))
				}
				retired := r.retireMeanwhile(patience)
				requireEnd(t, first)
				require.NoError(t, first.Close())
				together(t, clients, func(i int) error {
					at, err := differs(waiting[i], i, 10_000)
					if at >= 0 || err != nil {
						return fmt.Errorf("at %d: %w", at, err)
					}
					return errors.Join(awaitEnd(waiting[i]), waiting[i].Close())
				})
				require.NoError(t, <-retired)
				require.EqualValues(t, clients+1, r.Stats().Drained())
				require.Zero(t, r.Stats().Rejected[server.RejectedDraining])
			})
		}
	}
}

func TestAConnectionForWhichACancelledAcceptWasWokenIsServed(t *testing.T) {
	for _, address := range []string{"tcp://127.0.0.1:0", "unix://" + abstractName(t)} {
		t.Run(address[:4], func(t *testing.T) {
			blocked, release := make(chan struct{}), make(chan struct{})
			h := &handler{received: func(s *server.Session, b bufring.Buffer) {
				if string(b.Bytes()) == "block" {
					close(blocked)
					<-release
				}
				s.Send(b)
			}}
			r := start(t, server.Config{Listen: []string{address}, Shards: 1, LingerTimeout: patience}, h)
			first := connect(t, r.Listeners()[0])
			_, err := first.Write([]byte("block"))
			require.NoError(t, err)
			<-blocked
			second := connect(t, r.Listeners()[0]) // wakes the accept of a shard that cannot look yet
			retired := r.retireMeanwhile(patience)
			require.Eventually(t, func() bool { return r.Ready() != nil }, patience, time.Millisecond, "it has begun")
			close(release)
			requireEcho(t, second, "served")
			requireEnd(t, second)
			require.NoError(t, second.Close())
			require.NoError(t, first.Close())
			require.NoError(t, <-retired)
		})
	}
}

// fewDescriptors lets the process open so many more descriptors at most, until the test ends.
func fewDescriptors(t testing.TB, more int) {
	t.Helper()
	free, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0) // the lowest that is free
	require.NoError(t, err)
	require.NoError(t, unix.Close(free))
	var before unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	t.Cleanup(func() { require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &before)) })
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(free + more), Max: before.Max}))
}

// spendDescriptors opens as many as the process may, until the test ends.
func spendDescriptors(t testing.TB) {
	t.Helper()
	for {
		fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0)
		if err == unix.EMFILE {
			return
		}
		require.NoError(t, err)
		t.Cleanup(func() { unix.Close(fd) })
	}
}

func TestARetiringServerEndsSessionsForTheDescriptorsThatOthersWaitFor(t *testing.T) {
	fewDescriptors(t, 100) // before the first accept, which keeps the limit that it has met
	r := start(t, server.Config{Shards: 1, LingerTimeout: patience}, server.Echo{})
	first := r.dial()
	requireEcho(t, first, "I hold a descriptor")
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	second := rawClient(fd)
	defer unix.Close(fd)
	spendDescriptors(t)
	at := r.Addrs()[0].AddrPort()
	require.NoError(t, unix.Connect(fd, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}))
	r.until("there is no descriptor for it", func(s server.Stats) bool { return s.Shards[0].NoDescriptors > 0 })

	retired := r.retireMeanwhile(patience)
	requireEnd(t, first)
	require.NoError(t, first.Close())
	message := []byte("I was let in")
	second.echo(t, message, make([]byte, len(message)))
	require.NoError(t, unix.Shutdown(fd, unix.SHUT_WR))
	require.NoError(t, <-retired)
}

func TestWhoHasJustConnectedMaySpeakToARetiringServer(t *testing.T) {
	r := start(t, server.Config{Shards: 1, LingerTimeout: patience}, server.Echo{})
	silent, other := r.dial(), r.dial()
	requireEcho(t, other, "I have said what I wanted")
	r.until("both are accepted", func(s server.Stats) bool { return s.Sessions == 2 })
	retired := r.retireMeanwhile(patience)
	requireEnd(t, other)
	require.NoError(t, other.Close())
	requireEcho(t, silent, "my first words")
	requireEnd(t, silent)
	require.NoError(t, silent.Close())
	require.NoError(t, <-retired)
}

// Long after it would have ended in a shutdown, and with pauses that are longer than a shutdown grants.
func TestWhoSendsOnIsServedByARetiringServer(t *testing.T) {
	r := start(t, server.Config{Shards: 1, LingerTimeout: 50 * time.Millisecond}, server.Echo{})
	c := r.dial()
	requireEcho(t, c, "before")
	retired := r.retireMeanwhile(time.Hour)
	r.until("it retires", func(server.Stats) bool { return r.Ready() != nil })
	pause := time.NewTicker(3 * server.DrainGrace / 2)
	defer pause.Stop()
	for range 5 {
		requireEcho(t, c, "meanwhile")
		<-pause.C
	}
	requireEcho(t, c, "and one more")
	require.NoError(t, c.Close())
	require.NoError(t, <-retired)
	require.Zero(t, r.Stats().Cut())
}

func TestWhoSendsOnIsAskedToEndBeforeARetirementIsOver(t *testing.T) {
	r := start(t, server.Config{Shards: 1, LingerTimeout: 50 * time.Millisecond}, server.Echo{})
	c := r.dial()
	requireEcho(t, c, "before")
	retired := r.retireMeanwhile(500 * time.Millisecond)
	sent := 0
	for ; ; sent++ {
		if _, err := c.Write([]byte("x")); err != nil {
			break // it has closed after all
		}
		if n, err := c.Read(make([]byte, 1)); n == 0 {
			require.ErrorIs(t, err, io.EOF, "the end of the stream, no reset")
			break
		}
	}
	require.NoError(t, c.Close())
	require.NoError(t, <-retired, "nobody is cut")
	require.Positive(t, sent)
}

func TestARetirementThatTakesTooLongIsCut(t *testing.T) {
	// On one shard, so that nobody is let in for the one that is cut.
	r := start(t, server.Config{Shards: 1, MaxConns: 1, LingerTimeout: patience}, server.Echo{})
	c := r.dial() // and says nothing
	r.until("it is accepted", func(s server.Stats) bool { return s.Sessions == 1 })
	waits := r.dial()
	err := <-r.retireMeanwhile(200 * time.Millisecond)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "server: retire: 1 connections were cut")
	for _, c := range []net.Conn{c, waits} {
		_, err = c.Read(make([]byte, 1))
		require.Error(t, err)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	}
}

func TestAServerThatWasNeverServedTakesNothingWhenItRetires(t *testing.T) {
	ringtest.Require(t)
	ringtest.Descriptors(t)
	s, err := server.New(server.Config{Listen: []string{"tcp://127.0.0.1:0"}, Shards: 1}, server.Echo{})
	require.NoError(t, err)
	l := listenerOf(t, s)
	defer l.Close()
	c := connect(t, s.Listeners()[0])
	defer c.Close()
	require.NoError(t, s.Retire(t.Context()))
	successor, err := l.Accept()
	require.NoError(t, err)
	defer successor.Close()
	require.Equal(t, c.LocalAddr(), successor.RemoteAddr())
}

func TestAServerMayBeClosedWhileItRetires(t *testing.T) {
	r := start(t, server.Config{LingerTimeout: patience}, server.Echo{})
	requireEcho(t, r.dial(), "hello")
	r.dial() // says nothing, and would be waited for
	retired := r.retireMeanwhile(patience)
	require.NoError(t, r.Close())
	require.NoError(t, <-retired)
}

func TestAListenerThatIsGivenUpIsNotAskedToAccept(t *testing.T) {
	log := new(logBuffer)
	cfg := server.Config{Shards: 1, Logger: slog.New(slog.NewTextHandler(log, nil))}
	for range 50 {
		r := start(t, cfg, server.Echo{})
		require.Eventually(t, func() bool { return r.Ready() == nil }, patience, time.Microsecond, "accepting begins")
		require.NoError(t, <-r.retireMeanwhile(patience))
		require.NoError(t, r.Close())
	}
	require.Empty(t, log.lines("level=ERROR"))
}

// generation is one of the servers that follow each other.
type generation struct {
	*server.Server
	served chan error
}

// follow makes a server with the listeners of the one before, and then retires that.
func follow(t *testing.T, before *generation, cfg server.Config) *generation {
	t.Helper()
	if before != nil {
		files, err := before.ListenerFiles()
		require.NoError(t, err)
		defer closeAll(t, files)
		cfg.Inherited = files
	}
	s, err := server.New(cfg, server.Echo{})
	require.NoError(t, err)
	g := &generation{Server: s, served: make(chan error, 1)}
	go func() { g.served <- s.Serve(context.Background()) }()
	if before != nil {
		require.Equal(t, before.Listeners(), g.Listeners())
		before.end(t, (*server.Server).Retire)
	}
	return g
}

// end brings the server to its end and looks at what it leaves.
func (g *generation) end(t *testing.T, how func(*server.Server, context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(t, how(g.Server, ctx))
	if err := <-g.served; !errors.Is(err, net.ErrClosed) { // its end came before Serve began
		require.NoError(t, err)
	}
	s := g.Stats()
	requireNothingLeft(t, s)
	require.Zero(t, s.Cut())
	require.Zero(t, s.Rejected[server.RejectedDraining])
	require.Zero(t, s.Ended[server.EndedByError])
}

// crowd is many clients while servers follow each other.
type crowd struct {
	address          string
	passing, staying clients
	echoes, resets   atomic.Int64
	mu               sync.Mutex
	errs             []error
}

// gather lets clients come.
func gather(address string, passers, stayers int) *crowd {
	c := &crowd{address: address}
	for i := range passers {
		c.add(&c.passing, i, c.pass)
	}
	for i := range stayers {
		c.add(&c.staying, passers+i, c.stay)
	}
	return c
}

// clients do the same over and over until they are stopped.
type clients struct {
	stopped atomic.Bool
	wait    sync.WaitGroup
}

func (c *clients) stop() { c.stopped.Store(true) }

// dial connects a client. TCP clients have addresses of their own, since the ports of one are soon used up.
func (c *crowd) dial(i int) (net.Conn, error) {
	network, at, _ := strings.Cut(c.address, "://")
	dialer := net.Dialer{Timeout: patience}
	if network == "tcp" {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 1, byte(i)}), 0))
	}
	conn, err := dialer.Dial(network, at)
	if err != nil {
		return nil, err
	}
	return conn, conn.SetDeadline(time.Now().Add(patience))
}

// add lets a client do something over and over.
func (c *crowd) add(among *clients, i int, what func(i int) error) {
	among.wait.Go(func() {
		for !among.stopped.Load() {
			if err := what(i); err != nil {
				c.mu.Lock()
				c.errs = append(c.errs, fmt.Errorf("client %d: %w", i, err))
				c.mu.Unlock()
				return
			}
		}
	})
}

// failure is what clients met so far that they should not.
func (c *crowd) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return errors.Join(c.errs...)
}

// pass connects, has something echoed, and leaves: with a reset, since ports of so many clients would be used up by
// TIME_WAIT.
func (c *crowd) pass(i int) error {
	conn, err := c.come(i)
	if err != nil {
		return err
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		c.resets.Add(1)
		return reset(tcp)
	}
	return conn.Close()
}

// stay connects, has something echoed, and stays until the server ends the connection, in order.
func (c *crowd) stay(i int) error {
	conn, err := c.come(i)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := awaitEnd(conn); err != nil {
		return err
	}
	return conn.Close()
}

// come connects a client and has something echoed.
func (c *crowd) come(i int) (net.Conn, error) {
	conn, err := c.dial(i)
	if err != nil {
		return nil, err
	}
	if err := c.echo(conn, i); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func (c *crowd) echo(conn net.Conn, i int) error {
	message := fmt.Appendf(nil, "client %d, echo %d", i, c.echoes.Add(1))
	if _, err := conn.Write(message); err != nil {
		return err
	}
	got := make([]byte, len(message))
	if _, err := io.ReadFull(conn, got); err != nil {
		return err
	}
	if string(got) != string(message) {
		return fmt.Errorf("%q came back for %q", got, message)
	}
	return nil
}

func TestServersFollowEachOtherAndNoClientNotices(t *testing.T) {
	tests := []struct {
		name    string
		address string
		shards  []int // of one server after the other
	}{
		{"tcp", "tcp://127.0.0.1:0", []int{2, 2, 2, 2, 2}},
		{"tcp, other numbers of shards", "tcp://127.0.0.1:0", []int{2, 1, 3, 1}},
		{"unix", "unix://" + socketPath(t), []int{2, 2, 2}},
		{"abstract, other numbers of shards", "unix://" + abstractName(t), []int{1, 3, 2, 1}},
	}
	const stayers = 10
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ringtest.Require(t)
			ringtest.Descriptors(t)
			cfg := server.Config{Listen: []string{test.address}, LingerTimeout: patience, Buffers: 256}
			cfg.Shards = test.shards[0]
			g := follow(t, nil, cfg)
			c := gather(g.Listeners()[0], 50, stayers)
			resets := uint64(0)
			for _, shards := range test.shards[1:] {
				before := g
				cfg.Shards = shards
				g = follow(t, g, cfg)
				resets += before.Stats().Ended[server.EndedByReset]
			}
			c.passing.stop()
			c.passing.wait.Wait()
			require.Eventually(t, func() bool { return g.Stats().Sessions == stayers || c.failure() != nil }, patience,
				time.Millisecond, "only those who stay are left")
			require.NoError(t, c.failure())
			c.staying.stop() // once the last server ends
			g.end(t, (*server.Server).Shutdown)
			c.staying.wait.Wait()
			require.NoError(t, c.failure())
			resets += g.Stats().Ended[server.EndedByReset]
			t.Logf("%d echoes, %d resets", c.echoes.Load(), resets)
			require.LessOrEqual(t, resets, uint64(c.resets.Load()), "others are no client's wish")
			require.NotZero(t, c.echoes.Load())
		})
	}
}

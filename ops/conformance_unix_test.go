package ops_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

// waitSockets waits until a port has so many sockets.
func waitSockets(t testing.TB, p *ops.Port, n int) {
	t.Helper()
	waitStats(t, p, "the sockets are closed", func(s ops.Stats) bool { return s.Sockets == n })
}

func TestBytesGoToAndFroOverAUnixSocket(t *testing.T) { // T-114, T-115
	p := newPort(t, ops.PortConfig{})
	for name, ep := range map[string]ops.Endpoint{"path": tempPath(t), "abstract": abstractName(t)} {
		l := listenOn(t, p, ep, ops.ListenConfig{})
		client := newSocket(t, p, ops.FamilyUnix, ops.Stream)
		connect(t, client, ep)
		server := accept(t, l)
		for range 10 {
			requireEcho(t, client, server)
		}
		require.Equal(t, ep, client.RemoteEndpoint(), name)
		require.Equal(t, ep, server.LocalEndpoint(), name)
		require.Equal(t, ep, l.LocalEndpoint(), name)
		if name == "path" {
			require.FileExists(t, ep.Path())
		}
		for _, s := range []*ops.Socket{client, server, l} {
			require.NoError(t, s.Close())
		}
		waitSockets(t, p, 0)
		require.NoFileExists(t, ep.Path())
	}
}

func TestConnectingToAMissingPathIsAddressNotAvailable(t *testing.T) { // T-116, T-117
	p := newPort(t, ops.PortConfig{})
	missing := tempPath(t)
	s := newSocket(t, p, ops.FamilyUnix, ops.Stream)
	j := to(missing)
	for _, start := range []func(*ops.Op) bool{s.ConnectAsync, p.ConnectAsync} {
		j.run(t, start)
		require.Equal(t, ops.AddressNotAvailable, j.SocketError())
		require.ErrorIs(t, j.Err(), unix.ENOENT)
		require.NoError(t, j.ConnectByNameError())
		require.Nil(t, j.ConnectSocket())
	}
	abstract := to(abstractName(t)).run(t, s.ConnectAsync)
	require.Equal(t, ops.ConnectionRefused, abstract.SocketError())
	listenOn(t, p, missing, ops.ListenConfig{})
	connect(t, s, missing)
}

func TestConnectingToAFileThatIsNoSocketIsRefused(t *testing.T) { // T-117
	p := newPort(t, ops.PortConfig{})
	ep := tempPath(t)
	require.NoError(t, os.WriteFile(ep.Path(), nil, 0o600))
	j := to(ep).run(t, newSocket(t, p, ops.FamilyUnix, ops.Stream).ConnectAsync)
	require.Equal(t, ops.ConnectionRefused, j.SocketError())
	_, err := p.Listen(ep, ops.ListenConfig{})
	require.ErrorIs(t, err, unix.EADDRINUSE)
	require.FileExists(t, ep.Path())
}

func TestManyOneByteSendsKeepTheirOrder(t *testing.T) { // T-118, T-119
	p := newPort(t, ops.PortConfig{})
	client, server := unixPair(t, p)
	const n = 2048
	sends, receives := jobs(n), jobs(n)
	for i := range n {
		receives[i].SetBuffer(make([]byte, 1))
		receives[i].pending(t, server.ReceiveAsync)
	}
	data := patterned(n)
	for i := range n {
		sends[i].SetBuffer(data[i : i+1])
		if !client.SendAsync(sends[i].Op) {
			sends[i].completed <- struct{}{}
		}
	}
	for i := range n {
		require.NoError(t, sends[i].wait(t).Err())
		require.NoError(t, receives[i].wait(t).Err())
		require.Equal(t, data[i:i+1], receives[i].Bytes())
	}
}

func TestTheServerSeesAClientsPath(t *testing.T) { // T-120, T-121
	p := newPort(t, ops.PortConfig{})
	l := listenOn(t, p, tempPath(t), ops.ListenConfig{})
	abstract := abstractName(t)
	for name, ep := range map[string]ops.Endpoint{"path": tempPath(t), "abstract": abstract, "none": {}} {
		client := newSocket(t, p, ops.FamilyUnix, ops.Stream)
		if name != "none" {
			require.NoError(t, client.Bind(ep))
		}
		connect(t, client, l.LocalEndpoint())
		server := accept(t, l)
		require.Equal(t, ep, server.RemoteEndpoint(), name)
		require.Equal(t, ep, client.LocalEndpoint(), name)
		require.Equal(t, l.LocalEndpoint(), client.RemoteEndpoint(), name)
	}
}

func TestBindingToNothingTakesAnAbstractNameOfTheKernels(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	s := bind(t, p, ops.Dgram, ops.UnixEndpoint(""))
	require.True(t, strings.HasPrefix(s.LocalEndpoint().Path(), "@"))
}

func TestTheListenerThatMadeAPathRemovesIt(t *testing.T) { // T-122
	p := newPort(t, ops.PortConfig{})
	t.Chdir(t.TempDir())
	for name, listen := range map[string]func(ep ops.Endpoint) *ops.Socket{
		"Port.Listen": func(ep ops.Endpoint) *ops.Socket { return listenOn(t, p, ep, ops.ListenConfig{}) },
		"Bind and Listen": func(ep ops.Endpoint) *ops.Socket {
			s := bind(t, p, ops.Stream, ep)
			require.NoError(t, s.Listen(0))
			return s
		},
	} {
		absolute, err := filepath.Abs("relative")
		require.NoError(t, err)
		l := listen(ops.UnixEndpoint("relative"))
		require.FileExists(t, absolute, name)
		elsewhere := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(elsewhere, "relative"), nil, 0o600))
		home, err := os.Getwd()
		require.NoError(t, err)
		require.NoError(t, os.Chdir(elsewhere))
		require.NoError(t, l.Close())
		waitSockets(t, p, 0)
		require.NoFileExists(t, absolute, name)
		require.FileExists(t, filepath.Join(elsewhere, "relative"), name)
		require.NoError(t, os.Chdir(home))
	}
}

func TestAListenersPathIsGoneWhenCloseReturns(t *testing.T) { // T-122
	p := newPort(t, ops.PortConfig{})
	ep := tempPath(t)
	release := holdUp(t, p)
	l := listenOn(t, p, ep, ops.ListenConfig{})
	newJob().pending(t, l.AcceptAsync)
	require.NoError(t, l.Close())
	require.NoFileExists(t, ep.Path(), "though the port has not come round to it")
	next := listenOn(t, p, ep, ops.ListenConfig{})
	release()
	waitSockets(t, p, 1)
	require.FileExists(t, ep.Path(), "the file is removed once, and this is another")
	client := newSocket(t, p, ops.FamilyUnix, ops.Stream)
	connect(t, client, ep)
	requireEcho(t, client, accept(t, next))
}

func TestAnAbortedAcceptFindsThePathOfItsListenerFree(t *testing.T) { // T-122
	p := newPort(t, ops.PortConfig{})
	ep := tempPath(t)
	for range 100 {
		l := listenOn(t, p, ep, ops.ListenConfig{})
		result := make(chan error, 1)
		op := ops.NewOp(func(*ops.Op) {
			again, err := p.Listen(ep, ops.ListenConfig{})
			if err == nil {
				err = again.Close()
			}
			result <- err
		})
		require.True(t, l.AcceptAsync(op))
		require.NoError(t, l.Close())
		require.NoError(t, await(t, result))
	}
}

func TestNobodyElseRemovesAPath(t *testing.T) { // T-122
	p := newPort(t, ops.PortConfig{})
	t.Run("a bound socket that does not listen", func(t *testing.T) {
		ep := tempPath(t)
		require.NoError(t, bind(t, p, ops.Stream, ep).Close())
		waitSockets(t, p, 0)
		require.FileExists(t, ep.Path())
	})
	t.Run("a datagram socket", func(t *testing.T) {
		ep := tempPath(t)
		require.NoError(t, bind(t, p, ops.Dgram, ep).Close())
		waitSockets(t, p, 0)
		require.FileExists(t, ep.Path())
	})
	t.Run("an accepted socket", func(t *testing.T) {
		client, server := unixPair(t, p)
		path := server.LocalEndpoint().Path()
		require.NoError(t, server.Close())
		require.NoError(t, client.Close())
		waitSockets(t, p, 1)
		require.FileExists(t, path)
	})
	t.Run("a listener whose file was replaced", func(t *testing.T) {
		ep := tempPath(t)
		l := listenOn(t, p, ep, ops.ListenConfig{})
		require.NoError(t, os.Remove(ep.Path()))
		require.NoError(t, os.WriteFile(ep.Path(), []byte("mine"), 0o600))
		require.NoError(t, l.Close())
		waitSockets(t, p, 0)
		require.FileExists(t, ep.Path())
	})
	t.Run("a listener that was detached", func(t *testing.T) {
		ep := tempPath(t)
		fd, err := listenOn(t, p, ep, ops.ListenConfig{}).Detach()
		require.NoError(t, err)
		require.FileExists(t, ep.Path())
		l, err := p.Associate(fd)
		require.NoError(t, err)
		require.NoError(t, l.Close())
		waitSockets(t, p, 0)
		require.FileExists(t, ep.Path(), "nor one that did not make it")
	})
}

func TestClosingThePortRemovesThePathsOfItsListeners(t *testing.T) { // T-122
	newPort(t, ops.PortConfig{})
	p, err := ops.NewPort(ops.PortConfig{})
	require.NoError(t, err)
	ep := tempPath(t)
	_, err = p.Listen(ep, ops.ListenConfig{})
	require.NoError(t, err)
	require.NoError(t, p.Close())
	require.NoFileExists(t, ep.Path())
}

func TestAPathThatIsInUseIsNotTaken(t *testing.T) { // T-122
	p := newPort(t, ops.PortConfig{})
	ep := tempPath(t)
	l := listenOn(t, p, ep, ops.ListenConfig{})
	_, err := p.Listen(ep, ops.ListenConfig{})
	require.ErrorIs(t, err, unix.EADDRINUSE)
	require.ErrorContains(t, err, ep.Path())
	require.ErrorIs(t, newSocket(t, p, ops.FamilyUnix, ops.Stream).Bind(ep), unix.EADDRINUSE)
	require.FileExists(t, ep.Path(), "a failure removes nothing of others")
	client := newSocket(t, p, ops.FamilyUnix, ops.Stream)
	connect(t, client, ep)
	requireEcho(t, client, accept(t, l))
}

func TestADatagramTellsItsSendersPath(t *testing.T) { // T-123
	p := newPort(t, ops.PortConfig{})
	server := bind(t, p, ops.Dgram, tempPath(t))
	for name, ep := range map[string]ops.Endpoint{"path": tempPath(t), "abstract": abstractName(t), "none": {}} {
		client := newSocket(t, p, ops.FamilyUnix, ops.Dgram)
		if name != "none" {
			require.NoError(t, client.Bind(ep))
		}
		out := to(server.LocalEndpoint())
		out.SetBuffer([]byte(name))
		require.NoError(t, out.run(t, client.SendToAsync).Err(), name)
		in := to(anyLoopback)
		in.SetBuffer(make([]byte, 16))
		require.NoError(t, in.run(t, server.ReceiveFromAsync).Err(), name)
		require.Equal(t, name, string(in.Bytes()))
		require.Equal(t, ep, in.RemoteEndpoint)
		if name == "none" {
			continue
		}
		back := to(in.RemoteEndpoint)
		back.SetBuffer([]byte("back"))
		require.NoError(t, back.run(t, server.SendToAsync).Err())
		require.NoError(t, in.run(t, client.ReceiveFromAsync).Err())
		require.Equal(t, server.LocalEndpoint(), in.RemoteEndpoint)
	}
}

func TestUnixPathsHaveTheirLimits(t *testing.T) { // T-116
	p := newPort(t, ops.PortConfig{})
	long := strings.Repeat("x", 108)
	for _, path := range []string{long, "a\x00b", "@" + long} {
		_, err := p.Listen(ops.UnixEndpoint(path), ops.ListenConfig{})
		require.ErrorIs(t, err, ops.ErrArgument, "%q", path)
		require.ErrorIs(t, newSocket(t, p, ops.FamilyUnix, ops.Stream).Bind(ops.UnixEndpoint(path)), ops.ErrArgument)
		require.ErrorIs(t, to(ops.UnixEndpoint(path)).atOnce(t, p.ConnectAsync).Err(), ops.ErrArgument)
	}
	t.Chdir(t.TempDir())
	for _, path := range []string{strings.Repeat("y", 107), "@" + strings.Repeat("z", 106)} {
		l := listenOn(t, p, ops.UnixEndpoint(path), ops.ListenConfig{})
		require.Equal(t, path, l.LocalEndpoint().Path())
		client := newSocket(t, p, ops.FamilyUnix, ops.Stream)
		connect(t, client, l.LocalEndpoint())
		requireEcho(t, client, accept(t, l))
	}
}

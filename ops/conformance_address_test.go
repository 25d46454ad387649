package ops_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

// A socket that .NET has closed has given its address up.

// addressRounds is how often an address is given up and taken again, to meet every step of the closing port.
const addressRounds = 100

// ownLoopback is any port of a loopback address that no other test uses: on 127.0.0.1 some client, also of another
// process, may get the port in the moment in which it is free.
var ownLoopback = ops.IPEndpoint(netip.MustParseAddrPort("127.77.0.1:0"))

func TestTheAddressOfAClosedListenerIsFree(t *testing.T) {
	for name, ep := range map[string]ops.Endpoint{
		"IPv4": ownLoopback, "IPv6": loopbackIPv6, "Unix": tempPath(t), "abstract": abstractName(t),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{})
			l := listenOn(t, p, ep, ops.ListenConfig{})
			address := l.LocalEndpoint()
			for range addressRounds {
				newJob().pending(t, l.AcceptAsync)
				require.NoError(t, l.Close())
				var err error
				l, err = p.Listen(address, ops.ListenConfig{})
				require.NoError(t, err)
			}
			require.NoError(t, l.Close())
		})
	}
}

func TestTheAddressOfAClosedDatagramSocketIsFree(t *testing.T) {
	for name, ep := range map[string]ops.Endpoint{"IPv4": ownLoopback, "IPv6": loopbackIPv6, "abstract": abstractName(t)} {
		t.Run(name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{})
			s := bind(t, p, ops.Dgram, ep)
			address := s.LocalEndpoint()
			for range addressRounds {
				newJob().pending(t, s.ReceiveFromAsync)
				require.NoError(t, s.Close())
				s = bind(t, p, ops.Dgram, address)
			}
		})
	}
}

func TestTheAddressOfAClosedStreamSocketIsFree(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	s := bind(t, p, ops.Stream, ownLoopback)
	address := s.LocalEndpoint()
	for range addressRounds {
		require.NoError(t, s.Close())
		s = bind(t, p, ops.Stream, address)
	}
}

// The port's goroutine is the one that closes, and does not wait for itself.
func TestAHandlerFindsTheAddressOfAClosedListenerInUse(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listenOn(t, p, ownLoopback, ops.ListenConfig{})
	address := l.LocalEndpoint()
	onPort(t, p, func() {
		require.NoError(t, l.Close())
		_, err := p.Listen(address, ops.ListenConfig{})
		require.ErrorIs(t, err, unix.EADDRINUSE)
	})
	listenOn(t, p, address, ops.ListenConfig{})
}

func TestAnAddressThatOthersHaveIsInUse(t *testing.T) {
	p, other := newPort(t, ops.PortConfig{}), newPort(t, ops.PortConfig{})
	address := listenOn(t, other, ownLoopback, ops.ListenConfig{}).LocalEndpoint()
	require.NoError(t, listenOn(t, p, ownLoopback, ops.ListenConfig{}).Close())
	_, err := p.Listen(address, ops.ListenConfig{})
	require.ErrorIs(t, err, unix.EADDRINUSE)
	require.ErrorIs(t, newSocket(t, p, ops.FamilyIPv4, ops.Stream).Bind(address), unix.EADDRINUSE)
}

// A function in Control holds the descriptor: it would wait for itself.
func TestAListenInControlOfTheClosedListenerGivesUp(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listenOn(t, p, ownLoopback, ops.ListenConfig{})
	address := l.LocalEndpoint()
	require.NoError(t, l.Control(func(uintptr) {
		require.NoError(t, l.Close())
		_, err := p.Listen(address, ops.ListenConfig{})
		require.ErrorIs(t, err, unix.EADDRINUSE)
	}))
	listenOn(t, p, address, ops.ListenConfig{})
}

func TestABindThatWaitsForAnAddressEndsWithThePort(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listenOn(t, p, ownLoopback, ops.ListenConfig{})
	address := l.LocalEndpoint()
	release := holdUp(t, p)
	require.NoError(t, l.Close())
	result := make(chan error, 1)
	go func() {
		_, err := p.Listen(address, ops.ListenConfig{})
		result <- err
	}()
	go func() { _ = p.Close() }()
	release()
	await(t, result)
	<-p.Done()
}

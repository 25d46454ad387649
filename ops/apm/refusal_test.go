package apm_test

import (
	"io/fs"
	"net"
	"net/netip"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/ops/apm"
)

// starter is a Begin whose arguments are given, but for the callback.
type starter func(callback func(*apm.Result)) (*apm.Result, error)

// starters gives a Begin of every kind on a socket, with arguments that make sense for a connected one.
func starters(s *ops.Socket, path string) map[string]starter {
	buf := make([]byte, 8)
	list := [][]byte{buf}
	to := ops.IPEndpoint(netip.MustParseAddrPort("127.0.0.1:9"))
	type c = func(*apm.Result)
	return map[string]starter{
		"Accept":         func(f c) (*apm.Result, error) { return apm.BeginAccept(s, f, nil) },
		"AcceptReceive":  func(f c) (*apm.Result, error) { return apm.BeginAcceptReceive(s, 1, f, nil) },
		"AcceptInto":     func(f c) (*apm.Result, error) { return apm.BeginAcceptInto(s, nil, 1, f, nil) },
		"Connect":        func(f c) (*apm.Result, error) { return apm.BeginConnect(s, to, f, nil) },
		"ConnectHost":    func(f c) (*apm.Result, error) { return apm.BeginConnectHost(s, "localhost", 9, f, nil) },
		"Disconnect":     func(f c) (*apm.Result, error) { return apm.BeginDisconnect(s, false, f, nil) },
		"Receive":        func(f c) (*apm.Result, error) { return apm.BeginReceive(s, buf, 0, f, nil) },
		"ReceiveList":    func(f c) (*apm.Result, error) { return apm.BeginReceiveList(s, list, 0, f, nil) },
		"ReceiveFrom":    func(f c) (*apm.Result, error) { return apm.BeginReceiveFrom(s, buf, 0, f, nil) },
		"ReceiveMessage": func(f c) (*apm.Result, error) { return apm.BeginReceiveMessageFrom(s, buf, 0, f, nil) },
		"Send":           func(f c) (*apm.Result, error) { return apm.BeginSend(s, buf, 0, f, nil) },
		"SendList":       func(f c) (*apm.Result, error) { return apm.BeginSendList(s, list, 0, f, nil) },
		"SendTo":         func(f c) (*apm.Result, error) { return apm.BeginSendTo(s, buf, 0, to, f, nil) },
		"SendFile":       func(f c) (*apm.Result, error) { return apm.BeginSendFile(s, path, f, nil) },
		"ConnectAddresses": func(f c) (*apm.Result, error) {
			return apm.BeginConnectAddresses(s, []netip.Addr{to.AddrPort().Addr(), to.AddrPort().Addr()}, 9, f, nil)
		},
	}
}

// requireRefused checks that a Begin gives an error and no result, and runs no callback.
func requireRefused(t testing.TB, begin starter, want error) {
	t.Helper()
	r, err := begin(func(*apm.Result) { t.Error("the callback of a refused Begin ran") })
	require.ErrorIs(t, err, want)
	require.Nil(t, r)
}

func TestBeginRefusesAClosedSocket(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	s := newSocket(t, p, ops.Stream)
	require.NoError(t, s.Close())
	for name, begin := range starters(s, "/dev/null") {
		t.Run(name, func(t *testing.T) { requireRefused(t, begin, net.ErrClosed) })
	}
}

func TestBeginRefusesASocketInTheWrongState(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	_, connected := connection(t, p)
	_, shut := connection(t, p)
	require.NoError(t, shut.Shutdown(ops.ShutdownSend))
	tests := []struct {
		name   string
		socket *ops.Socket
		want   map[string]error
	}{
		{"fresh", newSocket(t, p, ops.Stream), map[string]error{
			"Accept": ops.ErrState, "AcceptReceive": ops.ErrState, "AcceptInto": ops.ErrState,
			"Disconnect": syscall.ENOTCONN, "Receive": syscall.ENOTCONN, "ReceiveList": syscall.ENOTCONN,
			"ReceiveFrom": syscall.ENOTCONN, "ReceiveMessage": syscall.ENOTCONN,
			"Send": syscall.ENOTCONN, "SendList": syscall.ENOTCONN, "SendTo": syscall.ENOTCONN,
			"SendFile": ops.ErrUnsupported,
		}},
		{"listening", listen(t, p), map[string]error{
			"Connect": ops.ErrState, "ConnectHost": ops.ErrState, "ConnectAddresses": ops.ErrState,
			"Disconnect": syscall.ENOTCONN, "Receive": syscall.ENOTCONN,
		}},
		{"connected", connected, map[string]error{
			"Accept": ops.ErrState, "Connect": syscall.EISCONN, "ConnectHost": syscall.EISCONN,
			"ConnectAddresses": syscall.EISCONN,
		}},
		{"its sending shut down", shut, map[string]error{
			"Send": syscall.EPIPE, "SendList": syscall.EPIPE, "SendFile": syscall.EPIPE,
		}},
		{"datagrams, not bound", newSocket(t, p, ops.Dgram), map[string]error{
			"ReceiveFrom": ops.ErrState, "ReceiveMessage": ops.ErrState, "Send": syscall.EDESTADDRREQ,
			"SendFile": ops.ErrUnsupported, "Accept": ops.ErrState,
		}},
	}
	for _, test := range tests {
		begins := starters(test.socket, "/proc/self/exe")
		for name, want := range test.want {
			t.Run(test.name+"/"+name, func(t *testing.T) { requireRefused(t, begins[name], want) })
		}
	}
}

func TestBeginRefusesArgumentsWithoutSense(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	_, s := connection(t, p)
	l, fresh, d := listen(t, p), newSocket(t, p, ops.Stream), bound(t, p)
	missing := filepath.Join(t.TempDir(), "missing")
	to := d.LocalEndpoint()
	six := []netip.Addr{netip.IPv6Loopback(), netip.IPv6Loopback()}
	type c = func(*apm.Result)
	tests := []struct {
		name  string
		want  error
		begin starter
	}{
		{"receive into nil", ops.ErrArgument, func(f c) (*apm.Result, error) { return apm.BeginReceive(s, nil, 0, f, nil) }},
		{"send nil", ops.ErrArgument, func(f c) (*apm.Result, error) { return apm.BeginSend(s, nil, 0, f, nil) }},
		{"send nil to", ops.ErrArgument, func(f c) (*apm.Result, error) { return apm.BeginSendTo(d, nil, 0, to, f, nil) }},
		{"receive from into nil", ops.ErrArgument, func(f c) (*apm.Result, error) {
			return apm.BeginReceiveFrom(d, nil, 0, f, nil)
		}},
		{"receive a message into nil", ops.ErrArgument, func(f c) (*apm.Result, error) {
			return apm.BeginReceiveMessageFrom(d, nil, 0, f, nil)
		}},
		{"receive into no list", ops.ErrArgument, func(f c) (*apm.Result, error) {
			return apm.BeginReceiveList(s, nil, 0, f, nil)
		}},
		{"send an empty list", ops.ErrArgument, func(f c) (*apm.Result, error) {
			return apm.BeginSendList(s, [][]byte{}, 0, f, nil)
		}},
		{"unknown flags", ops.ErrUnsupported, func(f c) (*apm.Result, error) {
			return apm.BeginReceive(s, make([]byte, 1), 1<<20, f, nil)
		}},
		{"send to nowhere", ops.ErrArgument, func(f c) (*apm.Result, error) {
			return apm.BeginSendTo(d, []byte{1}, 0, ops.Endpoint{}, f, nil)
		}},
		{"connect to nowhere", ops.ErrArgument, func(f c) (*apm.Result, error) {
			return apm.BeginConnect(fresh, ops.Endpoint{}, f, nil)
		}},
		{"connect to another family", ops.ErrUnsupported, func(f c) (*apm.Result, error) {
			return apm.BeginConnect(fresh, ops.UnixEndpoint("@x"), f, nil)
		}},
		{"connect to a host without a name", ops.ErrArgument, func(f c) (*apm.Result, error) {
			return apm.BeginConnectHost(fresh, "", 9, f, nil)
		}},
		{"connect to no addresses", ops.ErrArgument, func(f c) (*apm.Result, error) {
			return apm.BeginConnectAddresses(fresh, nil, 9, f, nil)
		}},
		{"connect to addresses of another family", ops.ErrUnsupported, func(f c) (*apm.Result, error) {
			return apm.BeginConnectAddresses(fresh, six, 9, f, nil)
		}},
		{"accept less than nothing", ops.ErrArgument, func(f c) (*apm.Result, error) {
			return apm.BeginAcceptReceive(l, -1, f, nil)
		}},
		{"accept into a socket in use", ops.ErrState, func(f c) (*apm.Result, error) {
			return apm.BeginAcceptInto(l, s, 1, f, nil)
		}},
		{"send a file that is not there", fs.ErrNotExist, func(f c) (*apm.Result, error) {
			return apm.BeginSendFile(s, missing, f, nil)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { requireRefused(t, test.begin, test.want) })
	}
}

func TestEndRefusesANilOrForeignResult(t *testing.T) {
	_, s := connection(t, newPort(t, ops.PortConfig{}))
	send, err := apm.BeginSend(s, []byte{}, 0, nil, nil)
	require.NoError(t, err)
	disconnect, err := apm.BeginDisconnect(s, false, nil, nil)
	require.NoError(t, err)
	require.NoError(t, apm.EndDisconnect(disconnect))
	ends := map[string]func(*apm.Result) error{
		"EndAccept":             func(r *apm.Result) error { _, err := apm.EndAccept(r); return err },
		"EndAcceptReceive":      func(r *apm.Result) error { _, _, err := apm.EndAcceptReceive(r); return err },
		"EndConnect":            apm.EndConnect,
		"EndDisconnect":         apm.EndDisconnect,
		"EndReceive":            func(r *apm.Result) error { _, err := apm.EndReceive(r); return err },
		"EndReceiveFrom":        func(r *apm.Result) error { _, _, err := apm.EndReceiveFrom(r); return err },
		"EndReceiveMessageFrom": func(r *apm.Result) error { _, _, _, _, err := apm.EndReceiveMessageFrom(r); return err },
		"EndSend":               func(r *apm.Result) error { _, err := apm.EndSend(r); return err },
		"EndSendTo":             func(r *apm.Result) error { _, err := apm.EndSendTo(r); return err },
		"EndSendFile":           apm.EndSendFile,
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			foreign := send
			if name == "EndSend" {
				foreign = disconnect
			}
			for _, r := range []*apm.Result{nil, {}, foreign} {
				err := end(r)
				require.ErrorIs(t, err, ops.ErrArgument)
				require.ErrorContains(t, err, "apm: "+name)
			}
		})
	}
}

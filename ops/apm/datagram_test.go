package apm_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/ops/apm"
)

// sendTo sends one datagram and waits until it is on its way.
func sendTo(t testing.TB, from *ops.Socket, data string, to ops.Endpoint) {
	t.Helper()
	b := beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
		return apm.BeginSendTo(from, []byte(data), 0, to, callback, state)
	})
	requireCount(t, apm.EndSendTo, b.wait(t), len(data))
}

func TestDatagramsTellWhereTheyComeFrom(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	a, b := bound(t, p), bound(t, p)
	buf := make([]byte, 8)
	begin := func(callback func(*apm.Result), state any) (*apm.Result, error) {
		return apm.BeginReceiveFrom(a, buf, 0, callback, state)
	}
	for _, data := range []string{"abc", "", "longer than the buffer"} {
		pending := beginning(t, begin).pend(t)
		sendTo(t, b, data, a.LocalEndpoint())
		pending.wait(t)
		for range 2 {
			n, from, err := apm.EndReceiveFrom(pending.Result)
			require.NoError(t, err)
			require.Equal(t, data[:min(len(data), len(buf))], string(buf[:n]))
			require.Equal(t, b.LocalEndpoint(), from)
		}
	}
}

func TestDatagramMessagesTellWhereTheyWent(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	a, b := bound(t, p), bound(t, p)
	buf := make([]byte, 8)
	tests := []struct {
		data  string
		flags ops.SocketFlags
	}{{"abc", 0}, {"longer than the buffer", ops.Truncated}}
	for _, test := range tests {
		pending := beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
			return apm.BeginReceiveMessageFrom(a, buf, 0, callback, state)
		}).pend(t)
		sendTo(t, b, test.data, a.LocalEndpoint())
		n, flags, from, info, err := apm.EndReceiveMessageFrom(pending.wait(t).Result)
		require.NoError(t, err)
		require.Equal(t, test.data[:n], string(buf[:n]))
		require.Equal(t, test.flags, flags)
		require.Equal(t, b.LocalEndpoint(), from)
		require.Equal(t, netip.MustParseAddr("127.0.0.1"), info.Address)
		require.Positive(t, info.Interface)
	}
}

func TestReceiveFromOfAStreamTellsThePeer(t *testing.T) {
	c, s := connection(t, newPort(t, ops.PortConfig{}))
	buf := make([]byte, 8)
	arrives(t, c, s, "abc")
	b := beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
		return apm.BeginReceiveFrom(s, buf, 0, callback, state)
	}).atOnce(t)
	n, from, err := apm.EndReceiveFrom(b.Result)
	require.NoError(t, err)
	require.Equal(t, "abc", string(buf[:n]))
	require.Equal(t, c.LocalAddr().String(), from.String())

	arrives(t, c, s, "de")
	b = beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
		return apm.BeginReceiveMessageFrom(s, buf, 0, callback, state)
	}).atOnce(t)
	n, _, from, _, err = apm.EndReceiveMessageFrom(b.Result)
	require.NoError(t, err)
	require.Equal(t, "de", string(buf[:n]))
	require.Equal(t, c.LocalAddr().String(), from.String())
}

func TestSendToOnAStreamIsASend(t *testing.T) {
	c, s := connection(t, newPort(t, ops.PortConfig{}))
	beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
		return apm.BeginSendTo(s, []byte{}, 0, s.RemoteEndpoint(), callback, state)
	}).atOnce(t)
	sendTo(t, s, "abc", s.RemoteEndpoint())
	require.NoError(t, s.Shutdown(ops.ShutdownSend))
	requireEndOfStream(t, c, "abc")
}

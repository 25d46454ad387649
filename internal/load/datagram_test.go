package load_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/load"
	"github.com/ringport/ringport/internal/ringtest"
)

func TestDatagramsRun(t *testing.T) {
	for _, cfg := range []load.Config{
		{Pattern: load.PingPong, Conns: 3},
		{Pattern: load.PingPong, Conns: 2, Size: 16},
		{Pattern: load.PingPong, Conns: 2, Size: 30_000},
		{Pattern: load.Pipelined, Conns: 3, Depth: 8},
		{Pattern: load.PingPong, Conns: 3, Rate: 2000},
	} {
		ringtest.Descriptors(t)
		cfg.Address, cfg.Timeout = echoDatagrams(t), soon
		r := run(t, cfg)
		requireSound(t, r)
		require.Equal(t, uint64(r.Config.Conns), r.Total.Connects)
		loss, found := r.Gate(load.GateLoss)
		require.True(t, found)
		require.Equal(t, r.Total.Lost == 0, loss.OK)
		require.False(t, loss.Voids, "networks lose datagrams")
	}
}

func TestLostDatagramsAreCounted(t *testing.T) {
	address := answerDatagrams(t, func(datagram []byte, send func([]byte)) {
		if number := datagram[0]; number%3 != 0 { // the very first one is lost
			send(datagram)
		}
	})
	for _, cfg := range []load.Config{
		{Pattern: load.Pipelined, Conns: 2, Depth: 4},
		{Pattern: load.PingPong, Conns: 1},
		{Conns: 2, Rate: 1000},
	} {
		cfg.Address, cfg.Timeout, cfg.Duration = address, brief/5, 3*brief
		r := run(t, cfg)
		require.Positive(t, r.Total.Lost)
		require.Equal(t, r.Total.Sent, r.Total.Echoes+r.Total.Lost)
	}
}

func TestARunInWhichNothingCameBackIsVoid(t *testing.T) {
	silent := answerDatagrams(t, func([]byte, func([]byte)) {})
	for _, cfg := range []load.Config{
		{Conns: 2, Timeout: brief / 5},
		{Conns: 2, Timeout: 2 * brief}, // given up in the drain
		{Conns: 2, Timeout: brief / 5, Rate: 1000},
	} {
		cfg.Address = silent
		r := run(t, cfg)
		require.True(t, r.Void)
		gate, found := r.Gate(load.GateEchoes)
		require.True(t, found)
		require.False(t, gate.OK, gate.Detail)
		loss, _ := r.Gate(load.GateLoss)
		require.False(t, loss.OK, loss.Detail)
	}
}

func TestARunWithoutASendInItsWindowIsVoid(t *testing.T) {
	r := run(t, load.Config{Address: serveWith(t, "tcp", echo), Rate: 0.3}) // one at once, and the next after 3 s
	require.Zero(t, r.Schedule.Intended)
	require.True(t, r.Void)
}

func TestDatagramsMayComeInAnyOrder(t *testing.T) {
	var held []byte
	address := answerDatagrams(t, func(datagram []byte, send func([]byte)) {
		if held == nil {
			held = append(held, datagram...)
			return
		}
		send(datagram)
		send(held)
		held = nil
	})
	// The last one may be held for ever.
	r := run(t, load.Config{Address: address, Pattern: load.Pipelined, Conns: 1, Depth: 2, Timeout: soon})
	requireSound(t, r)
}

func TestDatagramsThatComeTwiceAreCounted(t *testing.T) {
	address := answerDatagrams(t, func(datagram []byte, send func([]byte)) {
		send(datagram)
		send(datagram)
	})
	r := run(t, load.Config{Address: address, Pattern: load.Pipelined, Conns: 2, Depth: 2})
	require.Positive(t, r.Total.Strays)
	require.Equal(t, r.Total.Sent, r.Total.Echoes+r.Total.Lost)
}

func TestAWrongDatagramIsAFailure(t *testing.T) {
	for name, test := range map[string]struct {
		mend func([]byte) []byte
		says string
	}{
		"changed":        {func(b []byte) []byte { b[33] ^= 1; return b }, "byte 33 (byte 33 of message 0) is"},
		"changed number": {func(b []byte) []byte { b[7] ^= 1; return b }, "byte 7 (byte 7 of message 0) is"},
		"changed mark":   {func(b []byte) []byte { b[12] ^= 1; return b }, "byte 12 (byte 12 of message 0) is"},
		"cut":            {func(b []byte) []byte { return b[:40] }, "wrong echo: message 0 lacks its last 24 bytes"},
		"cut short":      {func(b []byte) []byte { return b[:3] }, "wrong echo: message 0 lacks its last 61 bytes"},
		"empty":          {func(b []byte) []byte { return nil }, "wrong echo: message 0 lacks its last 64 bytes"},
		"longer":         {func(b []byte) []byte { return append(b, 1, 2, 3) }, "from byte 64 on came 3 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			address := answerDatagrams(t, func(datagram []byte, send func([]byte)) { send(test.mend(datagram)) })
			r, err := fails(t, load.Config{Address: address, Size: 64})
			require.Equal(t, load.WrongEcho, load.KindOf(err), "%v", err)
			require.Contains(t, err.Error(), test.says)
			require.True(t, r.Void)
		})
	}
}

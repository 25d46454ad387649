package server_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/server"
)

func TestWhatIsSentToDiscardIsReleasedAndNeverAnswered(t *testing.T) {
	const size = 4 << 20
	for name, h := range map[string]server.Handler{"a value": server.Discard{}, "a pointer": &server.Discard{}} {
		t.Run(name, func(t *testing.T) {
			r := start(t, server.Config{Buffers: 64}, h)
			c := r.dial()
			require.NoError(t, sendSource(c, 1, size, 100_000))
			require.NoError(t, c.CloseWrite())
			requireEnd(t, c)
			r.until("the session has ended", func(s server.Stats) bool { return s.Ended[server.EndedByPeer] == 1 })
			s := r.Stats()
			require.EqualValues(t, size, s.BytesIn)
			require.Zero(t, s.BytesOut)
			require.Zero(t, leased(s))
		})
	}
}

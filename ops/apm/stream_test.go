package apm_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/ops/apm"
)

func TestReceiveEndsWithTheBytesThatCame(t *testing.T) {
	c, s := connection(t, newPort(t, ops.PortConfig{}))
	buf := make([]byte, 8)
	begin := func(callback func(*apm.Result), state any) (*apm.Result, error) {
		return apm.BeginReceive(s, buf, 0, callback, state)
	}
	pending := beginning(t, begin).pend(t)
	_, err := c.Write([]byte("abc"))
	require.NoError(t, err)
	requireCount(t, apm.EndReceive, pending.wait(t), 3)
	require.Equal(t, "abc", string(buf[:3]))
	require.False(t, pending.CompletedSynchronously())

	arrives(t, c, s, "defgh")
	requireCount(t, apm.EndReceive, beginning(t, begin).atOnce(t), 5)
	require.Equal(t, "defgh", string(buf[:5]))

	require.NoError(t, c.CloseWrite())
	requireCount(t, apm.EndReceive, beginning(t, begin).wait(t), 0)
	requireCount(t, apm.EndReceive, beginning(t, begin).atOnce(t), 0)
}

// requireCount checks that End, called twice, gives the number and no error.
func requireCount(t testing.TB, end func(*apm.Result) (int, error), b begun, count int) {
	t.Helper()
	for range 2 {
		n, err := end(b.Result)
		require.NoError(t, err)
		require.Equal(t, count, n)
	}
}

func TestReceiveFillsAListInItsOrder(t *testing.T) {
	c, s := connection(t, newPort(t, ops.PortConfig{}))
	list := [][]byte{make([]byte, 2), make([]byte, 1), make([]byte, 4)}
	begin := func(callback func(*apm.Result), state any) (*apm.Result, error) {
		return apm.BeginReceiveList(s, list, 0, callback, state)
	}
	pending := beginning(t, begin).pend(t)
	_, err := c.Write([]byte("abcde"))
	require.NoError(t, err)
	requireCount(t, apm.EndReceive, pending.wait(t), 5)
	require.Equal(t, [][]byte{[]byte("ab"), []byte("c"), []byte("de\x00\x00")}, list)

	arrives(t, c, s, "vwxyz")
	requireCount(t, apm.EndReceive, beginning(t, begin).atOnce(t), 5)
	require.Equal(t, [][]byte{[]byte("vw"), []byte("x"), []byte("yz\x00\x00")}, list)
}

func TestPeekLeavesTheBytesThere(t *testing.T) {
	c, s := connection(t, newPort(t, ops.PortConfig{}))
	arrives(t, c, s, "ab") // it peeks
	buf := make([]byte, 2)
	r, err := apm.BeginReceive(s, buf, 0, nil, nil)
	require.NoError(t, err)
	require.True(t, r.CompletedSynchronously())
	n, err := apm.EndReceive(r)
	require.NoError(t, err)
	require.Equal(t, "ab", string(buf[:n]))
}

func TestSendEndsWhenAllIsSent(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := connection(t, p)
	read := make([]byte, 8)
	pieces := [][]byte{[]byte("ab"), {}, []byte("cd")}
	tests := []struct {
		name  string
		want  string
		begin func(func(*apm.Result), any) (*apm.Result, error)
	}{
		{"buffer", "abcd", func(callback func(*apm.Result), state any) (*apm.Result, error) {
			return apm.BeginSend(s, []byte("abcd"), 0, callback, state)
		}},
		{"list", "abcd", func(callback func(*apm.Result), state any) (*apm.Result, error) {
			return apm.BeginSendList(s, pieces, 0, callback, state)
		}},
		{"nothing", "", func(callback func(*apm.Result), state any) (*apm.Result, error) {
			return apm.BeginSend(s, []byte{}, 0, callback, state)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			requireCount(t, apm.EndSend, beginning(t, test.begin).wait(t), len(test.want))
			_, err := io.ReadFull(c, read[:len(test.want)])
			require.NoError(t, err)
			require.Equal(t, test.want, string(read[:len(test.want)]))
		})
	}
}

func TestSendOfNothingIsDoneAtOnce(t *testing.T) {
	_, s := connection(t, newPort(t, ops.PortConfig{}))
	beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
		return apm.BeginSend(s, []byte{}, 0, callback, state)
	}).atOnce(t)
}

func TestSendThatDoesNotFitIsPending(t *testing.T) {
	c, s := connection(t, newPort(t, ops.PortConfig{}))
	data := []byte(strings.Repeat("0123456789abcdef", 1<<20))
	pending := beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
		return apm.BeginSend(s, data, 0, callback, state)
	}).pend(t)
	read := make([]byte, len(data))
	_, err := io.ReadFull(c, read)
	require.NoError(t, err)
	require.Equal(t, data, read)
	requireCount(t, apm.EndSend, pending, len(data)) // it waits
	pending.wait(t)
}

func TestDisconnectEndsTheStream(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	t.Run("at once", func(t *testing.T) {
		c, s := connection(t, p)
		b := beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
			return apm.BeginDisconnect(s, false, callback, state)
		}).atOnce(t)
		require.NoError(t, apm.EndDisconnect(b.Result))
		require.NoError(t, apm.EndDisconnect(b.Result))
		require.False(t, s.Connected())
		requireEndOfStream(t, c, "")
	})
	t.Run("pending behind a send", func(t *testing.T) {
		c, s := connection(t, p)
		var send *apm.Result
		var disconnect begun
		onPort(t, p, func() { // so that nothing is sent between the two
			send, _ = apm.BeginSend(s, []byte("last"), 0, nil, nil)
			disconnect = beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
				return apm.BeginDisconnect(s, true, callback, state)
			})
		})
		n, err := apm.EndSend(send)
		require.NoError(t, err)
		require.Equal(t, 4, n)
		require.NoError(t, apm.EndDisconnect(disconnect.wait(t).Result))
		require.False(t, disconnect.CompletedSynchronously())
		requireEndOfStream(t, c, "last")
		// It was for reuse.
		l := listen(t, p)
		r, err := apm.BeginConnect(s, l.LocalEndpoint(), nil, nil)
		require.NoError(t, err)
		require.NoError(t, apm.EndConnect(r))
	})
}

func requireEndOfStream(t testing.TB, c io.Reader, before string) {
	t.Helper()
	data, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, before, string(data))
}

func TestSendFileSendsTheFileBetweenTheBuffers(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	content := strings.Repeat("file ", 50_000)
	path := filepath.Join(t.TempDir(), "content")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))

	t.Run("file", func(t *testing.T) {
		c, s := connection(t, p)
		b := beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
			return apm.BeginSendFile(s, path, callback, state)
		})
		read := make([]byte, len(content))
		_, err := io.ReadFull(c, read)
		require.NoError(t, err)
		require.Equal(t, content, string(read))
		require.NoError(t, apm.EndSendFile(b.wait(t).Result))
		require.NoError(t, apm.EndSendFile(b.Result))
		require.False(t, b.CompletedSynchronously())
	})
	t.Run("between buffers, then the end", func(t *testing.T) {
		c, s := connection(t, p)
		b := beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
			return apm.BeginSendFileBetween(s, path, []byte("<"), []byte(">"), ops.SendPacketsDisconnect, callback, state)
		})
		requireEndOfStream(t, c, "<"+content+">")
		require.NoError(t, apm.EndSendFile(b.wait(t).Result))
		require.False(t, s.Connected())
	})
	t.Run("buffers alone", func(t *testing.T) {
		c, s := connection(t, p)
		b := beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
			return apm.BeginSendFileBetween(s, "", []byte("a"), []byte("b"), ops.SendPacketsDisconnect, callback, state)
		})
		require.NoError(t, apm.EndSendFile(b.wait(t).Result))
		requireEndOfStream(t, c, "ab")
	})
	t.Run("nothing, at once", func(t *testing.T) {
		_, s := connection(t, p)
		b := beginning(t, func(callback func(*apm.Result), state any) (*apm.Result, error) {
			return apm.BeginSendFile(s, empty, callback, state)
		}).atOnce(t)
		require.NoError(t, apm.EndSendFile(b.Result))
	})
}

package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/server"
)

func TestValidateNamesEverythingThatIsWrong(t *testing.T) {
	tests := []struct {
		name string
		cfg  server.Config
		want []string // what each line contains
	}{
		{"zero is the default", server.Config{}, nil},
		{"all addresses", server.Config{Listen: []string{"tcp://:0", "tcp://[::1]:7007", "tcp://localhost:1"}}, nil},
		{"an empty address", server.Config{Listen: []string{""}}, []string{`""`}},
		{"an address without a network", server.Config{Listen: []string{"localhost:7"}}, []string{`"localhost:7"`}},
		{"all networks", server.Config{Listen: []string{"tcp://:0", "udp://[::1]:7", "unix:///run/x", "unix://@x"}}, nil},
		{"another network", server.Config{Listen: []string{"sctp://:7", "unix://", "/run/x"}},
			[]string{`"sctp://:7": the network is none of tcp, udp, unix`, `"unix://": the path is empty`, `"/run/x"`}},
		{"two of three addresses", server.Config{Listen: []string{"tcp://:x", "tcp://:1", "tcp://:99999"}},
			[]string{"tcp://:x", "tcp://:99999"}},
		{"shards", server.Config{Shards: -1}, []string{"Shards is -1, want 1 to 1024"}},
		{"too many shards", server.Config{Shards: 1025}, []string{"Shards is 1025"}},
		{"connections", server.Config{MaxConns: -5, MaxConnsPerIP: -6}, []string{"MaxConns is -5", "MaxConnsPerIP is -6"}},
		{"timeouts", server.Config{IdleTimeout: -1, WriteTimeout: -2 * time.Second, LingerTimeout: 400 * 24 * time.Hour},
			[]string{"IdleTimeout is -1ns, want 0s to 8760h0m0s", "WriteTimeout is -2s", "LingerTimeout is 9600h0m0s"}},
		{"buffers", server.Config{BufferSize: 63, Buffers: 32769, HighWater: 1},
			[]string{"BufferSize is 63, want 64", "Buffers is 32769, want 1 to 32768", "HighWater is 1, want 1024"}},
		{"spin", server.Config{Spin: 11 * time.Millisecond}, []string{"Spin is 11ms, want 0s to 10ms"}},
		{"backlog", server.Config{Backlog: 65536}, []string{"Backlog is 65536, want 1 to 65535"}},
		{"much at once", server.Config{Listen: []string{"x"}, Shards: -1, Backlog: -1}, []string{`"x"`, "Shards", "Backlog"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.cfg.Validate()
			if test.want == nil {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			lines := strings.Split(err.Error(), "\n")
			require.Len(t, lines, len(test.want), "%v", err)
			for i, want := range test.want {
				require.True(t, strings.HasPrefix(lines[i], "server: "), lines[i])
				require.Contains(t, lines[i], want)
			}
			_, err = server.New(test.cfg, server.Echo{})
			require.EqualError(t, err, strings.Join(lines, "\n"), "New refuses it in the same words")
		})
	}
}

func TestAServerNeedsAHandler(t *testing.T) {
	_, err := server.New(server.Config{}, nil)
	require.ErrorContains(t, err, "server: the handler is nil")
}

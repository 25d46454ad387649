package load_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/load"
	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/server"
)

// ours is a server of this project.
func ours(t *testing.T, listen string) (address string) {
	t.Helper()
	ringtest.Require(t)
	s, err := server.New(server.Config{
		Listen: []string{listen}, Shards: 1,
		Datagrams: server.DatagramConfig{SourceRate: -1, TotalRate: -1, TotalBytes: -1},
	}, server.Echo{})
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = s.Shutdown(ctx)
		<-served
	})
	return s.Listeners()[0]
}

func TestOurServerIsMeasured(t *testing.T) {
	tcp, unix := "tcp://127.0.0.1:0", "unix://"+filepath.Join(t.TempDir(), "echo.sock")
	for _, test := range []struct {
		listen string
		cfg    load.Config
	}{
		{tcp, load.Config{Pattern: load.PingPong, Conns: 4}},
		{tcp, load.Config{Pattern: load.Stream, Conns: 2}},
		{tcp, load.Config{Pattern: load.Churn, Conns: 2}},
		{tcp, load.Config{Pattern: load.Idle, Conns: 1, Idle: 20}},
		{tcp, load.Config{Pattern: load.Slow, Conns: 2, ReadRate: 1 << 20}},
		{tcp, load.Config{Pattern: load.PingPong, Conns: 2, Rate: 500}},
		{unix, load.Config{Pattern: load.Pipelined, Conns: 2}},
		{"unix://@" + t.TempDir()[1:], load.Config{Pattern: load.PingPong, Conns: 2}},
		{"udp://127.0.0.1:0", load.Config{Pattern: load.PingPong, Conns: 2, Timeout: soon}},
	} {
		t.Run(test.listen+" "+string(test.cfg.Pattern), func(t *testing.T) {
			test.cfg.Address = ours(t, test.listen)
			requireSound(t, run(t, test.cfg))
		})
	}
}

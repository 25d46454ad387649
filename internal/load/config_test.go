package load_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/load"
)

func TestZerosStandForDefaults(t *testing.T) {
	const tcp, udp = "tcp://127.0.0.1:7", "udp://127.0.0.1:7"
	tests := []struct {
		cfg                load.Config
		conns, depth, size int
		timeout            time.Duration
	}{
		{load.Config{Address: tcp}, 1, 1, 64, 5 * time.Second},
		{load.Config{Address: udp}, 1, 1, 64, 500 * time.Millisecond},
		{load.Config{Address: tcp, Pattern: load.Pipelined}, 1, 16, 64, 5 * time.Second},
		{load.Config{Address: tcp, Pattern: load.Stream}, 1, 4, 256 << 10, 5 * time.Second},
		{load.Config{Address: tcp, Pattern: load.Churn}, 1, 1, 64, 5 * time.Second},
		{load.Config{Address: tcp, Pattern: load.Slow}, 1, load.DefaultSlowDepth, 1 << 10, 5 * time.Second},
		{load.Config{Address: tcp, Pattern: load.Idle, Idle: 9}, 0, 1, 64, 5 * time.Second},
		{load.Config{Address: tcp, Rate: 10}, 1, load.DefaultOpenDepth, 64, 5 * time.Second},
	}
	for _, test := range tests {
		require.NoError(t, test.cfg.Validate(), "%+v", test.cfg)
		c := test.cfg.WithDefaults()
		require.Equal(t, test.conns, c.Conns, "%+v", test.cfg)
		require.Equal(t, test.depth, c.Depth, "%+v", test.cfg)
		require.Equal(t, test.size, c.Size, "%+v", test.cfg)
		require.Equal(t, test.timeout, c.Timeout, "%+v", test.cfg)
		require.Equal(t, c, c.WithDefaults(), "a second time changes nothing")
	}
}

func TestEveryWrongFieldIsNamedAtOnce(t *testing.T) {
	err := load.Config{
		Address: "nowhere", Pattern: "sing", Conns: -1, Depth: 1 << 20, Size: 8, Duration: -1, Timeout: -1, Idle: -1,
		ReadRate: -1, PID: -1, Rate: -1, Warmup: 48 * time.Hour, Arrivals: "now",
	}.Validate()
	require.ErrorIs(t, err, load.ErrConfig)
	for _, field := range []string{
		"Address", "Pattern", "Conns", "Depth", "Size", "Duration", "Timeout", "Idle", "ReadRate", "PID", "Rate", "Warmup",
		"Arrivals",
	} {
		require.ErrorContains(t, err, "load: "+field+" ")
	}
}

func TestWhatDoesNotGoTogetherIsWrong(t *testing.T) {
	const tcp, udp = "tcp://127.0.0.1:7", "udp://127.0.0.1:7"
	for field, cfg := range map[string]load.Config{
		"Depth is 2":          {Address: tcp, Depth: 2},
		"Depth is 3":          {Address: tcp, Pattern: load.Churn, Depth: 3},
		"Rate does not":       {Address: tcp, Pattern: load.Churn, Rate: 5, Depth: 1},
		"Rate does not go":    {Address: tcp, Pattern: load.Slow, Rate: 5},
		"Pattern is churn":    {Address: udp, Pattern: load.Churn},
		"Pattern is stream":   {Address: udp, Pattern: load.Stream},
		"Idle is 4":           {Address: tcp, Idle: 4},
		"Conns and":           {Address: tcp, Pattern: load.Idle},
		"Rate needs":          {Address: tcp, Pattern: load.Idle, Idle: 4, Rate: 5},
		"Size is 65508":       {Address: udp, Size: 65508},
		"Arrivals is \"now\"": {Address: tcp, Rate: 5, Arrivals: "now"},
		"without a rate":      {Address: tcp, Arrivals: load.Poisson},
		"Rate is":             {Address: tcp, Rate: 1e9},
	} {
		err := cfg.Validate()
		require.ErrorIs(t, err, load.ErrConfig, field)
		require.ErrorContains(t, err, field)
		_, err = load.Run(t.Context(), cfg)
		require.ErrorIs(t, err, load.ErrConfig)
	}
}

package ops_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/uring"
)

func TestAPortConfigIsChecked(t *testing.T) {
	tests := []struct {
		name string
		cfg  ops.PortConfig
		want string // what the error says, or nothing
	}{
		{"zero", ops.PortConfig{}, ""},
		{"no read-ahead", ops.PortConfig{ReadAhead: -1}, ""},
		{"least", ops.PortConfig{ReadAhead: 1, SyncBudget: 1, Buffers: 1, BufferSize: bufring.MinBufferSize, Entries: 1}, ""},
		{"most", ops.PortConfig{ReadAhead: 1 << 30, SyncBudget: 1 << 20, Buffers: bufring.MaxBuffers,
			BufferSize: bufring.MaxBufferSize, Entries: uring.MaxEntries, Spin: 10 * time.Millisecond}, ""},
		{"read-ahead", ops.PortConfig{ReadAhead: 1<<30 + 1}, "ReadAhead is 1073741825, want 1 to 1073741824"},
		{"direct descriptors", ops.PortConfig{DirectDescriptors: -1}, "DirectDescriptors is -1, want 0 to 0"},
		{"budget", ops.PortConfig{SyncBudget: -1}, "SyncBudget is -1, want 1 to 1048576"},
		{"large budget", ops.PortConfig{SyncBudget: 1<<20 + 1}, "SyncBudget is 1048577"},
		{"entries", ops.PortConfig{Entries: uring.MaxEntries + 1}, "Entries is 32769"},
		{"buffers", ops.PortConfig{Buffers: -1}, "Buffers is -1, want 1 to 32768"},
		{"size", ops.PortConfig{BufferSize: 63}, "BufferSize is 63, want 64 to 1048576"},
		{"spin", ops.PortConfig{Spin: 10*time.Millisecond + 1}, "Spin is 10.000001ms, want 0s to 10ms"},
		{"negative spin", ops.PortConfig{Spin: -1}, "Spin is -1ns"},
		{"several", ops.PortConfig{Buffers: -1, Entries: -1}, "Entries is -1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.cfg.Validate()
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ops.ErrArgument)
			require.ErrorContains(t, err, test.want)
			_, opened := ops.NewPort(test.cfg)
			require.EqualError(t, opened, err.Error(), "NewPort says the same, and makes nothing")
		})
	}
	require.ErrorContains(t, tests[len(tests)-1].cfg.Validate(), "Buffers is -1", "every mistake is named")
}

func TestDirectDescriptorsAreUnsupported(t *testing.T) {
	cfg := ops.PortConfig{DirectDescriptors: 1}
	err := cfg.Validate()
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.NotErrorIs(t, err, ops.ErrArgument)
	require.ErrorContains(t, err, "DirectDescriptors is 1: this version has none")
	_, opened := ops.NewPort(cfg)
	require.EqualError(t, opened, err.Error())
}

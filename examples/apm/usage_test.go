package main

import (
	"io"
	"net/netip"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/ops"
)

var somewhere = netip.MustParseAddrPort("127.0.0.1:9")

func TestTheAddressIsTheDocumentationsUnlessGiven(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "127.0.0.1:11000"},
		{[]string{"-listen", "[::1]:7"}, "[::1]:7"},
	} {
		endpoint, err := parse(test.args, io.Discard)
		require.NoError(t, err)
		require.Equal(t, test.want, endpoint.String())
	}
}

func TestAWrongCommandLineIsExplained(t *testing.T) {
	for _, args := range [][]string{{"-listen", "nowhere"}, {"-port", "1"}, {"surplus"}} {
		stderr := newOutput()
		require.Equal(t, exitUsage, run(args, io.Discard, stderr, nil))
		stderr.await(t, args[len(args)-1]+"|not defined")
	}
}

func TestHelpIsNoFailure(t *testing.T) {
	stderr := newOutput()
	require.Equal(t, exitDone, run([]string{"-h"}, io.Discard, stderr, nil))
	stderr.await(t, "127.0.0.1:11000")
}

func TestAnAddressInUseIsAFailure(t *testing.T) {
	p := start(t)
	stderr := newOutput()
	require.Equal(t, exitFailure, run([]string{"-listen", p.address}, io.Discard, stderr, nil))
	stderr.await(t, "address already in use")
}

func TestASignalBeforeTheListenerIsNotLost(t *testing.T) {
	ringtest.Require(t)
	ringtest.Descriptors(t)
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGTERM
	require.Equal(t, exitDone, run([]string{"-listen", "127.0.0.1:0"}, io.Discard, io.Discard, signals))

	port, err := ops.NewPort(ops.PortConfig{})
	require.NoError(t, err)
	defer port.Close()
	l := NewSocketListener(port, io.Discard, io.Discard)
	l.Stop()
	require.NoError(t, l.StartListening(ops.IPEndpoint(netip.MustParseAddrPort("127.0.0.1:0"))))
}

package echod

import (
	"errors"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestARightConfigurationIsSaidToBeRight(t *testing.T) {
	for _, args := range [][]string{
		{"--check-config"}, {"serve", "--check-config"}, {"--check-config", "--config=" + configFile(t, `max-conns = 3`)},
	} {
		require.Equal(t, outcome{exitDone, "echod: the configuration is right\n", ""}, runWith(nil, args...))
	}
}

func TestCheckingOpensNothing(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	// Nobody could listen there, nor look up that name, and a ring is refused.
	d := startAs(t, roleRefused, nil, "--check-config", "--listen=tcp://"+taken.Addr().String(),
		"--listen=tcp://nowhere.invalid:7")
	require.Equal(t, exitDone, d.exit())
	require.Empty(t, d.log())
}

func TestEveryFaultOfACheckHasALine(t *testing.T) {
	o := runWith(map[string]string{"ECHOD_UDP_SOURCES": "0", "ECHOD_BACKLOG": "many"}, "--check-config", "--shards=-1")
	require.Equal(t, exitUsage, o.status)
	require.Empty(t, o.stdout)
	require.Equal(t, "echod: ECHOD_BACKLOG=\"many\" in the environment: expected a valid 64 bit int but got \"many\"\n"+
		"echod: --shards is -1, want 1 to 1024\n"+
		"echod: ECHOD_UDP_SOURCES is 0, want more\n", o.stderr)
}

// fullDisk is a file that takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestWhatCannotBePrintedIsAFailure(t *testing.T) {
	for _, arg := range []string{"--check-config", "--print-config", "version"} {
		p := quiet(arg)
		p.stdout = fullDisk{}
		require.Equal(t, exitFailure, run(p), "%s", arg)
		p.stdout = io.Discard
		require.Equal(t, exitDone, run(p), "%s", arg)
	}
}

func TestTheFileThatIsInstalledIsRight(t *testing.T) {
	const installed = "../../deploy/echod.toml"
	require.FileExists(t, installed)
	o := runWith(nil, "--check-config", "--config="+installed)
	require.Equal(t, outcome{exitDone, "echod: the configuration is right\n", ""}, o)
}

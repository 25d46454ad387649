package echod

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/ringtest"
)

// requireFailure holds that the daemon ended with one line that contains the words.
func requireFailure(t *testing.T, d *daemon, words ...string) {
	t.Helper()
	require.Equal(t, exitFailure, d.exit())
	require.Empty(t, d.stdout.String())
	log := d.log()
	require.Len(t, log, 1)
	require.Contains(t, log[0], "level=ERROR")
	for _, w := range words {
		require.Contains(t, log[0], w)
	}
}

func TestAPortInUseIsNamedWithAMend(t *testing.T) {
	ringtest.Require(t)
	foreign, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer foreign.Close()
	another := start(t)
	for name, address := range map[string]string{
		"by a foreign program": foreign.Addr().String(),
		"by another echod":     another.address(), // two would share it by SO_REUSEPORT if nobody looked
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t, "--listen=tcp://"+address)
			requireFailure(t, d, address, "address already in use", "stop it", "another port", "ss -ltnp")
		})
	}
	requireEcho(t, another.dial(), "still here")
}

func TestAnAddressInUseIsNamedWithWhatShowsItsOwner(t *testing.T) {
	ringtest.Require(t)
	owner := start(t, "--listen=udp://127.0.0.1:0", "--listen=unix://"+filepath.Join(shortDir(t), "echo"),
		"--admin=unix://"+filepath.Join(shortDir(t), "admin"))
	ready := owner.awaitLine(`msg=ready listen=(udp://[^,]+),(unix://\S+) .* admin=(\S+)`)
	for _, test := range []struct{ name, flag, show, other string }{
		{"UDP", "--listen=" + ready[1], "ss -lunp", "another port"},
		{"Unix", "--listen=" + ready[2], "ss -lxp", "another path"},
		{"admin", "--admin=" + ready[3], "ss -lxp", "another path"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := start(t, test.flag)
			requireFailure(t, d, "address already in use", "stop it", test.other, test.show+" shows which process it is")
			require.NotContains(t, d.log()[0], "-ltnp")
		})
	}
}

func TestAFileInTheWayIsNamedWithAMend(t *testing.T) {
	ringtest.Require(t)
	path := filepath.Join(shortDir(t), "file")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	for _, flag := range []string{"--listen=unix://", "--admin=unix://"} {
		d := start(t, flag+path)
		requireFailure(t, d, path, "the file there is no socket", "move it away, or take another path")
		require.NotContains(t, d.log()[0], "another process")
	}
}

func TestADirectoryThatIsMissingIsNamedWithAMend(t *testing.T) {
	ringtest.Require(t)
	for _, flag := range []string{"--listen=unix://", "--admin=unix://"} {
		requireFailure(t, start(t, flag+"/nothing/there/x"), "/nothing/there/x", "make the directory first")
	}
}

func TestOnePortInUseAmongSeveralIsAFailure(t *testing.T) {
	ringtest.Require(t)
	foreign, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer foreign.Close()
	d := start(t, "--listen=tcp://127.0.0.1:0", "--listen=tcp://"+foreign.Addr().String())
	requireFailure(t, d, foreign.Addr().String(), "address already in use")
}

func TestAnAddressOfNobodyIsNamedWithAMend(t *testing.T) {
	ringtest.Require(t)
	d := start(t, "--listen=tcp://192.0.2.1:7007") // RFC 5737: for documentation
	requireFailure(t, d, "192.0.2.1:7007", "cannot assign requested address", "ip address")
}

func TestARefusedRingIsNamedWithAMend(t *testing.T) {
	d := startAs(t, roleRefused, nil)
	requireFailure(t, d, "io_uring_setup", "operation not permitted", "seccomp",
		"allow io_uring_setup", "docker run --security-opt seccomp=deploy/seccomp.json ringport")
}

func TestAFailureIsExplainedOnOneLine(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"nothing to add", errors.New("server: no"), "server: no"},
		{"joined", errors.Join(errors.New("server: one"), errors.New("server: two")), "server: one; server: two"},
		{"with a hint", fmt.Errorf("server: listen on tcp://x:7: bind: %w; no interface has it", syscall.EADDRNOTAVAIL),
			"server: listen on tcp://x:7: bind: cannot assign requested address; no interface has it; " +
				"ip address shows those that it has"},
		{"no descriptor", fmt.Errorf("ops: new port: %w", syscall.EMFILE),
			"ops: new port: too many open files; raise the limit on open files (ulimit -n, LimitNOFILE=)"},
		{"no descriptor in the system", syscall.ENFILE,
			"too many open files in system; raise the limit on open files (ulimit -n, LimitNOFILE=)"},
		{"with a mend of its own", fmt.Errorf("uring: %w; raise the limit on open files (ulimit -n, LimitNOFILE=)",
			syscall.EMFILE), "uring: too many open files; raise the limit on open files (ulimit -n, LimitNOFILE=)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { require.Equal(t, test.want, explain(test.err)) })
	}
}

package echod

import (
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/ringtest"
)

// abort is how a daemon ends that gets SIGABRT, as from the watchdog, with a variable in its environment.
func abort(t *testing.T, variable string) syscall.WaitStatus {
	t.Helper()
	command := exec.Command("sh", "-c", `ulimit -c 0; exec "$0" "$@"`, ownPath(t), "--listen=tcp://127.0.0.1:0")
	command.Env = []string{role + "=" + roleDaemon, variable}
	d := startCommand(t, command)
	d.address()
	d.signal(syscall.SIGABRT)
	d.exit()
	return d.command.ProcessState.Sys().(syscall.WaitStatus)
}

func TestTheUnitRestartsADaemonThatCrashed(t *testing.T) {
	ringtest.Require(t)
	unit := deployed(t, "systemd/echod.service")
	require.Equal(t, "2", setting(t, unit, "RestartPreventExitStatus"), "else it would be restarted in any case")
	require.Equal(t, exitUsage, abort(t, "GOTRACEBACK=all").ExitStatus(), "as Go ends")
	status := abort(t, "GOTRACEBACK="+setting(t, unit, "Environment=GOTRACEBACK"))
	require.True(t, status.Signaled(), "it ended with status %d", status.ExitStatus())
	require.Equal(t, syscall.SIGABRT, status.Signal())
	require.Equal(t, "0", setting(t, unit, "LimitCORE"))
}

package echod

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestALogThatNobodyReadsDoesNotStopTheDaemon(t *testing.T) {
	path := filepath.Join(shortDir(t), "echo")
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	_, err = unix.FcntlInt(write.Fd(), unix.F_SETPIPE_SZ, 4096)
	require.NoError(t, err)
	command := exec.Command(ownPath(t), "--listen=unix://"+path, "--log-level=debug", "--shards=1")
	command.Env = append(plainEnvironment(), role+"="+roleDaemon)
	command.Stderr = write
	require.NoError(t, command.Start())
	ended := false
	defer func() {
		if !ended {
			_ = command.Process.Kill()
			_ = command.Wait()
		}
	}()
	require.NoError(t, write.Close())
	line, err := bufio.NewReaderSize(read, 16).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "msg=ready")

	for range 200 { // each writes lines
		requireVisit(t, "unix", path)
	}
	require.NoError(t, command.Process.Signal(syscall.SIGUSR1))
	requireVisit(t, "unix", path)
	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	err, ended = command.Wait(), true
	require.NoError(t, err, "it ends as if all were well")
}

func TestALogThatIsClosedOrFullDoesNotStopTheDaemon(t *testing.T) {
	for name, redirection := range map[string]string{
		"closed":           "2>&-",
		"full":             "2>/dev/full",
		"a pipe to nobody": "2>&3", // whose other end is closed below
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(shortDir(t), "echo")
			read, write, err := os.Pipe()
			require.NoError(t, err)
			require.NoError(t, read.Close())
			defer write.Close()
			command := exec.Command("sh", "-c", `exec "$0" "$@" `+redirection, ownPath(t), "--listen=unix://"+path,
				"--log-level=debug")
			command.ExtraFiles = []*os.File{write}
			command.Env = []string{role + "=" + roleDaemon}
			d := startCommand(t, command)
			require.Eventually(t, func() bool {
				return visit("unix", path, "hello") == nil
			}, patience, patience/1000)
			d.signal(syscall.SIGUSR1)
			requireVisit(t, "unix", path)
			d.signal(syscall.SIGTERM)
			require.Equal(t, exitDone, d.exit())
			require.Empty(t, strings.Join(d.log(), ""))
		})
	}
}

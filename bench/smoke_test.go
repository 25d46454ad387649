package bench_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long a loaded machine may take for anything.
const patience = 60 * time.Second

// size is what each client sends and wants back: more than any buffer on the way holds.
const size = 1 << 20

// server is one of the echo servers.
type server struct {
	name     string
	networks []string
	build    func(t *testing.T, to string)
}

var servers = []server{
	{"net", []string{"tcp", "unix", "udp"}, goBuild("./net")},
	{"gnet", []string{"tcp", "unix", "udp"}, goBuild("./gnet")},
	{"netpoll", []string{"tcp", "unix"}, goBuild("./netpoll")},
	{"nbio", []string{"tcp", "udp"}, goBuild("./nbio")},
	{"rio", []string{"tcp", "unix"}, goBuild("./rio")},
	{"epoll", []string{"tcp", "unix", "udp"}, cBuild("c/epoll.c")},
	{"uring", []string{"tcp", "unix"}, cBuild("c/uring.c", "-luring")},
}

func TestEveryServerSendsBackWhatItReceives(t *testing.T) {
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			program := filepath.Join(t.TempDir(), s.name)
			s.build(t, program)
			for _, network := range s.networks {
				t.Run(network, func(t *testing.T) {
					address := start(t, program, network)
					if network == "udp" {
						exchangeDatagrams(t, address)
						return
					}
					// One after the other, then together: what one client leaves is no other's.
					exchange(t, network, address)
					var clients sync.WaitGroup
					for range 8 {
						clients.Go(func() { exchange(t, network, address) })
					}
					clients.Wait()
				})
			}
		})
	}
}

// goBuild builds a command of this module.
func goBuild(pkg string) func(*testing.T, string) {
	return func(t *testing.T, to string) {
		out, err := exec.Command("go", "build", "-o", to, pkg).CombinedOutput()
		require.NoError(t, err, string(out))
	}
}

// errMissing says that the machine lacks what a C server is built with.
var errMissing = errors.New("not on this machine")

// cBuild compiles a C server, or skips where there is no compiler or no library.
func cBuild(source string, libraries ...string) func(*testing.T, string) {
	return func(t *testing.T, to string) {
		if err := compiles(libraries); errors.Is(err, errMissing) {
			if os.Getenv("CI") == "true" { // where .ci/run has installed both
				t.Fatal(err)
			}
			t.Skip(err)
		}
		args := append([]string{"-O2", "-Wall", "-Werror", "-o", to, source}, libraries...)
		out, err := exec.Command("cc", args...).CombinedOutput()
		require.NoError(t, err, string(out))
	}
}

// compiles says whether there are a compiler and the libraries.
func compiles(libraries []string) error {
	if _, err := exec.LookPath("cc"); err != nil {
		return errors.Join(errMissing, err)
	}
	cc := exec.Command("cc", append([]string{"-x", "c", "-o", os.DevNull, "-"}, libraries...)...)
	cc.Stdin = strings.NewReader("int main(void) { return 0; }\n")
	if out, err := cc.CombinedOutput(); err != nil {
		return errors.Join(errMissing, err, errors.New(string(out)))
	}
	return nil
}

// start runs the server until the test ends, and returns where it is ready.
func start(t *testing.T, program, network string) (address string) {
	listen := network + "://127.0.0.1:0"
	if network == "unix" {
		listen = "unix://" + filepath.Join(t.TempDir(), "echo.sock")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
	t.Cleanup(cancel)
	var complaints bytes.Buffer
	cmd := exec.CommandContext(ctx, program, "--listen", listen)
	cmd.Stderr = &complaints
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		_ = cmd.Wait()
		skipWhatCannotRun(t, complaints.String())
		require.NoError(t, err, "the server ended before it was ready: %s", &complaints)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "ready "+network+"://")
	require.True(t, ok, "the ready line is %q", line)
	return address
}

// skipWhatCannotRun skips where the kernel, or a sandbox, has no io_uring for the two servers that need it, and where
// rio may not have as many descriptors as it wants.
func skipWhatCannotRun(t *testing.T, complaint string) {
	refusals := []string{"RLIMIT_NOFILE"}
	for _, errno := range []syscall.Errno{syscall.ENOSYS, syscall.EPERM, syscall.EINVAL, syscall.ENOMEM} {
		refusals = append(refusals, errno.Error())
	}
	for _, refusal := range refusals {
		if strings.Contains(complaint, "rio") || strings.Contains(complaint, "uring") {
			if strings.Contains(complaint, refusal) {
				t.Skip(errors.Join(errMissing, errors.New(complaint)))
			}
		}
	}
}

// exchange sends and reads at the same time, as the other side does.
func exchange(t *testing.T, network, address string) {
	conn, err := net.DialTimeout(network, address, patience)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	sent := make([]byte, size)
	fill(sent)
	go func() { _, _ = conn.Write(sent) }()
	received := make([]byte, size)
	if _, err := io.ReadFull(conn, received); err != nil {
		t.Error(err)
	} else if !bytes.Equal(sent, received) {
		t.Error("the echo is not what was sent")
	}
}

// exchangeDatagrams sends one after the other, each until it comes back: a datagram may be lost.
func exchangeDatagrams(t *testing.T, address string) {
	conn, err := net.Dial("udp", address)
	require.NoError(t, err)
	defer conn.Close()
	sent, received := make([]byte, 1400), make([]byte, 2000)
	for range 100 {
		fill(sent)
		require.Eventually(t, func() bool {
			_, err := conn.Write(sent)
			_ = conn.SetReadDeadline(time.Now().Add(time.Second))
			n, readErr := conn.Read(received)
			return err == nil && readErr == nil && bytes.Equal(sent, received[:n])
		}, patience, time.Millisecond)
	}
}

// fill writes bytes that do not repeat themselves.
func fill(b []byte) {
	var seed [32]byte
	seed[0] = byte(rand.Uint32())
	_, _ = rand.NewChaCha8(seed).Read(b)
}

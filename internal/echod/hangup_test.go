package echod

import (
	"io"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/ringtest"
)

func TestAHangupChangesTheLimitOfConnectionsAtOnce(t *testing.T) {
	ringtest.Require(t)
	path := configFile(t, `max-conns = 1`)
	d := start(t, "--config="+path)
	first := d.dial()
	requireEcho(t, first, "served")
	second := d.dial() // it waits in the backlog, with its words
	_, err := second.Write([]byte("me too"))
	require.NoError(t, err)

	rewrite(t, path, `max-conns = 2`)
	d.signal(syscall.SIGHUP)
	d.awaitLine(`level=INFO msg="configuration reloaded" changed=max-conns$`)
	reply := make([]byte, len("me too"))
	_, err = io.ReadFull(second, reply)
	require.NoError(t, err)
	require.Equal(t, "me too", string(reply))
	requireEcho(t, first, "served on")
}

func TestABrokenFileIsRefusedWhileTheEchoGoesOn(t *testing.T) {
	ringtest.Require(t)
	path := configFile(t, `max-conns = 2`)
	d := start(t, "--config="+path)
	client := d.dial()
	requireEcho(t, client, "before")
	rewrite(t, path, `max-conns = 1`, `max-con = 1`)
	d.signal(syscall.SIGHUP)
	d.awaitLine(`level=ERROR msg="the configuration is not reloaded, the old one stays" error="` + path +
		`:2: unknown key \\"max-con\\"; did you mean max-conns\?"$`)
	requireEcho(t, client, "after")
	requireEcho(t, d.dial(), "the old limit")

	rewrite(t, path, `max-conns = 3`)
	d.signal(syscall.SIGHUP)
	d.awaitLine(`msg="configuration reloaded" changed=max-conns$`)
	requireEcho(t, client, "mended")
}

func TestAHangupChangesTheLogLevel(t *testing.T) {
	ringtest.Require(t)
	path := configFile(t, `log-level = "info"`)
	d := start(t, "--config="+path)
	requireEcho(t, d.dial(), "hello")
	rewrite(t, path, `log-level = "debug"`)
	d.signal(syscall.SIGHUP)
	d.awaitLine(`changed=log-level$`)
	requireEcho(t, d.dial(), "hello")
	d.awaitLine(`level=DEBUG`)
}

func TestAHangupChangesTheDrainTimeout(t *testing.T) {
	path := configFile(t)
	d, _, _ := owing(t, "--config="+path)
	rewrite(t, path, `drain-timeout = "100ms"`)
	d.signal(syscall.SIGHUP)
	d.awaitLine(`changed=drain-timeout$`)
	d.signal(syscall.SIGTERM)
	d.awaitLine(`msg=stopping .* drain_timeout=100ms`)
	require.Equal(t, exitDone, d.exit())
}

func TestAHangupWithoutAFileChangesNothing(t *testing.T) {
	ringtest.Require(t)
	d := start(t)
	client := d.dial()
	d.signal(syscall.SIGHUP)
	d.awaitLine(`level=WARN msg="there is nothing to reload: no --config was given"$`)
	requireEcho(t, client, "still here")
}

func TestTheFileSaysWhereToListen(t *testing.T) {
	ringtest.Require(t)
	path := configFile(t, `listen = ["tcp://127.0.0.1:0", "tcp://127.0.0.1:0"]`, `log-format = "json"`)
	require.Contains(t, path, "Listen") // startAs looks for that, and adds no address of its own
	d := startAs(t, roleDaemon, []string{"ECHOD_CONFIG=" + path}, "serve")
	addresses := d.awaitLine(`"msg":"ready","listen":"tcp://([^,]+),tcp://([^"]+)"`)[1:]
	for _, address := range addresses {
		requireEcho(t, dialAddress(t, address), "hello")
	}
}

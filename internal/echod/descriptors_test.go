package echod

import (
	"bytes"
	"log/slog"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/ringtest"
)

func TestConnectionsAreLoweredToTheDescriptorsThatThereAre(t *testing.T) {
	d := descriptors{limit: 1000, shards: 2, listeners: 1, admin: true}
	require.Equal(t, 1000, d.room()+d.reserve())
	require.Equal(t, 7, d.lower(7), "fewer are what was asked for")
	require.Equal(t, d.room(), d.lower(10000))
	more := d
	more.shards = 4
	require.Less(t, more.room(), d.room(), "each shard takes some")
	more = d
	more.listeners = 3
	require.Less(t, more.room(), d.room(), "each listener takes some")
	more.limit = 3
	require.Equal(t, 1, more.room(), "there is no server without a connection")
}

func TestTheLimitThatIsAdvisedIsEnoughAndNoMore(t *testing.T) {
	for _, conns := range []int{1, 100, 10000, 1 << 24} {
		d := descriptors{shards: 2, listeners: 2, admin: true}
		d.limit = d.want(conns)
		require.GreaterOrEqual(t, d.room(), conns)
		d.limit--
		require.LessOrEqual(t, d.room(), conns)
	}
}

// scarce starts a daemon that may have so many files open.
func scarce(t *testing.T, files int, args ...string) *daemon {
	t.Helper()
	args = append([]string{"-c", "ulimit -n " + strconv.Itoa(files) + `; exec "$0" "$@"`, ownPath(t),
		"--listen=tcp://127.0.0.1:0", "--shards=2"}, args...)
	command := exec.Command("sh", args...)
	command.Env = []string{role + "=" + roleDaemon}
	return startCommand(t, command)
}

func TestFewDescriptorsLowerTheLimitAndLeaveSomeForThePages(t *testing.T) {
	ringtest.Require(t)
	const files = 64
	d := scarce(t, files, "--admin=127.0.0.1:0")
	address := d.address()
	warning := d.awaitLine(`level=WARN .*LimitNOFILE=.*ulimit -n.* max_conns=10000 served=(\d+) open_files=64`)
	served, err := strconv.Atoi(warning[1])
	require.NoError(t, err)
	require.Greater(t, served, 1)
	for range 2 * files { // more than are served: the others wait
		dialAddress(t, address)
	}
	site := d.adminSite()
	require.Eventually(t, func() bool {
		status, text := site.get("/readyz")
		return status == http.StatusServiceUnavailable && text ==
			"server: not ready: at the limit of "+warning[1]+" connections; new ones wait until others end\n"
	}, patience, patience/1000)
	status, _ := site.get("/livez")
	require.Equal(t, http.StatusOK, status)
	_, text := site.get("/metrics")
	require.Contains(t, text, "\nechod_max_connections "+warning[1]+"\n")
	require.Contains(t, text, "\nechod_connections{state=\"open\"} "+warning[1]+"\n")
}

func TestTooFewDescriptorsToStartAreNamedWithAMend(t *testing.T) {
	ringtest.Require(t)
	for _, files := range []int{10, 12} { // for no ring, and for too few of what goes with it
		d := scarce(t, files, "--admin=127.0.0.1:0")
		requireFailure(t, d, "too many open files", "raise the limit on open files (ulimit -n, LimitNOFILE=)")
	}
}

func TestASuccessorServesAsManyConnections(t *testing.T) {
	ringtest.Require(t)
	d := scarce(t, 64)
	served := d.awaitLine(`level=WARN .* served=(\d+) open_files=64`)[1]
	d.address()
	d.signal(unix.SIGUSR2)
	require.Equal(t, exitDone, d.leave())
	require.Equal(t, served, d.awaitLines(2, `level=WARN .* served=(\d+) open_files=64`)[1])
}

func TestAReloadIsHeldToTheDescriptorsThatThereAre(t *testing.T) {
	ringtest.Require(t)
	path := configFile(t, `max-conns = 5`)
	d := scarce(t, 64, "--admin=127.0.0.1:0", "--config="+path)
	site := d.adminSite()
	rewrite(t, path, `max-conns = 5000`)
	d.signal(unix.SIGHUP)
	served := d.awaitLine(`level=WARN .* max_conns=5000 served=(\d+) open_files=64`)[1]
	d.awaitLine(`configuration reloaded.* changed=max-conns`)
	_, text := site.get("/metrics")
	require.Contains(t, text, "\nechod_max_connections "+served+"\n")
}

func TestAShortageOfDescriptorsIsLoggedAndNotReady(t *testing.T) {
	ringtest.Require(t)
	d := start(t, "--admin=127.0.0.1:0", "--shards=1", "--max-conns=100")
	site := d.adminSite()
	status, _ := site.get("/readyz") // whose connection stays
	require.Equal(t, http.StatusOK, status)
	var before unix.Rlimit
	require.NoError(t, unix.Prlimit(d.command.Process.Pid, unix.RLIMIT_NOFILE, nil, &before))
	few := unix.Rlimit{Cur: 3, Max: before.Max} // less than it has, so that there is not one more
	require.NoError(t, unix.Prlimit(d.command.Process.Pid, unix.RLIMIT_NOFILE, &few, nil))
	// Accepts that are in flight have the old limit. Near --max-conns they are one-shot, and soon used up.
	for range 20 {
		dialAddress(t, d.address())
	}
	require.Eventually(t, func() bool {
		status, text := site.get("/readyz")
		return status == http.StatusServiceUnavailable && strings.Contains(text, "no descriptor is free")
	}, patience, patience/1000)
	d.awaitLine(`level=WARN msg="no descriptor is free for new connections.*LimitNOFILE=.* open_files=3`)
	require.NoError(t, unix.Prlimit(d.command.Process.Pid, unix.RLIMIT_NOFILE, &before, nil))
	require.Eventually(t, func() bool {
		status, _ := site.get("/readyz")
		return status == http.StatusOK
	}, patience, patience/1000)
}

func TestAShortageThatComesAndGoesIsOneLineAMinute(t *testing.T) {
	var log bytes.Buffer
	refused, now := uint64(0), time.Unix(1, 0)
	s := shortage{refused: func() uint64 { return refused }, now: func() time.Time { return now },
		log: slog.New(slog.NewTextHandler(&log, nil))}
	lines := func() int {
		s.look(t.Context())
		return bytes.Count(log.Bytes(), []byte("\n"))
	}
	require.Zero(t, lines())
	refused = 5
	require.Equal(t, 1, lines())
	require.Contains(t, log.String(), "refused_accepts=5")
	now = now.Add(shortageInterval - 1)
	refused = 8
	require.Equal(t, 1, lines(), "it is too soon")
	now = now.Add(1)
	require.Equal(t, 2, lines())
	require.Contains(t, log.String(), "refused_accepts=3")
	now = now.Add(shortageInterval)
	require.Equal(t, 2, lines(), "there is nothing new")
}

package echod

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/ringtest"
)

// site is the admin pages of a daemon, as a browser sees them.
type site struct {
	t      *testing.T
	client *http.Client
	base   string
}

// adminSite waits until the daemon is ready, and opens its admin pages.
func (d *daemon) adminSite() *site {
	d.t.Helper()
	address := d.awaitLine(`msg=ready .* admin=(\S+)`)[1]
	transport := &http.Transport{}
	d.t.Cleanup(transport.CloseIdleConnections)
	s := &site{t: d.t, client: &http.Client{Transport: transport, Timeout: patience}, base: address}
	if path, ok := strings.CutPrefix(address, "unix://"); ok {
		s.base = "http://echod"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
	}
	return s
}

// get is the status and the text of a page.
func (s *site) get(page string) (status int, text string) {
	s.t.Helper()
	response, err := s.client.Get(s.base + page)
	require.NoError(s.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(s.t, err)
	return response.StatusCode, string(body)
}

func TestTheAdminPagesAreServed(t *testing.T) {
	for name, flag := range map[string]string{
		"TCP":      "--admin=127.0.0.1:0",
		"Unix":     "--admin=unix://" + filepath.Join(shortDir(t), "admin"),
		"abstract": fmt.Sprintf("--admin=unix://@echod-test-%d", os.Getpid()),
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t, flag)
			s := d.adminSite()
			requireEcho(t, d.dial(), "hello")
			for page, want := range map[string]string{
				"/": "/metrics", "/livez": "ok\n", "/readyz": "ok\n",
				"/metrics": "\nechod_connections_accepted_total 1\n",
			} {
				status, text := s.get(page)
				require.Equal(t, http.StatusOK, status, page)
				require.Contains(t, text, want, page)
			}
			for _, page := range []string{"/nothing", "/livez/more", "/debug/pprof/", "/debug/pprof/cmdline"} {
				status, _ := s.get(page)
				require.Equal(t, http.StatusNotFound, status, page)
			}
		})
	}
}

func TestTheAdminPagesCanOnlyBeRead(t *testing.T) {
	s := start(t, "--admin=127.0.0.1:0").adminSite()
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		request, err := http.NewRequestWithContext(t.Context(), method, s.base+"/livez", nil)
		require.NoError(t, err)
		response, err := s.client.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusMethodNotAllowed, response.StatusCode, method)
		require.Equal(t, "GET, HEAD", response.Header.Get("Allow"))
	}
	response, err := s.client.Head(s.base + "/readyz")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
}

func TestTheLinterFindsNothingInWhatADaemonShows(t *testing.T) {
	d := start(t, "--admin=127.0.0.1:0")
	_, text := d.adminSite().get("/metrics")
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
}

func TestEveryReasonIsThereFromTheStart(t *testing.T) {
	_, text := start(t, "--admin=127.0.0.1:0", "--shards=2").adminSite().get("/metrics")
	for _, line := range []string{
		`echod_connections_ended_total{reason="peer"}`, `echod_connections_ended_total{reason="handler"}`,
		`echod_connections_ended_total{reason="idle_timeout"}`, `echod_connections_ended_total{reason="lifetime"}`,
		`echod_connections_ended_total{reason="write_timeout"}`, `echod_connections_ended_total{reason="reset"}`,
		`echod_connections_ended_total{reason="error"}`, `echod_connections_ended_total{reason="drained"}`,
		`echod_connections_ended_total{reason="cut"}`,
		`echod_connections_rejected_total{reason="per_ip"}`, `echod_connections_rejected_total{reason="draining"}`,
		`echod_datagrams_dropped_total{reason="privileged_port"}`, `echod_datagrams_dropped_total{reason="own_port"}`,
		`echod_datagrams_dropped_total{reason="loop"}`, `echod_datagrams_dropped_total{reason="multicast"}`,
		`echod_datagrams_dropped_total{reason="source_rate"}`, `echod_datagrams_dropped_total{reason="total_rate"}`,
		`echod_datagrams_dropped_total{reason="truncated"}`, `echod_datagrams_dropped_total{reason="unsent"}`,
		`echod_datagrams_dropped_total{reason="busy"}`,
		`echod_limit_reached_total{limit="max_conns"}`, `echod_limit_reached_total{limit="accept_rate"}`,
		`echod_limit_reached_total{limit="max_queued"}`, `echod_limit_reached_total{limit="high_water"}`,
		`echod_ring_no_memory_total{shard="1"}`, `echod_buffers{shard="1",state="spare"}`,
	} {
		require.Contains(t, text, line)
	}
	for _, name := range []string{"echod_build_info{", "echod_ring_features_info{", "process_open_fds ",
		"go_goroutines "} {
		require.Contains(t, text, "\n"+name)
	}
}

func TestReadyzSaysThatTheLimitIsReached(t *testing.T) {
	d := start(t, "--admin=127.0.0.1:0", "--max-conns=1")
	s := d.adminSite()
	client := d.dial()
	requireEcho(t, client, "hello")
	status, text := s.get("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, text, "limit of 1 connections")
	_, text = s.get("/metrics")
	require.Contains(t, text, "\nechod_ready 0\n")
	require.NoError(t, client.Close())
	require.Eventually(t, func() bool {
		status, _ := s.get("/readyz")
		return status == http.StatusOK
	}, patience, patience/1000)
}

func TestTheAdminPagesStayWhileTheDaemonDrains(t *testing.T) {
	d, client, _ := owing(t, "--admin=127.0.0.1:0", "--drain-timeout=1h")
	s := d.adminSite()
	d.signal(syscall.SIGTERM)
	d.awaitLine(`msg=stopping`)
	require.Eventually(t, func() bool {
		status, text := s.get("/readyz")
		return status == http.StatusServiceUnavailable && strings.Contains(text, "draining")
	}, patience, patience/1000)
	status, _ := s.get("/livez")
	require.Equal(t, http.StatusOK, status, "it still turns")
	d.signal(syscall.SIGUSR1)
	d.awaitLine(`msg=figures`)
	_, err := io.Copy(io.Discard, client)
	require.NoError(t, err)
	require.NoError(t, client.Close())
	require.Equal(t, exitDone, d.exit())
}

func TestLivezNamesTheShardThatIsStuck(t *testing.T) {
	p := pages{
		registry: prometheus.NewRegistry(), log: slog.New(slog.DiscardHandler), limit: time.Millisecond,
		alive: func(ctx context.Context) error {
			<-ctx.Done()
			return fmt.Errorf("server: shard 3 has not turned: %w", ctx.Err())
		},
	}
	recorder := httptest.NewRecorder()
	p.handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/livez", nil))
	require.Equal(t, http.StatusServiceUnavailable, recorder.Code)
	require.Contains(t, recorder.Body.String(), "shard 3")
}

func TestProfilesAreThereWhenAskedFor(t *testing.T) {
	s := start(t, "--admin=127.0.0.1:0", "--pprof").adminSite()
	for page, want := range map[string]string{"/": "/debug/pprof/", "/debug/pprof/": "goroutine",
		"/debug/pprof/goroutine?debug=1": "goroutine profile", "/debug/pprof/cmdline": "--pprof"} {
		status, text := s.get(page)
		require.Equal(t, http.StatusOK, status, page)
		require.Contains(t, text, want, page)
	}
}

func TestWithoutAdminThereAreNoPages(t *testing.T) {
	d := start(t)
	require.NotContains(t, d.awaitLine(`msg=ready.*`)[0], "admin=")
}

func TestAnAdminAddressInUseIsNamed(t *testing.T) {
	ringtest.Require(t)
	foreign, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer foreign.Close()
	d := start(t, "--admin="+foreign.Addr().String())
	requireFailure(t, d, "--admin", foreign.Addr().String(), "address already in use")
}

func TestAnAdminSocketIsForItsOwnerAndGroup(t *testing.T) {
	path := filepath.Join(shortDir(t), "admin")
	command := exec.Command("sh", "-c", `umask 0; exec "$0" "$@"`, ownPath(t), "--listen=tcp://127.0.0.1:0",
		"--admin=unix://"+path)
	command.Env = []string{role + "=" + roleDaemon}
	d := startCommand(t, command)
	d.adminSite()
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o660), info.Mode().Perm())
	d.signal(syscall.SIGTERM)
	require.Equal(t, exitDone, d.exit())
	require.NoFileExists(t, path)
}

func TestAnAdminSocketOfAKilledDaemonIsReplaced(t *testing.T) {
	path := filepath.Join(shortDir(t), "admin")
	killed := start(t, "--admin=unix://"+path)
	killed.adminSite()
	killed.signal(syscall.SIGKILL)
	killed.exit()
	require.FileExists(t, path)
	status, _ := start(t, "--admin=unix://"+path).adminSite().get("/livez")
	require.Equal(t, http.StatusOK, status)
}

func TestAnAdminSocketThatIsServedIsNotReplaced(t *testing.T) {
	ringtest.Require(t)
	path := filepath.Join(shortDir(t), "admin")
	first := start(t, "--admin=unix://"+path).adminSite()
	requireFailure(t, start(t, "--admin=unix://"+path), path, "address already in use")
	status, _ := first.get("/livez")
	require.Equal(t, http.StatusOK, status)
}

func TestAFileThatIsNoSocketIsNotReplaced(t *testing.T) {
	ringtest.Require(t)
	path := filepath.Join(shortDir(t), "precious")
	require.NoError(t, os.WriteFile(path, []byte("data"), 0o600))
	requireFailure(t, start(t, "--admin=unix://"+path), path, "address already in use")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "data", string(data))
}

// listenerAt is a listener that has an address only.
type listenerAt struct {
	net.Listener
	address net.Addr
}

func (l listenerAt) Addr() net.Addr { return l.address }

func TestAdminPagesAreKnownToBePrivate(t *testing.T) {
	for text, private := range map[string]bool{
		"127.0.0.1:1": true, "127.7.7.7:1": true, "[::1]:1": true, "[::ffff:127.0.0.1]:1": true,
		"0.0.0.0:1": false, "[::]:1": false, "192.0.2.1:1": false, "[2001:db8::1]:1": false,
	} {
		address := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(text))
		require.Equal(t, private, (&adminServer{listener: listenerAt{address: address}}).private(), text)
	}
	socket := &net.UnixAddr{Name: "/run/echod/admin", Net: "unix"}
	require.True(t, (&adminServer{listener: listenerAt{address: socket}}).private())
}

func TestTheAdminListenerTakesSoManyConnectionsAtATime(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := newLimitedListener(inner, 1)
	accepted := make(chan net.Conn)
	ended := make(chan error)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				ended <- err
				return
			}
			accepted <- conn
		}
	}()
	dialAddress(t, inner.Addr().String())
	dialAddress(t, inner.Addr().String())
	first := <-accepted
	require.Len(t, l.places, 1)
	require.NoError(t, first.Close())
	_ = first.Close() // gives the place back once only
	second := <-accepted
	require.NoError(t, l.Close())
	require.ErrorIs(t, <-ended, net.ErrClosed)
	require.NoError(t, second.Close())
}

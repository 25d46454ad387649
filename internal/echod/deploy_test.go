package echod

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/ringtest"
)

// deployed is a file of deploy/.
func deployed(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../deploy/" + name)
	require.NoError(t, err)
	return string(text)
}

// panelQueries is the queries of the dashboard, each of which belongs to a panel.
func panelQueries(t *testing.T) (queries []string) {
	t.Helper()
	var dashboard struct {
		Panels []struct {
			Title, Type string
			Targets     []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(deployed(t, "grafana/echod.json")), &dashboard))
	for _, panel := range dashboard.Panels {
		require.Equal(t, panel.Type == "row", len(panel.Targets) == 0, panel.Title)
		for _, target := range panel.Targets {
			queries = append(queries, target.Expr)
		}
	}
	require.NotEmpty(t, queries)
	return queries
}

// selector is a metric's name with what is asked of its labels. A word that begins like ours is always a metric.
var selector = regexp.MustCompile(`\b((?:echod|process|go)_[a-z0-9_]+)(?:\{([^}]*)\})?`)

// matcher is one label of a selector with the values that it may have.
var matcher = regexp.MustCompile(`([a-z_]+)=~?"([^"]*)"`)

// addedByPrometheus is the labels that series get when they are collected.
var addedByPrometheus = []string{"job", "instance"}

// requireExposed holds that a daemon exposes what a query asks for.
func requireExposed(t *testing.T, families map[string]*dto.MetricFamily, query string) {
	t.Helper()
	for _, found := range selector.FindAllStringSubmatch(query, -1) {
		name := strings.TrimSuffix(found[1], "_bucket")
		require.Contains(t, families, name, query)
		require.Equal(t, name != found[1], families[name].GetType() == dto.MetricType_HISTOGRAM, query)
		for _, m := range matcher.FindAllStringSubmatch(found[2], -1) {
			if slices.Contains(addedByPrometheus, m[1]) {
				continue
			}
			require.Subset(t, valuesOf(families[name], m[1]), strings.Split(m[2], "|"), query)
		}
	}
}

// valuesOf is the values that a label has in a family.
func valuesOf(family *dto.MetricFamily, label string) (values []string) {
	for _, metric := range family.GetMetric() {
		for _, pair := range metric.GetLabel() {
			if pair.GetName() == label {
				values = append(values, pair.GetValue())
			}
		}
	}
	return values
}

func TestThePanelsAndTheAlertsUseFiguresThatAreThere(t *testing.T) {
	status, text := start(t, "--admin=127.0.0.1:0").adminSite().get("/metrics")
	require.Equal(t, http.StatusOK, status)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	require.NoError(t, err)
	for _, query := range panelQueries(t) {
		require.Regexp(t, selector, query)
		requireExposed(t, families, query)
	}
	rules := deployed(t, "prometheus/echod.rules.yml")
	require.Regexp(t, selector, rules)
	requireExposed(t, families, rules) // all of them in one text: no other word in it begins like a metric
}

func TestTheDeployedConfigurationIsRight(t *testing.T) {
	o := runWith(nil, "--config=../../deploy/echod.toml", "--check-config")
	require.Equal(t, exitDone, o.status, o.stderr)
}

// setting is the value of a key in a file of "key = value" or Key=value lines.
func setting(t *testing.T, text, key string) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^` + key + ` ?= ?"?([^"\n]*)`).FindStringSubmatch(text)
	require.NotNil(t, found, key)
	return found[1]
}

func TestTheUnitGivesWhatTheConfigurationTakes(t *testing.T) {
	unit, config := deployed(t, "systemd/echod.service"), deployed(t, "echod.toml")
	duration := func(text, key string) time.Duration {
		d, err := time.ParseDuration(setting(t, text, key))
		require.NoError(t, err)
		return d
	}
	number := func(text, key string) int {
		n, err := strconv.Atoi(setting(t, text, key))
		require.NoError(t, err)
		return n
	}
	require.Greater(t, duration(unit, "TimeoutStopSec"), duration(config, "drain-timeout"))
	d := descriptors{limit: number(unit, "LimitNOFILE"), shards: 64, listeners: 3, admin: true}
	require.Greater(t, d.room(), number(config, "max-conns"))
	require.Equal(t, strconv.Itoa(exitUsage), setting(t, unit, "RestartPreventExitStatus"))
}

func TestTheGroupOfTheUnitMayConnectToAUnixSocket(t *testing.T) {
	ringtest.Require(t)
	path := filepath.Join(shortDir(t), "echo")
	command := exec.Command("sh", "-c", "umask "+setting(t, deployed(t, "systemd/echod.service"), "UMask")+
		`; exec "$0" "$@"`, ownPath(t), "--listen=unix://"+path)
	command.Env = []string{role + "=" + roleDaemon}
	startCommand(t, command).awaitLine("msg=ready")
	about, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o770), about.Mode().Perm(), "and nobody else")
}

package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/perf/benchfmt"

	"github.com/ringport/ringport/internal/load"
	"github.com/ringport/ringport/internal/matrix"
	"github.com/ringport/ringport/internal/report"
)

// speeds is how fast each server of the tests is; the first one is what the others are beside.
var speeds = []struct {
	name, group string
	factor      float64
}{{"ours", "ours", 1}, {"gopher", "go", 0.5}, {"turtle", "go", 0.25}, {"metal", "c", 1}}

const rounds = 6

// outcome is a comparison that nobody ran, of part of the catalogue. It may be changed; only histograms are shared.
func outcome() matrix.Outcome {
	o := madeUp()
	o.Servers, o.Loads, o.Records = slices.Clone(o.Servers), slices.Clone(o.Loads), slices.Clone(o.Records)
	for i, r := range o.Records {
		result := *r.Result
		o.Records[i].Result = &result
	}
	return o
}

// madeUp makes it once: it has hundreds of histograms, of a quarter of a megabyte each.
var madeUp = sync.OnceValue(func() matrix.Outcome {
	o := matrix.Outcome{Complete: true, Rounds: rounds, Seed: 7, Loads: loads(),
		Timing: matrix.Timing{Warmup: time.Second, Duration: 3 * time.Second}}
	for _, s := range speeds {
		o.Servers = append(o.Servers, matrix.Server{Name: s.name, Group: s.group, Networks: []string{"tcp", "unix", "udp"},
			Command: []string{s.name, matrix.AddressMark}})
	}
	for i := range o.Loads {
		if o.Loads[i].RateOf != "" {
			o.Loads[i].Rate = 100_000 * o.Loads[i].RatePart
		}
	}
	for _, step := range matrix.Plan(o.Seed, rounds, o.Loads, o.Servers) {
		result := resultOf(step, o.Loads)
		o.Records = append(o.Records, matrix.Record{Step: step, Started: time.Unix(1e9, 0), Result: &result})
	}
	return o
})

// loads are those of the catalogue that the plots need.
func loads() []matrix.Load {
	chosen, err := matrix.Select(matrix.Catalogue(), []string{"tcp-64b-1", "tcp-64b-64", "tcp-64b-1000", "udp-64b-64",
		"tcp-idle-1000", "tcp-idle-10000", "tcp-open-64-30", "tcp-open-64-70", "tcp-open-1000-70"})
	if err != nil {
		panic(err)
	}
	return chosen
}

// short is the outcome with the runs of one load only.
func short() matrix.Outcome {
	o := outcome()
	o.Loads = o.Loads[:1]
	o.Records = slices.DeleteFunc(o.Records, func(r matrix.Record) bool { return r.Load != o.Loads[0].Name })
	return o
}

// resultOf makes up what a run found: rounds differ, and are alike for all servers, but for a little.
func resultOf(step matrix.Step, all []matrix.Load) load.Result {
	factor := 1.0
	for i, s := range speeds {
		if s.name == step.Server {
			factor = s.factor * (1 + 0.001*float64((step.Round*(i+1))%3-1))
		}
	}
	slowness := 1 + float64(step.Round)/10
	latency := load.NewHistogram()
	for i := range 2000 {
		_ = latency.HDR().RecordValue(int64(float64(50_000+i*i) * slowness / factor))
	}
	r := load.Result{
		Start:          time.Unix(1e9, 0),
		Seconds:        1,
		Window:         load.Counts{Echoes: 2000},
		Rate:           100_000 * factor / slowness,
		BytesPerSecond: 6_400_000 * factor / slowness,
		Latency:        latency,
		Server: &load.ServerUsage{CPUPerEcho: 4e-6 / factor, Before: load.Memory{RSSAnon: 1e6},
			End: load.Memory{RSSAnon: 3e6}},
		Gates: []load.Gate{{Name: load.GateGenerator, OK: step.Server != "metal"}},
	}
	for _, l := range all {
		if l.Name == step.Load {
			r.Config = load.Config{Conns: l.Conns, Idle: l.Idle, Pattern: l.Pattern, Rate: l.Rate}
		}
	}
	return r
}

func manifest() matrix.Manifest {
	return matrix.Manifest{
		Machine: matrix.Machine{Kernel: "6.1", Architecture: "amd64", CPU: "A <fast> one", Hypervisor: true,
			Sysctls: map[string]string{"net.core.somaxconn": "4096"}},
		Started:    time.Unix(1e9, 0),
		Took:       "1h0m0s",
		ServerCPUs: []int{0}, GeneratorCPUs: []int{1},
		Versions: map[string]string{"ours": "v1", "gopher": "v2 & more"},
	}
}

// page renders the report, and holds that it is well-formed and needs nothing else.
func page(t *testing.T, o matrix.Outcome) string {
	var b bytes.Buffer
	require.NoError(t, report.WriteHTML(&b, o, manifest()))
	d := xml.NewDecoder(bytes.NewReader(b.Bytes()))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		element, is := token.(xml.StartElement)
		if !is {
			continue
		}
		require.NotContains(t, []string{"script", "link", "img", "iframe"}, element.Name.Local)
		for _, a := range element.Attr {
			require.NotContains(t, []string{"src", "href"}, a.Name.Local)
		}
	}
	require.NotContains(t, b.String(), "url(")
	return b.String()
}

func TestTheReportHasEveryPlot(t *testing.T) {
	o := outcome()
	figures, err := report.Figures(o)
	require.NoError(t, err)
	count := map[string]int{}
	for _, f := range figures {
		require.NotEmpty(t, f.SVG, f.Title)
		require.Empty(t, f.Missing, f.Title)
		require.NotEmpty(t, f.Caption, f.Title)
		require.Len(t, f.Servers, len(speeds), f.Title)
		count[f.Key]++
	}
	// One connection and two open loops at 70 % have a curve of percentiles.
	require.Equal(t, map[string]int{"throughput": 1, "cpu": 1, "percentiles": 3, "offered": 1, "memory": 1}, count)
	html := page(t, o)
	require.Equal(t, len(figures), strings.Count(html, `class="plot"`))
	require.Contains(t, html, "A &lt;fast&gt; one")
	require.Contains(t, html, "v2 &amp; more")
}

func TestAPlotWithoutFiguresSaysSo(t *testing.T) {
	o := outcome()
	o.Loads = o.Loads[3:4] // UDP
	figures, err := report.Figures(o)
	require.NoError(t, err)
	for _, f := range figures {
		if f.Key != "percentiles" {
			require.Empty(t, f.SVG, f.Title)
			require.NotEmpty(t, f.Missing, f.Title)
		}
	}
	page(t, o)
}

func TestAComparisonWithoutAValidRunIsReported(t *testing.T) {
	o := outcome()
	for i := range o.Records {
		o.Records[i].Result, o.Records[i].Error = nil, "it rained <hard>"
	}
	html := page(t, o)
	require.Contains(t, html, "No run was valid")
	require.Contains(t, html, "it rained &lt;hard&gt;")
	require.Zero(t, strings.Count(html, `class="plot"`))
}

func TestVoidRunsAreListedAndInNoFigure(t *testing.T) {
	o := outcome()
	for i := range o.Records {
		if r := &o.Records[i]; r.Server == "ours" && r.Load == "tcp-64b-64" && r.Round <= 2 {
			r.Result.Void = true
			r.Result.Rate = 1e12
			r.Result.Gates = []load.Gate{{Name: load.GateTotals, Voids: true, Detail: "counts disagree"}}
		}
	}
	table := tableOf(t, o, "tcp-64b-64")
	require.Equal(t, 4, table.Rows[0].Valid)
	require.Less(t, table.Rows[0].Cells[0].Summary.High, 1e6)
	require.Contains(t, table.Rows[0].Remark(rounds), "4 of 6 rounds")
	require.Contains(t, page(t, o), "void: totals: counts disagree")
	require.Equal(t, []report.Problem{{What: "tcp-64b-64, ours, rounds 1, 2 of 6",
		Why: "void: totals: counts disagree"}}, report.Problems(o))
}

func TestServersThatDidNotKeepUpSaySoInTheirRow(t *testing.T) {
	o := outcome()
	for _, r := range o.Records {
		if r.Server == "turtle" && r.Load == "tcp-open-64-70" && r.Round <= 2 {
			r.Result.Gates = append(r.Result.Gates, load.Gate{Name: load.GateKeptUp})
		}
	}
	table := tableOf(t, o, "tcp-open-64-70")
	require.Equal(t, 6, table.Rows[2].Valid, "their figures count")
	require.Equal(t, "did not keep up in 2: latency grows with the run", table.Rows[2].Remark(rounds))
	require.Contains(t, page(t, o), "did not keep up in 2")
	require.Empty(t, table.Rows[1].Remark(rounds))
}

func TestRowsOfFewerRoundsSayHowSureTheirIntervalsAre(t *testing.T) {
	void := func(server string, rounds int) matrix.Outcome {
		o := outcome()
		for _, r := range o.Records {
			r.Result.Void = r.Result.Void || r.Server == server && r.Round <= rounds
		}
		return o
	}
	rows := tableOf(t, void("gopher", 2), "tcp-64b-1").Rows
	require.Equal(t, "4 of 6 rounds; intervals at 87 % or more", rows[1].Remark(rounds))
	require.Empty(t, rows[0].Remark(rounds))
	require.Empty(t, rows[2].Remark(rounds))

	rows = tableOf(t, void("ours", 1), "tcp-64b-1").Rows
	require.Equal(t, "5 of 6 rounds; intervals at 93 % or more", rows[0].Remark(rounds))
	require.Equal(t, "intervals at 93 % or more", rows[1].Remark(rounds), "ratios need a round of both")

	rows = tableOf(t, void("gopher", 5), "tcp-64b-1").Rows
	require.Equal(t, "1 of 6 rounds", rows[1].Remark(rounds), "there is no interval")
}

func tableOf(t *testing.T, o matrix.Outcome, name string) report.Table {
	for _, table := range report.Tables(o) {
		if table.Load.Name == name {
			return table
		}
	}
	require.Fail(t, "no table", name)
	return report.Table{}
}

func TestRoundsInWhichNothingCameBackAreInTheMedian(t *testing.T) {
	o := outcome()
	for _, r := range o.Records {
		if r.Server == "turtle" && r.Load == "tcp-64b-64" && r.Round <= 4 {
			r.Result.Rate, r.Result.BytesPerSecond = 0, 0
		}
	}
	rate := tableOf(t, o, "tcp-64b-64").Rows[2].Cells[0].Summary
	require.Equal(t, rounds, rate.N)
	require.Zero(t, rate.Median)
}

func TestConnectionsThatAreSilentHaveNoRate(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, report.WriteBench(&b, outcome(), manifest()))
	for line := range strings.Lines(b.String()) {
		if strings.Contains(line, "load=tcp-idle") {
			require.NotContains(t, line, "echoes/s")
		}
	}
}

func TestRatiosAreTheFirstServerDividedByTheOther(t *testing.T) {
	table := tableOf(t, outcome(), "tcp-64b-64")
	require.Equal(t, []string{"Echoes per second", "Server CPU per echo", "p50", "p99"}, table.Titles())
	require.Nil(t, table.Rows[0].Cells[0].First)
	gopher := table.Rows[1]
	rate, cpu := gopher.Cells[0], gopher.Cells[1]
	require.InDelta(t, 2, rate.First.Ratio.Median, 0.01)
	require.Equal(t, report.Better, rate.Verdict(), "more echoes are better")
	require.InDelta(t, 0.5, cpu.First.Ratio.Median, 0.01)
	require.Equal(t, report.Better, cpu.Verdict(), "less CPU is better")
	require.Equal(t, report.Even, table.Rows[3].Cells[0].Verdict(), "metal is as fast")
	require.Equal(t, "2.00", rate.Ratio())
	require.Less(t, rate.First.P, 0.05)
}

func TestTheSlowerServerIsCalledWorse(t *testing.T) {
	o := outcome()
	o.Servers[0], o.Servers[1] = o.Servers[1], o.Servers[0]
	for _, cell := range tableOf(t, o, "tcp-64b-64").Rows[1].Cells {
		require.Equal(t, report.Worse, cell.Verdict(), cell.Metric)
	}
}

func TestMemoryThatShrankIsNoVerdict(t *testing.T) {
	o := outcome()
	for _, r := range o.Records {
		if r.Server == "ours" {
			r.Result.Server.Before.RSSAnon = 4e6
		}
	}
	cell := tableOf(t, o, "tcp-idle-1000").Rows[1].Cells[1]
	require.Equal(t, "rss_anon_bytes_per_connection", cell.Metric)
	require.Nil(t, cell.First)
	require.Equal(t, report.Even, cell.Verdict())
}

func TestTwoRoundsShowNoDifference(t *testing.T) {
	o := outcome()
	o.Rounds = 2
	o.Quick = true
	kept := o.Records[:0:0]
	for _, r := range o.Records {
		if r.Round <= 2 {
			kept = append(kept, r)
		}
	}
	o.Records = kept
	require.Equal(t, report.Even, tableOf(t, o, "tcp-64b-64").Rows[1].Cells[0].Verdict())
	html := page(t, o)
	require.Contains(t, html, "too few rounds to tell")
	require.Contains(t, html, "A quick look")
}

func TestTheSummaryNamesTheBestOfEachGroup(t *testing.T) {
	o := outcome()
	for _, s := range report.Sentences(o, report.Tables(o)) {
		if s.Load != "TCP, 64 B, 64 connections" {
			continue
		}
		require.Contains(t, s.Text, "× gopher (best in Go)")
		require.Contains(t, s.Text, "× metal (best in C)")
		require.Contains(t, s.Text, ": better.")
		require.Contains(t, s.Text, ": no difference shown.")
		require.Contains(t, s.Text, "The generator was at its limit with metal: compare the server CPU per echo.")
		require.NotContains(t, s.Text, "turtle")
		return
	}
	require.Fail(t, "no sentence about 64 connections")
}

func TestTheBestOfServersWithoutAGroupIsTheBestOfTheOthers(t *testing.T) {
	o := short()
	o.Servers[1].Group, o.Servers[2].Group, o.Servers[3].Group = "", "", "rust"
	text := report.Sentences(o, report.Tables(o))[0].Text
	require.Contains(t, text, "× gopher (best of the others)")
	require.Contains(t, text, "× metal (best of rust)")
}

func TestServersThatDidNotStartAreListedOnce(t *testing.T) {
	o := outcome()
	o.Unmeasured = []matrix.Unmeasured{{Server: "absent", Network: "tcp", Reason: "it is not there"}}
	o.Records = append(o.Records, matrix.Record{Step: matrix.Step{Round: 1, Load: "tcp-64b-1", Server: "absent"},
		Error: "it is not there"})
	o.LoadsLeftOut = map[string]string{"tcp-64b-1000": "too many"}
	problems := report.Problems(o)
	require.Equal(t, []report.Problem{{What: "absent on tcp", Why: "it is not there"},
		{What: "tcp-64b-1000", Why: "too many"}}, problems)
}

func TestBenchLinesAreReadByBenchstat(t *testing.T) {
	var b bytes.Buffer
	o := outcome()
	require.NoError(t, report.WriteBench(&b, o, manifest()))
	reader := benchfmt.NewReader(&b, "bench.txt")
	lines := 0
	for reader.Scan() {
		result, is := reader.Result().(*benchfmt.Result)
		require.True(t, is, "%v", reader.Result())
		lines++
		require.Equal(t, "A <fast> one", result.GetConfig("cpu"))
		name := string(result.Name)
		require.True(t, strings.HasPrefix(name, "Echo/load="), name)
		require.Contains(t, name, "/server=")
		if strings.Contains(name, "tcp-64b-64/server=ours") {
			rate, has := result.Value("echoes/s")
			require.True(t, has)
			require.Positive(t, rate)
		}
	}
	require.NoError(t, reader.Err())
	require.Equal(t, len(o.Records), lines)
}

func TestTheFolderIsReadBackAsItWas(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "report")
	o, m := short(), manifest()
	require.NoError(t, report.Write(folder, o, m))
	first, err := os.ReadFile(filepath.Join(folder, report.HTMLFile))
	require.NoError(t, err)
	again, manifestAgain, err := report.Read(folder)
	require.NoError(t, err)
	require.Equal(t, m.Versions, manifestAgain.Versions)
	require.NoError(t, report.Write(folder, again, manifestAgain))
	second, err := os.ReadFile(filepath.Join(folder, report.HTMLFile))
	require.NoError(t, err)
	require.Equal(t, string(first), string(second))
}

func TestEveryRunHasItsHistogramsInALog(t *testing.T) {
	folder := t.TempDir()
	o := short()
	require.NoError(t, report.Write(folder, o, manifest()))
	for _, r := range o.Records {
		text, err := os.ReadFile(filepath.Join(folder, report.HDRFolder, r.Load, fmt.Sprintf("%s-%d.hlog", r.Server, r.Round)))
		require.NoError(t, err)
		h, err := hdrhistogram.NewHistogramLogReader(bytes.NewReader(text)).NextIntervalHistogram()
		require.NoError(t, err)
		require.Equal(t, r.Result.Latency.Count(), uint64(h.TotalCount()))
	}
}

func TestAFolderWithoutAComparisonIsRefused(t *testing.T) {
	_, _, err := report.Read(t.TempDir())
	require.ErrorIs(t, err, os.ErrNotExist)
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, report.ResultsFile), []byte("{}"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, report.ManifestFile), []byte("{}"), 0o600))
	_, _, err = report.Read(folder)
	require.ErrorContains(t, err, "names no servers")
}

func TestTheTablesFitATerminal(t *testing.T) {
	var b bytes.Buffer
	o := outcome()
	require.NoError(t, report.WriteText(&b, o))
	for line := range strings.Lines(b.String()) {
		require.LessOrEqual(t, len([]rune(line)), 140, line)
	}
	require.Contains(t, b.String(), "TCP, 64 B, 64 connections (tcp-64b-64)")
	require.Contains(t, b.String(), "(x2.00*)")
	require.Contains(t, b.String(), "generator at its limit")
}

func TestARunIsSummedUpInAFewWords(t *testing.T) {
	o := outcome()
	text := report.Brief(*o.Records[0].Result)
	require.Contains(t, text, "/s, ")
	require.Contains(t, text, "µs CPU")
	require.Contains(t, text, "3.00 MB RssAnon")
}

func TestCaveatsFollowTheWayItWasMeasured(t *testing.T) {
	o, m := outcome(), manifest()
	all := strings.Join(report.Caveats(o, m), " ")
	require.Contains(t, all, "the CPUs [0]")
	require.Contains(t, all, "virtual machine")
	require.NotContains(t, all, "quick")
	require.Contains(t, all, "loopback")
	require.NotContains(t, all, "containers")
	o.Servers[0].Host, o.Servers[0].Agent = "172.18.0.2", "/shared/a.sock"
	o.Rounds, o.Quick, o.Complete = 5, true, false
	m.ServerCPUs, m.Machine.Hypervisor = nil, false
	all = strings.Join(report.Caveats(o, m), " ")
	require.Contains(t, all, "shared all CPUs")
	require.Contains(t, all, "stopped before its end")
	require.Contains(t, all, "all that was seen in 5 rounds")
	require.NotContains(t, all, "virtual machine")
	require.Contains(t, all, "a bridge's")
	require.NotContains(t, all, "loopback")
	require.Contains(t, all, "in containers")
}

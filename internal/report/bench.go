package report

import (
	"fmt"
	"io"
	"strings"

	"golang.org/x/perf/benchfmt"

	"github.com/ringport/ringport/internal/matrix"
)

// WriteBench writes every valid run as a line of a Go benchmark, so that benchstat can compare servers
// (benchstat -col /server bench.txt), or this folder with another one (benchstat old/bench.txt new/bench.txt).
func WriteBench(w io.Writer, o matrix.Outcome, m matrix.Manifest) error {
	out := benchfmt.NewWriter(w)
	for _, r := range o.Records {
		if !r.Valid() {
			continue
		}
		if err := out.Write(benchOf(r, m)); err != nil {
			return fmt.Errorf("report: write bench.txt: %w", err)
		}
	}
	return nil
}

// benchOf is the line of a run, and what stands above all lines.
func benchOf(r matrix.Record, m matrix.Manifest) *benchfmt.Result {
	result := &benchfmt.Result{
		Config: []benchfmt.Config{
			{Key: "goos", Value: []byte("linux"), File: true},
			{Key: "goarch", Value: []byte(m.Machine.Architecture), File: true},
			{Key: "cpu", Value: []byte(m.Machine.CPU), File: true},
			{Key: "kernel", Value: []byte(m.Machine.Kernel), File: true},
		},
		Name:  benchfmt.Name(fmt.Sprintf("Echo/load=%s/server=%s", r.Load, r.Server)),
		Iters: max(int(r.Result.Window.Echoes), 1), // benchstat wants some, and idle connections echo nothing
	}
	result.Config = withValues(result.Config)
	for _, metric := range allMetrics() {
		if v, has := metric.Of(*r.Result); has {
			result.Values = append(result.Values, benchfmt.Value{Value: v, Unit: metric.Unit})
		}
	}
	return result
}

// withValues is the lines that say something, each without a newline.
func withValues(config []benchfmt.Config) []benchfmt.Config {
	var said []benchfmt.Config
	for _, c := range config {
		if value := strings.Join(strings.Fields(string(c.Value)), " "); value != "" {
			c.Value = []byte(value)
			said = append(said, c)
		}
	}
	return said
}

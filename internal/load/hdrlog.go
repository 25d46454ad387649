package load

import (
	"bufio"
	"fmt"
	"io"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Tags of the histograms in an HDR log.
const (
	TagLatency = "latency"
	TagConnect = "connect"
	TagLag     = "lag"
)

// WriteHDR writes the histograms of a run as an HDR log of format 1.3, in nanoseconds, each with its tag: what
// HdrHistogram's tools read, merge and plot.
func (r Result) WriteHDR(w io.Writer) error {
	buffered := bufio.NewWriter(w)
	log := hdrhistogram.NewHistogramLogWriter(buffered)
	start := r.Start.UnixMilli()
	end := r.Start.Add(time.Duration(r.Seconds * float64(time.Second))).UnixMilli()
	err := writeHead(log, r, start)
	for _, h := range r.tagged() {
		if err == nil && h.of.Count() > 0 {
			stamped := h.of.hdr.Clone() // the result stays as it is
			stamped.SetTag(h.tag)
			stamped.SetStartTimeMs(start)
			stamped.SetEndTimeMs(end)
			err = log.OutputIntervalHistogram(stamped)
		}
	}
	if err == nil {
		err = buffered.Flush()
	}
	if err != nil {
		return fmt.Errorf("load: write the HDR log: %w", err)
	}
	return nil
}

func writeHead(log *hdrhistogram.HistogramLogWriter, r Result, start int64) error {
	if err := log.OutputLogFormatVersion(); err != nil {
		return err
	}
	comment := fmt.Sprintf("%s %s, %d connections, %d bytes, in nanoseconds",
		r.Config.Address, r.Config.Pattern, r.Config.Conns, r.Config.Size)
	if err := log.OutputComment(comment); err != nil {
		return err
	}
	if err := log.OutputStartTime(start); err != nil {
		return err
	}
	return log.OutputLegend()
}

// tagged is the histograms of a run with their tags.
func (r Result) tagged() []struct {
	tag string
	of  Histogram
} {
	all := []struct {
		tag string
		of  Histogram
	}{{TagLatency, r.Latency}, {TagConnect, r.Connect}}
	if r.Schedule != nil {
		all = append(all, struct {
			tag string
			of  Histogram
		}{TagLag, r.Schedule.Lag})
	}
	return all
}

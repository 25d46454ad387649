package echobench

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ringport/ringport/internal/load"
)

// summary is a result as people read it.
func summary(r load.Result) string {
	var s sheet
	s.title(r)
	if r.Seconds > 0 {
		s.traffic(r)
		s.latency("latency", r.Latency)
		if r.Config.Pattern == load.Churn {
			s.latency("connect", r.Connect)
		}
		s.schedule(r)
		s.generator(r)
		s.server(r)
	}
	s.verdict(r)
	return s.String()
}

// sheet is lines with a name each.
type sheet struct {
	strings.Builder
}

func (s *sheet) line(name, format string, args ...any) {
	fmt.Fprintf(s, "%-10s %s\n", name, fmt.Sprintf(format, args...))
}

func (s *sheet) title(r load.Result) {
	c := r.Config
	fmt.Fprintf(s, "%s  %s, %d connections, %d B", c.Address, c.Pattern, c.Conns, c.Size)
	if c.Idle > 0 {
		fmt.Fprintf(s, ", %d silent ones", c.Idle)
	}
	if c.Open() {
		fmt.Fprintf(s, ", %s/s %s", strconv.FormatFloat(c.Rate, 'f', -1, 64), c.Arrivals)
	} else if c.Depth > 1 {
		fmt.Fprintf(s, ", %d at a time on each", c.Depth)
	}
	fmt.Fprintf(s, "\n%.3f s after %v of warm-up\n\n", r.Seconds, c.Warmup)
}

func (s *sheet) traffic(r load.Result) {
	s.line("echoes", "%d   %.0f/s   %s/s each way", r.Window.Echoes, r.Rate, decimal(r.BytesPerSecond, "B"))
	if r.Total.Lost > 0 || r.Total.Strays > 0 {
		s.line("lost", "%d of all %d datagrams; %d came too late or twice", r.Total.Lost, r.Total.Sent, r.Total.Strays)
	}
}

func (s *sheet) latency(name string, h load.Histogram) {
	if h.Count() == 0 {
		s.line(name, "nothing came back")
		return
	}
	s.line(name, "p50 %s   p90 %s   p99 %s   p99.9 %s   max %s", short(h.Percentile(50)), short(h.Percentile(90)),
		short(h.Percentile(99)), short(h.Percentile(99.9)), short(h.Max()))
}

func (s *sheet) schedule(r load.Result) {
	p := r.Schedule
	if p == nil {
		return
	}
	s.line("schedule", "%d of %d sent; lag p50 %s   p99 %s   max %s; %d late", p.Sent, p.Intended,
		short(p.Lag.Percentile(50)), short(p.Lag.Percentile(99)), short(p.Lag.Max()), p.Late)
}

func (s *sheet) generator(r load.Result) {
	g := r.Generator
	s.line("generator", "CPU %.3f s, %.0f %% of its thread's, %.3f s spinning; on CPUs %v",
		g.CPUSeconds, 100*g.Load, g.SpinSeconds, g.CPUs)
}

func (s *sheet) server(r load.Result) {
	u := r.Server
	if u == nil {
		return
	}
	s.line("server", "CPU %.3f s (%.3f user, %.3f system), %.0f %%; %s of CPU per echo", u.CPUSeconds, u.UserSeconds,
		u.SystemSeconds, 100*u.Load, short(time.Duration(u.CPUPerEcho*float64(time.Second))))
	s.line("", "RSS %s, of it anonymous %s (%s before the first connection)", decimal(float64(u.End.RSS), "B"),
		decimal(float64(u.End.RSSAnon), "B"), decimal(float64(u.Before.RSSAnon), "B"))
	s.line("", "%d threads, %d voluntary and %d involuntary context switches", u.Threads, u.VoluntarySwitches,
		u.InvoluntarySwitches)
}

// verdict tells what failed, and what marks the run.
func (s *sheet) verdict(r load.Result) {
	for kind, count := range r.Errors {
		s.line("errors", "%d %s", count, kind)
	}
	for _, gate := range r.Gates {
		switch {
		case gate.OK:
		case gate.Voids:
			s.line("VOID", "%s: %s", gate.Name, gate.Detail)
		default:
			s.line("note", "%s: %s", gate.Name, gate.Detail)
		}
	}
	if r.Failure != "" {
		s.line("VOID", "%s", r.Failure)
	}
}

// short is a duration with three digits that count.
func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	case d >= 10*time.Microsecond:
		return d.Round(100 * time.Nanosecond).String()
	}
	return d.Round(10 * time.Nanosecond).String()
}

// decimal is a number with a prefix of the SI.
func decimal(n float64, unit string) string {
	for _, prefix := range []string{"", "k", "M", "G"} {
		if n < 1000 {
			return fmt.Sprintf("%.3g %s%s", n, prefix, unit)
		}
		n /= 1000
	}
	return fmt.Sprintf("%.3g T%s", n, unit)
}

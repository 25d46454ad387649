package report

import (
	"fmt"
	"html/template"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/ringport/ringport/internal/matrix"
)

// Figure is one plot.
type Figure struct {
	// Key tells it from the others.
	Key string
	// Title and Caption say what it shows, and how to read it.
	Title   string
	Caption string
	// SVG is the plot; "" when there is nothing to show, and Missing says why.
	SVG     template.HTML
	Missing string
	// Servers are the numbers of those that it shows.
	Servers []int
}

// The plots that every report has, by key.
const (
	figureThroughput  = "throughput"
	figureCPU         = "cpu"
	figurePercentiles = "percentiles"
	figureOffered     = "offered"
	figureMemory      = "memory"
)

// series is the points of a server.
type series struct {
	server int
	points plotter.XYs
	ranges plotter.YErrors // empty: no intervals
}

// drawing is a plot in the making.
type drawing struct {
	figure Figure
	x, y   string // what the axes show
	all    []series
	set    func(p *plot.Plot, limits limits)
	bare   bool // no marks at the points: there are too many
}

// limits are the outermost values.
type limits struct{ left, right, bottom, top float64 }

// figure draws it.
func (d drawing) finish(servers []matrix.Server) (Figure, error) {
	f := d.figure
	if len(d.all) == 0 {
		return f, nil
	}
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = d.x, d.y
	p.BackgroundColor = nil
	dress(p)
	grid := plotter.NewGrid()
	for _, line := range []*draw.LineStyle{&grid.Vertical, &grid.Horizontal} {
		line.Width, line.Color = vg.Points(0.5), color.Gray{Y: 0xd0}
	}
	p.Add(grid)
	for _, s := range d.all {
		if err := s.draw(p, d.bare); err != nil {
			return f, fmt.Errorf("report: plot %s, %s: %w", f.Key, servers[s.server].Name, err)
		}
		f.Servers = append(f.Servers, s.server)
	}
	d.set(p, d.limits())
	svg, err := render(p, f.Title)
	if err != nil {
		return f, fmt.Errorf("report: plot %s: %w", f.Key, err)
	}
	f.SVG, f.Missing = svg, ""
	return f, nil
}

// draw adds the line of a server, its points and their intervals.
func (s series) draw(p *plot.Plot, bare bool) error {
	line, marks, err := plotter.NewLinePoints(s.points)
	if err != nil {
		return err
	}
	line.LineStyle, marks.GlyphStyle = lineStyle(s.server), glyphStyle(s.server)
	p.Add(line)
	if bare {
		return nil
	}
	if len(s.ranges) > 0 {
		bars, err := plotter.NewYErrorBars(struct {
			plotter.XYer
			plotter.YErrorer
		}{s.points, s.ranges})
		if err != nil {
			return err
		}
		bars.LineStyle = lineStyle(s.server)
		bars.LineStyle.Width, bars.LineStyle.Dashes = vg.Points(lineWidth)/2, nil
		p.Add(bars)
	}
	p.Add(marks)
	return nil
}

// limits are the outermost values of all series, intervals included.
func (d drawing) limits() limits {
	l := limits{left: math.Inf(1), right: math.Inf(-1), bottom: math.Inf(1), top: math.Inf(-1)}
	for _, s := range d.all {
		for i, p := range s.points {
			low, high := p.Y, p.Y
			if i < len(s.ranges) {
				low, high = low-s.ranges[i].Low, high+s.ranges[i].High
			}
			l.left, l.right = min(l.left, p.X), max(l.right, p.X)
			l.bottom, l.top = min(l.bottom, low), max(l.top, high)
		}
	}
	return l
}

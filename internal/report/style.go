package report

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// palette is Okabe and Ito's: eyes that see few colours still tell these apart. The first server has the first one.
var palette = []color.Color{
	color.RGBA{R: 0x00, G: 0x72, B: 0xb2, A: 0xff}, // blue
	color.RGBA{R: 0xd5, G: 0x5e, B: 0x00, A: 0xff}, // vermilion
	color.RGBA{R: 0x00, G: 0x9e, B: 0x73, A: 0xff}, // green
	color.RGBA{R: 0xcc, G: 0x79, B: 0xa7, A: 0xff}, // purple
	color.RGBA{R: 0xb8, G: 0x86, B: 0x00, A: 0xff}, // ochre, for yellow, which paper does not show
	color.RGBA{R: 0x56, G: 0xb4, B: 0xe9, A: 0xff}, // sky
	color.RGBA{R: 0x40, G: 0x40, B: 0x40, A: 0xff}, // grey
	color.RGBA{R: 0xe6, G: 0x9f, B: 0x00, A: 0xff}, // orange
}

// glyphs and dashes tell lines apart on paper without colours.
var (
	glyphs = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{},
		draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.CrossGlyph{}}
	dashes = [][]vg.Length{nil, {vg.Points(6), vg.Points(2)}, {vg.Points(2), vg.Points(2)},
		{vg.Points(8), vg.Points(2), vg.Points(2), vg.Points(2)}, {vg.Points(4), vg.Points(4)}}
)

// Widths of lines. That of the first server is the one to look for.
const (
	lineWidth      = 1.2
	firstLineWidth = 2.4
	glyphRadius    = 3
)

// Letters as wide as those of Arial, which the page asks for, so that they fit where they are put.
const (
	labelSize = 12
	tickSize  = 11
)

// dress gives a plot its letters.
func dress(p *plot.Plot) {
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(labelSize)}
		axis.Tick.Label.Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(tickSize)}
	}
}

// lineStyle is the line of a server, by its number.
func lineStyle(server int) draw.LineStyle {
	width := vg.Points(lineWidth)
	if server == 0 {
		width = vg.Points(firstLineWidth)
	}
	return draw.LineStyle{
		Color:  palette[server%len(palette)],
		Width:  width,
		Dashes: dashes[server%len(dashes)],
	}
}

// glyphStyle is the mark of a server, by its number.
func glyphStyle(server int) draw.GlyphStyle {
	return draw.GlyphStyle{
		Color:  palette[server%len(palette)],
		Radius: vg.Points(glyphRadius),
		Shape:  glyphs[server%len(glyphs)],
	}
}

// thumbnail draws what a server's line looks like, for a legend.
func thumbnail(server int, c *draw.Canvas) {
	line := plotter.Line{LineStyle: lineStyle(server)}
	line.Thumbnail(c)
	marks := plotter.Scatter{GlyphStyle: glyphStyle(server)}
	marks.Thumbnail(c)
}

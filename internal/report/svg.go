package report

import (
	"bytes"
	"fmt"
	"html/template"
	"regexp"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A plot is as wide as a phone, so that its letters are as large there as the text's; wider screens show two in a row.
const (
	plotWidth   = 400
	plotHeight  = 270
	plotMargin  = 14 // for half a label of the last mark
	swatchWidth = 34
	swatchHigh  = 10
)

// svgHead finds the start of the document that vgsvg writes, with its fixed size.
var svgHead = regexp.MustCompile(`(?s)^.*?<svg [^>]*?viewBox="([^"]*)"[^>]*>`)

// render draws a plot as an SVG element that fits where it stands, and that is read out by its title.
func render(p *plot.Plot, title string) (template.HTML, error) {
	canvas := vgsvg.New(vg.Points(plotWidth), vg.Points(plotHeight))
	p.Draw(draw.Crop(draw.New(canvas), 0, -plotMargin, 0, -plotMargin))
	return element(canvas, fmt.Sprintf(`class="plot" role="img" aria-label="%s"`, template.HTMLEscapeString(title)))
}

// swatch draws the line of a server for a legend.
func swatch(server int) (template.HTML, error) {
	canvas := vgsvg.New(vg.Points(swatchWidth), vg.Points(swatchHigh))
	c := draw.New(canvas)
	thumbnail(server, &c)
	attributes := fmt.Sprintf(`class="swatch" aria-hidden="true" width="%d" height="%d"`, swatchWidth, swatchHigh)
	return element(canvas, attributes)
}

// element is what was drawn, as an element of an HTML document.
func element(canvas *vgsvg.Canvas, attributes string) (template.HTML, error) {
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return "", err
	}
	head := svgHead.FindSubmatchIndex(b.Bytes())
	if head == nil {
		return "", fmt.Errorf("an SVG document begins in an unknown way: %.60q", b.String())
	}
	document := b.Bytes()
	svg := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="%s" %s>`, document[head[2]:head[3]], attributes)
	return template.HTML(svg + string(document[head[1]:])), nil // vgsvg escapes text
}

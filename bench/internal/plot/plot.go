// Package plot draws line charts as SVG, readable on light and on dark ground.
package plot

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Point is one measurement of a line. Low and High are its spread, drawn as a bar; zero means none.
type Point struct{ X, Y, Low, High float64 }

// Line is one subject.
type Line struct {
	Name   string
	Points []Point
}

// Chart is a chart with logarithmic axes: what is compared differs by factors. Values that are not positive are left out.
type Chart struct {
	Title, X, Y string // axis titles hold their units
	Lines       []Line
}

const (
	width, height            = 640, 400
	left, right, top, bottom = 76, 20, 64, 56
)

// Colours of the lines, told apart by people who see colours differently as well; the first two are Sluice and contrib.
var colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7"}

// SVG draws the chart. Without any point it has axes from 1 to 10.
func (c Chart) SVG() []byte {
	d := drawing{x: axisOver(c.values(func(p Point) []float64 { return []float64{p.X} })), y: axisOver(c.values(func(p Point) []float64 { return []float64{p.Y, p.Low, p.High} }))}
	d.printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s">`, width, height, escape(c.Title))
	d.printf(`<style>text{font:12px sans-serif;fill:#1f2328}.title{font-size:15px;font-weight:bold}.grid{stroke:#d0d7de}` +
		`@media (prefers-color-scheme:dark){text{fill:#e6edf3}.grid{stroke:#3d444d}}</style>`)
	d.text(width/2, 24, `class="title" text-anchor="middle"`, c.Title)
	d.axes(c)
	for i, l := range c.Lines {
		d.line(l, colours[i%len(colours)])
		d.legend(i, l.Name, colours[i%len(colours)])
	}
	d.printf(`</svg>`)
	return d.out.Bytes()
}

// values returns what of picks from every point, if positive.
func (c Chart) values(of func(Point) []float64) []float64 {
	var out []float64
	for _, l := range c.Lines {
		for _, p := range l.Points {
			out = append(out, of(p)...)
		}
	}
	return slices.DeleteFunc(out, func(v float64) bool { return v <= 0 })
}

// drawing collects the elements.
type drawing struct {
	out  bytes.Buffer
	x, y axis
}

func (d *drawing) printf(format string, args ...any) {
	fmt.Fprintf(&d.out, format+"\n", args...)
}

func (d *drawing) text(x, y float64, attributes, s string) {
	d.printf(`<text x="%.1f" y="%.1f" %s>%s</text>`, x, y, attributes, escape(s))
}

func (d *drawing) px(v float64) float64 { return left + d.x.share(v)*(width-left-right) }
func (d *drawing) py(v float64) float64 { return height - bottom - d.y.share(v)*(height-top-bottom) }

func (d *drawing) axes(c Chart) {
	for _, v := range d.x.ticks() {
		d.printf(`<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, d.px(v), d.px(v), top, height-bottom)
		d.text(d.px(v), height-bottom+18, `text-anchor="middle"`, short(v))
	}
	for _, v := range d.y.ticks() {
		d.printf(`<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, left, width-right, d.py(v), d.py(v))
		d.text(left-8, d.py(v)+4, `text-anchor="end"`, short(v))
	}
	d.text((left+width-right)/2, height-16, `text-anchor="middle"`, c.X+" (log)")
	middle := float64(top+height-bottom) / 2
	d.text(18, middle, fmt.Sprintf(`text-anchor="middle" transform="rotate(-90 18 %.1f)"`, middle), c.Y+" (log)")
}

func (d *drawing) line(l Line, colour string) {
	var path []string
	for _, p := range l.Points {
		if p.X <= 0 || p.Y <= 0 {
			continue
		}
		path = append(path, fmt.Sprintf("%.1f,%.1f", d.px(p.X), d.py(p.Y)))
		d.printf(`<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`, d.px(p.X), d.py(p.Y), colour)
		if p.Low > 0 && p.High > p.Low {
			d.printf(`<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="%s" stroke-width="1.5"/>`, d.px(p.X), d.px(p.X), d.py(p.Low), d.py(p.High), colour)
		}
	}
	d.printf(`<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`, strings.Join(path, " "), colour)
}

func (d *drawing) legend(i int, name, colour string) {
	x := float64(left + i*140)
	d.printf(`<rect x="%.1f" y="40" width="14" height="4" fill="%s"/>`, x, colour)
	d.text(x+20, 46, "", name)
}

// axis is a logarithmic scale between two whole or half steps of a decade.
type axis struct{ from, to float64 }

// axisOver returns the axis from the last of 1, 2, 5 of a decade below the values to the first above them.
func axisOver(v []float64) axis {
	if len(v) == 0 {
		return axis{1, 10}
	}
	a := axis{from: step(slices.Min(v), math.Floor), to: step(slices.Max(v), math.Ceil)}
	if a.from == a.to {
		a.to *= 10
	}
	return a
}

// step rounds v to one of 1, 2, 5 times a power of ten, down or up as round does.
func step(v float64, round func(float64) float64) float64 {
	decade := math.Pow(10, math.Floor(math.Log10(v)))
	if round(0.5) == 0 {
		for _, m := range []float64{5, 2} {
			if decade*m <= v {
				return decade * m
			}
		}
		return decade
	}
	for _, m := range []float64{1, 2, 5} {
		if decade*m >= v {
			return decade * m
		}
	}
	return decade * 10
}

func (a axis) share(v float64) float64 {
	return (math.Log(v) - math.Log(a.from)) / (math.Log(a.to) - math.Log(a.from))
}

func (a axis) ticks() []float64 {
	var out []float64
	for decade := math.Pow(10, math.Floor(math.Log10(a.from))); decade <= a.to; decade *= 10 {
		for _, m := range []float64{1, 2, 5} {
			if v := decade * m; v >= a.from*0.999 && v <= a.to*1.001 {
				out = append(out, v)
			}
		}
	}
	return out
}

// short writes 20000 as 20k.
func short(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.3gM", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%.3gk", v/1e3)
	default:
		return fmt.Sprintf("%.3g", v)
	}
}

func escape(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a bytes.Buffer takes all
	return b.String()
}

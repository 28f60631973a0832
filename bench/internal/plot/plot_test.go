package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// elements reads an SVG as XML and returns its start tags.
func elements(t *testing.T, svg []byte) []xml.StartElement {
	t.Helper()
	var out []xml.StartElement
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		if e, ok := tok.(xml.StartElement); ok {
			out = append(out, e.Copy())
		}
	}
}

func attribute(t *testing.T, e xml.StartElement, name string) float64 {
	t.Helper()
	for _, a := range e.Attr {
		if a.Name.Local == name {
			v, err := strconv.ParseFloat(a.Value, 64)
			require.NoError(t, err)
			return v
		}
	}
	t.Fatalf("%s has no %s", e.Name.Local, name)
	return 0
}

func TestSVG_IsXMLWithEveryPointInsideTheAxes(t *testing.T) {
	svg := Chart{Title: `a < b & "c"`, X: "series", Y: "ms", Lines: []Line{
		{Name: "sluice", Points: []Point{{X: 10_080, Y: 3.4}, {X: 100_800, Y: 41, Low: 39, High: 50}, {X: 1_000_440, Y: 512}}},
		{Name: "contrib", Points: []Point{{X: 10_080, Y: 270}, {X: 100_800, Y: 2750, Low: 2600, High: 3000}, {X: 5, Y: 0}}},
	}}.SVG()
	circles := 0
	for _, e := range elements(t, svg) {
		if e.Name.Local != "circle" {
			continue
		}
		circles++
		x, y := attribute(t, e, "cx"), attribute(t, e, "cy")
		assert.True(t, x >= left && x <= width-right, x)
		assert.True(t, y >= top && y <= height-bottom, y)
	}
	assert.Equal(t, 5, circles, "a value that is not positive has no place on a logarithmic axis")
	assert.Contains(t, string(svg), "prefers-color-scheme:dark")
}

func TestSVG_OfNothing(t *testing.T) {
	svg := Chart{Title: "none"}.SVG()
	elements(t, svg)
	assert.NotContains(t, string(svg), "NaN")
	assert.NotContains(t, string(svg), "Inf")
}

func TestAxis(t *testing.T) {
	a := axisOver([]float64{30, 2750})
	assert.Equal(t, axis{20, 5000}, a)
	assert.Equal(t, []float64{20, 50, 100, 200, 500, 1000, 2000, 5000}, a.ticks())
	assert.Equal(t, axis{1, 10}, axisOver([]float64{1}))
	assert.InDelta(t, 0.02, step(0.03, math.Floor), 1e-9)
}

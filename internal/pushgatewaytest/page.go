package pushgatewaytest

import (
	"errors"
	"io"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

// The formats to scrape in.
const (
	Text     = "text/plain;version=0.0.4"
	Protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
)

// Page is what Prometheus' own parser makes of a scrape, by the text of the labels, without what the gateway tells of
// itself. A native histogram has its text for a value.
type Page struct {
	Values  map[string]float64
	Natives map[string]string
	Types   map[string]string
	Helps   map[string]string
	// PushTimes are the push_time_seconds of the groups.
	PushTimes map[string]float64
}

// Read scrapes the gateway.
func (g *Gateway) Read(accept string) (*Page, error) {
	body, contentType, err := g.Scrape(accept)
	if err != nil {
		return nil, err
	}
	return Parse(body, contentType)
}

// Parse reads a page.
func Parse(body []byte, contentType string) (*Page, error) {
	parser, err := textparse.New(body, contentType, labels.NewSymbolTable(), textparse.ParserOptions{})
	if err != nil {
		return nil, err
	}
	p := &Page{
		Values: map[string]float64{}, Natives: map[string]string{}, Types: map[string]string{}, Helps: map[string]string{},
		PushTimes: map[string]float64{},
	}
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil {
			return nil, err
		}
		p.take(parser, entry)
	}
}

func (p *Page) take(parser textparse.Parser, entry textparse.Entry) {
	var ls labels.Labels
	switch entry {
	case textparse.EntryType:
		if name, typ := parser.Type(); !own(string(name)) {
			p.Types[string(name)] = string(typ)
		}
	case textparse.EntryHelp:
		if name, help := parser.Help(); !own(string(name)) {
			p.Helps[string(name)] = string(help)
		}
	case textparse.EntrySeries:
		_, _, value := parser.Series()
		parser.Labels(&ls)
		p.series(ls, value)
	case textparse.EntryHistogram:
		_, _, h, fh := parser.Histogram()
		parser.Labels(&ls)
		if h != nil {
			p.Natives[ls.String()] = h.String()
		} else {
			p.Natives[ls.String()] = fh.String()
		}
	default:
	}
}

func (p *Page) series(ls labels.Labels, value float64) {
	switch name := ls.Get("__name__"); {
	case name == "push_time_seconds":
		p.PushTimes[ls.String()] = value
	case !own(name):
		p.Values[ls.String()] = value
	}
}

func own(name string) bool {
	for _, prefix := range []string{"go_", "process_", "promhttp_", "pushgateway_", "push_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

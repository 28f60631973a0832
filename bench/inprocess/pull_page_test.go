package inprocess

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

// page is what Prometheus' own parser makes of a page. Samples are keyed by their labels in text form, without empty
// labels, which to Prometheus are absent.
type page struct {
	format  format
	samples map[string]sample
	types   map[string]model.MetricType
	helps   map[string]string
	units   map[string]string
	body    string
}

type sample struct {
	// value is a number, or a native histogram, as text.
	value     string
	time      int64
	created   int64
	exemplars []string
}

var errTwice = errors.New("twice on the page")

// parse fails where Prometheus refuses the page, or drops part of it: a label or a series that is there twice.
func parse(body []byte, f format) (page, error) {
	p := page{
		format: f, samples: map[string]sample{}, types: map[string]model.MetricType{}, helps: map[string]string{}, units: map[string]string{},
	}
	body, err := plain(body, f)
	if err != nil {
		return p, err
	}
	p.body = string(body)
	parser, err := textparse.New(body, f.contentType, labels.NewSymbolTable(), textparse.ParserOptions{OpenMetricsSkipSTSeries: true})
	if err != nil {
		return p, err
	}
	for err == nil {
		err = p.take(parser)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return p, err
}

func plain(body []byte, f format) ([]byte, error) {
	if f.encoding != "gzip" {
		return bytes.Clone(body), nil
	}
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// take reads the next entry. A help without text says nothing, and is left out by us.
func (p *page) take(parser textparse.Parser) error {
	entry, err := parser.Next()
	if err != nil {
		return err
	}
	switch entry {
	case textparse.EntryType:
		name, typ := parser.Type()
		p.types[string(name)] = typ
	case textparse.EntryHelp:
		if name, help := parser.Help(); len(help) > 0 {
			p.helps[string(name)] = string(help)
		}
	case textparse.EntryUnit:
		if name, unit := parser.Unit(); len(unit) > 0 {
			p.units[string(name)] = string(unit)
		}
	case textparse.EntrySeries, textparse.EntryHistogram:
		return p.sample(parser, entry)
	case textparse.EntryInvalid, textparse.EntryComment:
	}
	return nil
}

func (p *page) sample(parser textparse.Parser, entry textparse.Entry) error {
	var ls labels.Labels
	parser.Labels(&ls)
	if name, twice := ls.HasDuplicateLabelNames(); twice {
		return fmt.Errorf("label %s: %w", name, errTwice)
	}
	key := ls.WithoutEmpty().String()
	if _, known := p.samples[key]; known {
		return fmt.Errorf("series %s: %w", key, errTwice)
	}
	value, time := read(parser, entry)
	s := sample{value: value, exemplars: exemplars(parser)}
	if time != nil {
		s.time = *time
	}
	if p.format.kind() == protobuf.name {
		s.created = parser.StartTimestamp() // in OpenMetrics contrib has none
	}
	p.samples[key] = s
	return nil
}

// read compacts native histograms, which can be written with more or fewer spans.
func read(parser textparse.Parser, entry textparse.Entry) (string, *int64) {
	if entry == textparse.EntrySeries {
		_, time, v := parser.Series()
		if v == 0 {
			v = 0 // contrib's encoder does not write the sign of -0
		}
		return strconv.FormatFloat(v, 'g', -1, 64), time
	}
	_, time, h, fh := parser.Histogram()
	if h == nil {
		return fmt.Sprintf("%v threshold %g", fh.Compact(0), fh.ZeroThreshold), time
	}
	return fmt.Sprintf("%v schema %d threshold %g", h.Compact(0), h.Schema, h.ZeroThreshold), time
}

func exemplars(parser textparse.Parser) []string {
	var out []string
	for e := (exemplar.Exemplar{}); parser.Exemplar(&e); e = (exemplar.Exemplar{}) {
		out = append(out, fmt.Sprintf("%v %g @%d", e.Labels, e.Value, e.Ts))
	}
	return out
}

// lines is all that the page tells, sorted, but for what is known to differ: only we tell units, and target_info is an info
// in OpenMetrics, and called target there, with us.
func (p page) lines() []string {
	return slices.DeleteFunc(slices.Concat(p.values(), p.describes()), func(line string) bool {
		words := strings.Fields(line)
		return words[0] == "unit" || (words[0] == "type" || words[0] == "help") && isTarget(words[1])
	})
}

// values are the samples with all that belongs to them, sorted.
func (p page) values() []string {
	var out []string
	for key, s := range p.samples {
		line := key + " " + s.value
		if s.time != 0 {
			line += fmt.Sprintf(" at %d", s.time)
		}
		if s.created != 0 {
			line += fmt.Sprintf(" since %d", s.created)
		}
		out = append(out, line+strings.Join(s.exemplars, ""))
	}
	slices.Sort(out)
	return out
}

// named are the values of the samples whose names end with suffix.
func (p page) named(suffix string) []string {
	return slices.DeleteFunc(p.values(), func(line string) bool { return !strings.Contains(line, suffix+`"`) })
}

// describes is what the page tells of its families.
func (p page) describes() []string {
	var out []string
	for name, typ := range p.types {
		out = append(out, fmt.Sprintf("type %s %s", name, typ))
	}
	for name, help := range p.helps {
		out = append(out, fmt.Sprintf("help %s %q", name, help))
	}
	for name, unit := range p.units {
		out = append(out, fmt.Sprintf("unit %s %s", name, unit))
	}
	slices.Sort(out)
	return out
}

// raw is the page itself, line by line.
func (p page) raw() []string { return slices.Collect(strings.Lines(p.body)) }

// withoutTargets leaves out target_info, under whatever name.
func (p page) withoutTargets() page {
	p.samples, p.types, p.helps = maps.Clone(p.samples), maps.Clone(p.types), maps.Clone(p.helps)
	maps.DeleteFunc(p.samples, func(key string, _ sample) bool { return strings.Contains(key, `target_info"`) })
	maps.DeleteFunc(p.types, func(name string, _ model.MetricType) bool { return isTarget(name) })
	maps.DeleteFunc(p.helps, func(name, _ string) bool { return isTarget(name) })
	return p
}

func isTarget(name string) bool { return name == "target" || strings.HasSuffix(name, "target_info") }

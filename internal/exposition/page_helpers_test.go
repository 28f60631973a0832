package exposition

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// tester is what testing.T and rapid.T have in common.
type tester interface {
	require.TestingT
	Helper()
}

var (
	textUTF8    = expfmt.NewFormat(expfmt.TypeTextPlain).WithEscapingScheme(model.NoEscaping)
	textLegacy  = expfmt.NewFormat(expfmt.TypeTextPlain).WithEscapingScheme(model.UnderscoreEscaping)
	omUTF8      = expfmt.NewFormat(expfmt.TypeOpenMetrics).WithEscapingScheme(model.NoEscaping)
	omLegacy    = expfmt.NewFormat(expfmt.TypeOpenMetrics).WithEscapingScheme(model.UnderscoreEscaping)
	protoUTF8   = expfmt.NewFormat(expfmt.TypeProtoDelim).WithEscapingScheme(model.NoEscaping)
	protoLegacy = expfmt.NewFormat(expfmt.TypeProtoDelim).WithEscapingScheme(model.UnderscoreEscaping)
	allFormats  = []expfmt.Format{
		textUTF8, textLegacy, omUTF8, omLegacy, protoUTF8, protoLegacy,
		expfmt.NewFormat(expfmt.TypeTextPlain).WithEscapingScheme(model.DotsEscaping),
		expfmt.NewFormat(expfmt.TypeTextPlain).WithEscapingScheme(model.ValueEncodingEscaping),
		expfmt.NewFormat(expfmt.TypeOpenMetrics).WithEscapingScheme(model.DotsEscaping),
		expfmt.NewFormat(expfmt.TypeOpenMetrics).WithEscapingScheme(model.ValueEncodingEscaping),
	}
)

// page is what Prometheus' own parser makes of a page. Series are keyed by their labels in text form.
type page struct {
	values    map[string]float64
	native    map[string]*histogram.Histogram
	created   map[string]int64
	times     map[string]int64
	exemplars map[string]exemplar.Exemplar
	types     map[string]model.MetricType
	helps     map[string]string
	units     map[string]string
	hidden    int
}

// scrape renders the store in a format and parses it; it fails on what Prometheus would refuse or count as duplicate.
func scrape(t tester, s *Store, format expfmt.Format) page {
	t.Helper()
	body, hidden := render(t, s, format)
	p := parse(t, body, string(format))
	p.hidden = hidden
	return p
}

func render(t tester, s *Store, format expfmt.Format) ([]byte, int) {
	t.Helper()
	hidden := 0
	mfs, err := s.Page(format, func(_ Reason, n int) { hidden += n }).Gather()
	require.NoError(t, err)
	var buf bytes.Buffer
	enc := expfmt.NewEncoder(&buf, format, expfmt.WithCreatedLines())
	for _, mf := range mfs {
		require.NoError(t, enc.Encode(mf))
	}
	require.NoError(t, enc.(expfmt.Closer).Close())
	return buf.Bytes(), hidden
}

func parse(t tester, body []byte, contentType string) page {
	t.Helper()
	p := page{
		values: map[string]float64{}, native: map[string]*histogram.Histogram{}, created: map[string]int64{},
		times: map[string]int64{}, exemplars: map[string]exemplar.Exemplar{}, types: map[string]model.MetricType{},
		helps: map[string]string{}, units: map[string]string{},
	}
	parser, err := textparse.New(body, contentType, labels.NewSymbolTable(), textparse.ParserOptions{OpenMetricsSkipSTSeries: true})
	require.NoError(t, err)
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return p
		}
		require.NoErrorf(t, err, "page:\n%s", body)
		p.take(t, parser, entry, body)
	}
}

func (p *page) take(t tester, parser textparse.Parser, entry textparse.Entry, body []byte) {
	t.Helper()
	switch entry {
	case textparse.EntryType:
		name, typ := parser.Type()
		require.NotContainsf(t, p.types, string(name), "TYPE twice, page:\n%s", body)
		p.types[string(name)] = typ
	case textparse.EntryHelp:
		name, help := parser.Help()
		p.helps[string(name)] = string(help)
	case textparse.EntryUnit:
		name, unit := parser.Unit()
		p.units[string(name)] = string(unit)
	case textparse.EntrySeries:
		_, ts, value := parser.Series()
		p.values[p.series(t, parser, ts, body)] = value
	case textparse.EntryHistogram:
		_, ts, h, fh := parser.Histogram()
		require.Nil(t, fh)
		require.NoError(t, h.Validate())
		p.native[p.series(t, parser, ts, body)] = h
	case textparse.EntryInvalid, textparse.EntryComment:
	}
}

// series returns the key of the current sample, which must be new.
func (p *page) series(t tester, parser textparse.Parser, ts *int64, body []byte) string {
	t.Helper()
	var ls labels.Labels
	parser.Labels(&ls)
	name, twice := ls.HasDuplicateLabelNames()
	require.Falsef(t, twice, "label %q twice, page:\n%s", name, body)
	key := ls.String()
	require.NotContainsf(t, p.values, key, "series twice, page:\n%s", body)
	require.NotContainsf(t, p.native, key, "series twice, page:\n%s", body)
	p.created[key] = parser.StartTimestamp()
	if ts != nil {
		p.times[key] = *ts
	}
	var e exemplar.Exemplar
	if parser.Exemplar(&e) {
		p.exemplars[key] = e
	}
	return key
}

// single is a batch of one metric of a resource without attributes.
func single(fill func(pmetric.Metric)) pmetric.Metrics {
	md := pmetric.NewMetrics()
	fill(md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty())
	return md
}

// gauge is a batch of one gauge point per value; the attributes are key, value, key, value.
func gauge(name string, value float64, attrs ...string) pmetric.Metrics {
	return single(func(m pmetric.Metric) {
		m.SetName(name)
		point := m.SetEmptyGauge().DataPoints().AppendEmpty()
		point.SetDoubleValue(value)
		putAll(point, attrs)
	})
}

// sum is a batch of one point of a monotonic sum.
func sum(name string, temporality pmetric.AggregationTemporality, fill func(pmetric.NumberDataPoint)) pmetric.Metrics {
	return single(func(m pmetric.Metric) {
		m.SetName(name)
		s := m.SetEmptySum()
		s.SetIsMonotonic(true)
		s.SetAggregationTemporality(temporality)
		fill(s.DataPoints().AppendEmpty())
	})
}

func putAll(point dataPoint, attrs []string) {
	for i := 0; i < len(attrs); i += 2 {
		point.Attributes().PutStr(attrs[i], attrs[i+1])
	}
}

func requireAccepted(t *testing.T, s *Store, md pmetric.Metrics) {
	t.Helper()
	require.Equal(t, Outcome{Accepted: md.DataPointCount()}, s.Add(md))
}

package exposition

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	promexemplar "github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"google.golang.org/protobuf/proto"
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
	exemplars map[string][]promexemplar.Exemplar
	types     map[string]model.MetricType
	helps     map[string]string
	units     map[string]string
	hidden    int
}

// scrape renders the store in a format and parses it; it fails on what Prometheus would refuse or count as duplicate, on
// what is no strict OpenMetrics, and where the slow page, which other people's encoder writes, says anything else.
func scrape(t tester, s *Store, format expfmt.Format) page {
	t.Helper()
	body, hidden := render(t, s, format)
	if format.FormatType() == expfmt.TypeOpenMetrics {
		requireStrict(t, body)
	}
	p := parse(t, body, string(format))
	p.hidden = hidden
	requireSame(t, p, parse(t, renderSlowly(t, s, format), string(format)))
	if format.FormatType() == expfmt.TypeProtoDelim {
		requireSameMessages(t, s, format, body)
	} else {
		requireSameExemplars(t, p, parse(t, renderSlowly(t, s, format), string(format)))
	}
	return p
}

// requireSameMessages compares what another decoder reads with the messages it was written from.
func requireSameMessages(t tester, s *Store, format expfmt.Format, body []byte) {
	t.Helper()
	want, err := s.Page(format, func(Reason, int) {}).Gather()
	require.NoError(t, err)
	dec := expfmt.NewDecoder(bytes.NewReader(body), format)
	for _, mf := range want {
		got := &dto.MetricFamily{}
		require.NoError(t, dec.Decode(got))
		for _, m := range got.Metric {
			slices.SortFunc(m.Label, func(a, b *dto.LabelPair) int { return strings.Compare(a.GetName(), b.GetName()) })
		}
		sortMetrics(got.Metric)
		mf.Help, got.Help = new(mf.GetHelp()), new(got.GetHelp())
		require.Truef(t, proto.Equal(mf, got), "want %v\ngot  %v", mf, got)
	}
	require.ErrorIs(t, dec.Decode(&dto.MetricFamily{}), io.EOF)
}

func requireSame(t tester, fast, slow page) {
	t.Helper()
	require.Equal(t, printed(slow.values), printed(fast.values))
	require.Equal(t, slow.native, fast.native)
	require.Equal(t, slow.created, fast.created)
	require.Equal(t, slow.times, fast.times)
}

// requireSameExemplars leaves out what expfmt does not write, exemplars without labels. It is not for protobuf, where
// Prometheus' parser loses those of native histograms that are not the first of their family.
func requireSameExemplars(t tester, fast, slow page) {
	t.Helper()
	for key, es := range fast.exemplars {
		if _, written := slow.exemplars[key]; !written && len(es) == 1 && es[0].Labels.IsEmpty() {
			delete(fast.exemplars, key)
		}
	}
	require.Equal(t, slow.exemplars, fast.exemplars)
}

// printed makes NaNs equal.
func printed(values map[string]float64) map[string]string {
	out := make(map[string]string, len(values))
	for key, v := range values {
		out[key] = strconv.FormatFloat(v, 'g', -1, 64)
	}
	return out
}

// formatOf is the format of our own that stands for one of expfmt's.
func formatOf(format expfmt.Format) Format {
	kind := map[expfmt.FormatType]Kind{
		expfmt.TypeTextPlain: Text, expfmt.TypeOpenMetrics: OpenMetrics, expfmt.TypeProtoDelim: Protobuf,
	}[format.FormatType()]
	version := map[Kind]string{Text: "0.0.4", OpenMetrics: "1.0.0"}[kind]
	return Format{Kind: kind, Version: version, Escaping: format.ToEscapingScheme()}
}

func render(t tester, s *Store, format expfmt.Format) ([]byte, int) {
	t.Helper()
	hidden := 0
	var buf bytes.Buffer
	err := s.Write(context.Background(), &buf, Page{Format: formatOf(format)}, func(_ Reason, n int) { hidden += n })
	require.NoError(t, err)
	return buf.Bytes(), hidden
}

func renderSlowly(t tester, s *Store, format expfmt.Format) []byte {
	t.Helper()
	mfs, err := s.Page(format, func(Reason, int) {}).Gather()
	require.NoError(t, err)
	var buf bytes.Buffer
	enc := expfmt.NewEncoder(&buf, format, expfmt.WithCreatedLines())
	for _, mf := range mfs {
		require.NoError(t, enc.Encode(mf))
	}
	require.NoError(t, enc.(expfmt.Closer).Close())
	return buf.Bytes()
}

func parse(t tester, body []byte, contentType string) page {
	t.Helper()
	p := page{
		values: map[string]float64{}, native: map[string]*histogram.Histogram{}, created: map[string]int64{},
		times: map[string]int64{}, exemplars: map[string][]promexemplar.Exemplar{}, types: map[string]model.MetricType{},
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
	for e := (promexemplar.Exemplar{}); parser.Exemplar(&e); e = (promexemplar.Exemplar{}) {
		p.exemplars[key] = append(p.exemplars[key], e)
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

package ruletest

import (
	"math"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// pageOf writes metrics as samples.
func pageOf(md pmetric.Metrics) *page {
	w := writer{page: &page{resources: true, scopes: true}}
	for _, rm := range md.ResourceMetrics().All() {
		w.resource = set(texts(rm.Resource().Attributes()))
		for _, sm := range rm.ScopeMetrics().All() {
			w.scope = set(scopeTexts(sm.Scope()))
			for _, m := range sm.Metrics().All() {
				w.write(m)
			}
		}
	}
	return w.page
}

// writer writes the metrics of one scope.
type writer struct {
	*page
	resource, scope string
	metric          string
	// point is that of the samples under way, gone says that it is a staleness marker: whatever it holds is no value.
	point point
	gone  bool
}

// point is what points of all types have.
type point interface {
	Attributes() pcommon.Map
	Timestamp() pcommon.Timestamp
	Flags() pmetric.DataPointFlags
}

func texts(m pcommon.Map) map[string]string {
	t := make(map[string]string, m.Len())
	for k, v := range m.All() {
		t[k] = v.AsString()
	}
	return t
}

// The names under which SCOPE tells name and version of a scope.
const (
	scopeName    = "otel.scope.name"
	scopeVersion = "otel.scope.version"
)

func scopeTexts(s pcommon.InstrumentationScope) map[string]string {
	t := texts(s.Attributes())
	for key, text := range map[string]string{scopeName: s.Name(), scopeVersion: s.Version()} {
		if text != "" {
			t[key] = text
		}
	}
	return t
}

func (w *writer) write(m pmetric.Metric) {
	w.metric = m.Name()
	w.note(m.Name(), "TYPE", typeOf(m))
	w.note(m.Name(), "UNIT", onLine(m.Unit()))
	w.note(m.Name(), "HELP", onLine(m.Description()))
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		w.numbers(m.Gauge().DataPoints())
	case pmetric.MetricTypeSum:
		w.numbers(m.Sum().DataPoints())
	case pmetric.MetricTypeHistogram:
		for _, p := range m.Histogram().DataPoints().All() {
			w.histogram(p)
		}
	case pmetric.MetricTypeExponentialHistogram:
		for _, p := range m.ExponentialHistogram().DataPoints().All() {
			w.exponential(p)
		}
	case pmetric.MetricTypeSummary:
		for _, p := range m.Summary().DataPoints().All() {
			w.summary(p)
		}
	case pmetric.MetricTypeEmpty:
	}
}

var helpEscaper = strings.NewReplacer(`\`, `\\`, "\n", `\n`)

// onLine writes a text as a line has it.
func onLine(text string) string { return strings.TrimSpace(helpEscaper.Replace(text)) }

// typeOf is the type of a metric as TYPE tells it. Those that no page knows are the OTLP type in words.
func typeOf(m pmetric.Metric) string {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return "gauge"
	case pmetric.MetricTypeSum:
		kind := "sum"
		if m.Sum().IsMonotonic() {
			kind = "counter"
		}
		return temporal(m.Sum().AggregationTemporality(), kind)
	case pmetric.MetricTypeHistogram:
		return temporal(m.Histogram().AggregationTemporality(), "histogram")
	case pmetric.MetricTypeExponentialHistogram:
		return temporal(m.ExponentialHistogram().AggregationTemporality(), "exponential_histogram")
	case pmetric.MetricTypeSummary:
		return "summary"
	default:
		return "none"
	}
}

func temporal(t pmetric.AggregationTemporality, kind string) string {
	switch t {
	case pmetric.AggregationTemporalityCumulative:
		return kind
	case pmetric.AggregationTemporalityDelta:
		return "delta_" + kind
	default:
		return "unspecified_" + kind
	}
}

type label struct{ name, value string }

func (w *writer) begin(p point) {
	w.point, w.gone = p, p.Flags().NoRecordedValue()
}

// add adds a sample of the point with more labels than the point has.
func (w *writer) add(suffix string, v float64, more ...label) {
	lset := texts(w.point.Attributes())
	for _, l := range more {
		lset[l.name] = l.value
	}
	if w.gone {
		v = math.NaN()
	}
	w.samples = append(w.samples, sample{
		resource: w.resource, scope: w.scope, metric: w.metric,
		series: series(w.metric+suffix, lset), value: v,
		ms: int64(w.point.Timestamp()) / int64(time.Millisecond),
	})
}

func (w *writer) numbers(points pmetric.NumberDataPointSlice) {
	for _, p := range points.All() {
		w.begin(p)
		switch p.ValueType() {
		case pmetric.NumberDataPointValueTypeInt:
			w.add("", float64(p.IntValue()))
		case pmetric.NumberDataPointValueTypeDouble:
			w.add("", p.DoubleValue())
		case pmetric.NumberDataPointValueTypeEmpty:
			w.add("", math.NaN())
		}
	}
}

func (w *writer) histogram(p pmetric.HistogramDataPoint) {
	w.begin(p)
	total := uint64(0)
	for i, n := range p.BucketCounts().All() {
		total += n
		bound := math.Inf(1)
		if i < p.ExplicitBounds().Len() {
			bound = p.ExplicitBounds().At(i)
		}
		w.add("_bucket", float64(total), label{"le", number(bound)})
	}
	if p.HasSum() {
		w.add("_sum", p.Sum())
	}
	w.add("_count", float64(p.Count()))
}

// exponential tells buckets by their place, for their bounds have no exact number.
func (w *writer) exponential(p pmetric.ExponentialHistogramDataPoint) {
	w.begin(p)
	scale := strconv.Itoa(int(p.Scale()))
	w.side("negative", scale, p.Negative())
	w.side("positive", scale, p.Positive())
	w.add("_zero_count", float64(p.ZeroCount()))
	if p.HasSum() {
		w.add("_sum", p.Sum())
	}
	w.add("_count", float64(p.Count()))
}

func (w *writer) side(sign, scale string, buckets pmetric.ExponentialHistogramDataPointBuckets) {
	for i, n := range buckets.BucketCounts().All() {
		w.add("_bucket", float64(n), label{"scale", scale}, label{sign, strconv.Itoa(int(buckets.Offset()) + i)})
	}
}

func (w *writer) summary(p pmetric.SummaryDataPoint) {
	w.begin(p)
	for _, q := range p.QuantileValues().All() {
		w.add("", q.Value(), label{"quantile", number(q.Quantile())})
	}
	w.add("_sum", p.Sum())
	w.add("_count", float64(p.Count()))
}

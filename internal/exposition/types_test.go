package exposition

import (
	"bytes"
	"math"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

const (
	cumulative = pmetric.AggregationTemporalityCumulative
	delta      = pmetric.AggregationTemporalityDelta
	second     = pcommon.Timestamp(1e9)
)

// allTypes holds one metric of every type Prometheus knows.
func allTypes() pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.namespace", "shop")
	rm.Resource().Attributes().PutStr("service.name", "cart")
	rm.Resource().Attributes().PutStr("service.instance.id", "cart-1")
	rm.Resource().Attributes().PutStr("host.name", "node-1")
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName("http")
	appendNumbers(sm.Metrics())
	appendHistogram(sm.Metrics().AppendEmpty())
	appendExponential(sm.Metrics().AppendEmpty())
	appendSummary(sm.Metrics().AppendEmpty())
	return md
}

func appendNumbers(ms pmetric.MetricSlice) {
	m := ms.AppendEmpty()
	m.SetName("room.temperature")
	m.SetUnit("Cel")
	m.SetDescription("Temperature.")
	m.SetEmptyGauge().DataPoints().AppendEmpty().SetDoubleValue(-0.5)

	m = ms.AppendEmpty()
	m.SetName("requests")
	m.SetDescription("Requests.")
	s := m.SetEmptySum()
	s.SetIsMonotonic(true)
	s.SetAggregationTemporality(cumulative)
	dp := s.DataPoints().AppendEmpty()
	dp.SetIntValue(7)
	dp.SetStartTimestamp(100 * second)
	dp.SetTimestamp(160 * second)
	e := dp.Exemplars().AppendEmpty()
	e.SetIntValue(1)
	e.SetTimestamp(150 * second)
	e.SetTraceID(pcommon.TraceID{1})
	e.FilteredAttributes().PutStr("user.id", "u1")

	m = ms.AppendEmpty()
	m.SetName("connections")
	m.SetDescription("Connections.")
	m.SetEmptySum().SetAggregationTemporality(cumulative)
	m.Sum().DataPoints().AppendEmpty().SetIntValue(3)

	m = ms.AppendEmpty()
	m.SetName("legacy")
	m.SetDescription("Of unknown type.")
	m.Metadata().PutStr("prometheus.type", "unknown")
	m.SetEmptyGauge().DataPoints().AppendEmpty().SetDoubleValue(9)
}

func appendHistogram(m pmetric.Metric) {
	m.SetName("latency")
	m.SetUnit("s")
	m.SetDescription("Latency.")
	m.SetEmptyHistogram().SetAggregationTemporality(cumulative)
	dp := m.Histogram().DataPoints().AppendEmpty()
	dp.SetStartTimestamp(100 * second)
	dp.SetTimestamp(160 * second)
	dp.SetCount(6)
	dp.SetSum(4.5)
	dp.ExplicitBounds().FromRaw([]float64{0.1, 1})
	dp.BucketCounts().FromRaw([]uint64{1, 2, 3})
	e := dp.Exemplars().AppendEmpty()
	e.SetDoubleValue(0.5)
	e.SetTimestamp(155 * second)
	e.SetSpanID(pcommon.SpanID{2})
}

func appendExponential(m pmetric.Metric) {
	m.SetName("size")
	m.SetUnit("By")
	m.SetDescription("Size.")
	m.SetEmptyExponentialHistogram().SetAggregationTemporality(cumulative)
	dp := m.ExponentialHistogram().DataPoints().AppendEmpty()
	dp.SetTimestamp(160 * second)
	dp.SetCount(10)
	dp.SetSum(30)
	dp.SetScale(1)
	dp.SetZeroCount(1)
	dp.Positive().SetOffset(-1)
	dp.Positive().BucketCounts().FromRaw([]uint64{5, 0, 0, 0, 2})
	dp.Negative().BucketCounts().FromRaw([]uint64{2})
}

func appendSummary(m pmetric.Metric) {
	m.SetName("wait")
	m.SetUnit("s")
	m.SetDescription("Wait.")
	dp := m.SetEmptySummary().DataPoints().AppendEmpty()
	dp.SetCount(4)
	dp.SetSum(2.5)
	for _, q := range []float64{0.9, 0.5} {
		v := dp.QuantileValues().AppendEmpty()
		v.SetQuantile(q)
		v.SetValue(q * 10)
	}
}

const common = `instance="cart-1", job="shop/cart", otel_scope_name="http"`

func TestEveryTypeOnEveryPage(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, allTypes())
	for _, format := range []expfmt.Format{textLegacy, omLegacy, protoLegacy} {
		p := scrape(t, s, format)
		assert.InDelta(t, -0.5, p.values[`{__name__="room_temperature_celsius", `+common+`}`], 0)
		assert.InDelta(t, 7, p.values[`{__name__="requests_total", `+common+`}`], 0)
		assert.InDelta(t, 3, p.values[`{__name__="connections", `+common+`}`], 0)
		assert.InDelta(t, 9, p.values[`{__name__="legacy", `+common+`}`], 0)
		assert.InDelta(t, 1, p.values[`{__name__="target_info", host_name="node-1", instance="cart-1", job="shop/cart"}`], 0)
		for le, want := range map[string]float64{"0.1": 1, "1.0": 3, "+Inf": 6} {
			assert.InDelta(t, want, p.values[`{__name__="latency_seconds_bucket", instance="cart-1", job="shop/cart", le="`+le+`", otel_scope_name="http"}`], 0, le)
		}
		assert.InDelta(t, 4.5, p.values[`{__name__="latency_seconds_sum", `+common+`}`], 0)
		assert.InDelta(t, 6, p.values[`{__name__="latency_seconds_count", `+common+`}`], 0)
		assert.InDelta(t, 9, p.values[`{__name__="wait_seconds", `+common+`, quantile="0.9"}`], 0)
		assert.InDelta(t, 2.5, p.values[`{__name__="wait_seconds_sum", `+common+`}`], 0)
		assert.Equal(t, "Temperature.", p.helps["room_temperature_celsius"])
		assert.Equal(t, model.MetricTypeGauge, p.types["connections"])
		assert.Equal(t, model.MetricTypeUnknown, p.types["legacy"])
		assert.Equal(t, model.MetricTypeHistogram, p.types["latency_seconds"])
		assert.Equal(t, model.MetricTypeSummary, p.types["wait_seconds"])
	}
}

func TestOpenMetricsHasUnitsExemplarsAndCreated(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, allTypes())
	p := scrape(t, s, omLegacy)
	assert.Equal(t, model.MetricTypeCounter, p.types["requests"])
	assert.Equal(t, "seconds", p.units["latency_seconds"])
	counter := `{__name__="requests_total", ` + common + `}`
	assert.EqualValues(t, 100_000, p.created[counter])
	e := p.exemplars[counter][0]
	assert.Equal(t, labels.FromStrings("trace_id", "01000000000000000000000000000000", "user_id", "u1"), e.Labels)
	assert.EqualValues(t, 150_000, e.Ts)
	e = p.exemplars[`{__name__="latency_seconds_bucket", instance="cart-1", job="shop/cart", le="1.0", otel_scope_name="http"}`][0]
	assert.InDelta(t, 0.5, e.Value, 0)
}

// A bucket of base 2^(1/2) covers (base^(i-1), base^i]: offset -1 at scale 1 is (0.707, 1], which is native index 0.
func TestNativeHistogram(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, allTypes())
	h := scrape(t, s, protoLegacy).native[`{__name__="size_bytes", `+common+`}`]
	require.NotNil(t, h)
	assert.EqualValues(t, 1, h.Schema)
	assert.EqualValues(t, 10, h.Count)
	assert.InDelta(t, 30, h.Sum, 0)
	assert.Equal(t, map[float64]float64{1: 5, 4: 2, -1: 2, 1e-128: 1}, upperBounds(h))
	text := scrape(t, s, textLegacy)
	prefix := `{__name__="size_bytes_bucket", instance="cart-1", job="shop/cart", le="`
	for le, want := range map[string]float64{"-2.0": 0, "-1.0": 2, "1e-128": 3, "0.5": 3, "1.0": 8, "2.0": 8, "4.0": 10, "+Inf": 10} {
		got, ok := text.values[prefix+le+`", otel_scope_name="http"}`]
		assert.True(t, ok, le)
		assert.InDelta(t, want, got, 0, le)
	}
}

// upperBounds maps the bound away from zero of positive buckets, and towards zero of negative ones, to counts.
func upperBounds(h *histogram.Histogram) map[float64]float64 {
	out := map[float64]float64{}
	for it := h.ToFloat(nil).AllBucketIterator(); it.Next(); {
		if b := it.At(); b.Count > 0 {
			out[b.Upper] = b.Count
		}
	}
	return out
}

func TestDownscaleToSchema8(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, single(func(m pmetric.Metric) {
		m.SetName("h")
		m.SetEmptyExponentialHistogram().SetAggregationTemporality(cumulative)
		dp := m.ExponentialHistogram().DataPoints().AppendEmpty()
		dp.SetScale(9)
		dp.SetSum(1)
		dp.SetCount(7)
		dp.Positive().SetOffset(1)
		dp.Positive().BucketCounts().FromRaw([]uint64{5, 1, 1})
	}))
	h := scrape(t, s, protoLegacy).native[`{__name__="h"}`]
	assert.EqualValues(t, 8, h.Schema)
	base := math.Pow(2, 1.0/256)
	counts := upperBounds(h)
	require.Len(t, counts, 2)
	for bound, count := range counts {
		assert.InDelta(t, map[bool]float64{true: 5, false: 2}[bound < base*1.001], count, 0, "bound %v", bound)
	}
}

func TestEmptyExponentialHistogramIsNative(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, single(func(m pmetric.Metric) {
		m.SetName("h")
		m.SetEmptyExponentialHistogram().SetAggregationTemporality(cumulative)
		m.ExponentialHistogram().DataPoints().AppendEmpty().SetSum(0)
	}))
	mfs, err := s.Gather()
	require.NoError(t, err)
	require.Len(t, mfs[0].Metric[0].Histogram.PositiveSpan, 1)
	assert.Nil(t, mfs[0].Metric[0].Histogram.CreatedTimestamp, "no start time is not the year 1")
	assert.Contains(t, scrape(t, s, protoLegacy).native, `{__name__="h"}`)
}

func TestDefaultPageIsLintFree(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, allTypes())
	body, _ := render(t, s, textLegacy)
	problems, err := promlint.New(bytes.NewReader(body)).Lint()
	require.NoError(t, err)
	assert.Empty(t, problems)
}

func TestExpfmtReadsTextBack(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, allTypes())
	body, _ := render(t, s, textLegacy)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	require.NoError(t, err)
	assert.Len(t, families, 8)
	assert.Equal(t, dto.MetricType_COUNTER, families["requests_total"].GetType())
}

func TestSendTimestamps(t *testing.T) {
	s := NewStore(Options{SendTimestamps: true})
	requireAccepted(t, s, allTypes())
	for _, format := range []expfmt.Format{textLegacy, omLegacy, protoLegacy} {
		p := scrape(t, s, format)
		assert.EqualValues(t, 160_000, p.times[`{__name__="requests_total", `+common+`}`])
		assert.NotContains(t, p.times, `{__name__="connections", `+common+`}`, "no time is no timestamp")
	}
}

// The specification's own table, with foo.bar in bytes.
func TestTranslationStrategies(t *testing.T) {
	for strategy, want := range map[otlptranslator.TranslationStrategyOption][2]string{
		otlptranslator.UnderscoreEscapingWithSuffixes:    {"foo_bar_bytes_total", "foo_bar_bytes_total"},
		otlptranslator.UnderscoreEscapingWithoutSuffixes: {"foo_bar", "foo_bar"},
		otlptranslator.NoUTF8EscapingWithSuffixes:        {"foo.bar_bytes_total", "foo_bar_bytes_total"},
		otlptranslator.NoTranslation:                     {"foo.bar", "foo_bar"},
	} {
		s := NewStore(Options{Strategy: strategy})
		md := sum("foo.bar", cumulative, func(dp pmetric.NumberDataPoint) { dp.SetIntValue(1) })
		md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).SetUnit("By")
		requireAccepted(t, s, md)
		assert.Contains(t, scrape(t, s, textUTF8).values, `{__name__="`+want[0]+`"}`)
		assert.Contains(t, scrape(t, s, textLegacy).values, `{__name__="`+want[1]+`"}`)
	}
}

func TestWithoutScopeAndTargetInfo(t *testing.T) {
	s := NewStore(Options{WithoutScopeInfo: true, WithoutTargetInfo: true})
	requireAccepted(t, s, allTypes())
	p := scrape(t, s, textLegacy)
	assert.Contains(t, p.values, `{__name__="connections", instance="cart-1", job="shop/cart"}`)
	assert.NotContains(t, p.types, "target_info")
}

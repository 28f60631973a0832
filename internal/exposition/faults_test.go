package exposition

import (
	"math"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// The tests of this file are named for faults seen in other exporters.

func TestCollidingAttributesAreJoinedByOriginalKey(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, gauge("g", 1, "a_b", "underscore", "a.b", "dot"))
	assert.Contains(t, scrape(t, s, textLegacy).values, `{__name__="g", a_b="dot;underscore"}`)
}

func TestAttributeNamedJobIsJoined(t *testing.T) {
	s := NewStore(Options{})
	md := gauge("g", 1, "job", "mine")
	md.ResourceMetrics().At(0).Resource().Attributes().PutStr("service.name", "svc")
	requireAccepted(t, s, md)
	assert.Contains(t, scrape(t, s, textLegacy).values, `{__name__="g", job="svc;mine"}`)
}

func TestLeAndQuantileAttributesAreRenamed(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, single(func(m pmetric.Metric) {
		m.SetName("h")
		m.SetEmptyHistogram().SetAggregationTemporality(cumulative)
		m.Histogram().DataPoints().AppendEmpty().Attributes().PutStr("le", "x")
	}))
	requireAccepted(t, s, single(func(m pmetric.Metric) {
		m.SetName("s")
		m.SetEmptySummary().DataPoints().AppendEmpty().Attributes().PutStr("quantile", "x")
	}))
	for _, format := range allFormats {
		p := scrape(t, s, format)
		assert.Contains(t, p.values, `{__name__="h_bucket", exported_le="x", le="+Inf"}`)
		assert.Contains(t, p.values, `{__name__="s_count", exported_quantile="x"}`)
	}
}

func TestPrometheusTypeUnknownIsHonoured(t *testing.T) {
	s := NewStore(Options{})
	md := gauge("g", 1)
	md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Metadata().PutStr("prometheus.type", "unknown")
	requireAccepted(t, s, md)
	assert.Equal(t, model.MetricTypeUnknown, scrape(t, s, omLegacy).types["g"])
}

func TestStalePointRemovesItsSeriesOnly(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, gauge("g", 1, "i", "1"))
	requireAccepted(t, s, single(func(m pmetric.Metric) {
		m.SetName("g")
		dps := m.SetEmptyGauge().DataPoints()
		stale := dps.AppendEmpty()
		stale.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
		stale.Attributes().PutStr("i", "1")
		live := dps.AppendEmpty()
		live.SetIntValue(2)
		live.Attributes().PutStr("i", "2")
	}))
	assert.Equal(t, map[string]float64{`{__name__="g", i="2"}`: 2}, scrape(t, s, textLegacy).values)
	assert.Equal(t, 1, s.Len())
}

func TestUnspecifiedTemporalityIsRefused(t *testing.T) {
	s := NewStore(Options{})
	out := s.Add(single(func(m pmetric.Metric) {
		m.SetName("h")
		m.SetEmptyHistogram().DataPoints().AppendEmpty()
	}))
	assert.Equal(t, map[Reason]int{ReasonUnspecifiedTemporality: 1}, out.Refused)
	assert.Zero(t, s.Len())
}

func TestExponentialHistogramWithoutSumIsRefused(t *testing.T) {
	s := NewStore(Options{})
	out := s.Add(single(func(m pmetric.Metric) {
		m.SetName("h")
		m.SetEmptyExponentialHistogram().SetAggregationTemporality(cumulative)
		m.ExponentialHistogram().DataPoints().AppendEmpty()
		m.ExponentialHistogram().DataPoints().AppendEmpty().SetScale(-5)
	}))
	assert.Equal(t, map[Reason]int{ReasonMissingSum: 1, ReasonUnsupportedScale: 1}, out.Refused)
}

func TestHistogramWithoutSumHasNoFalseSum(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, single(func(m pmetric.Metric) {
		m.SetName("h")
		m.SetEmptyHistogram().SetAggregationTemporality(cumulative)
		m.Histogram().DataPoints().AppendEmpty().SetCount(2)
	}))
	for _, format := range allFormats {
		p := scrape(t, s, format)
		assert.True(t, math.IsNaN(p.values[`{__name__="h_sum"}`]))
		assert.InDelta(t, 2, p.values[`{__name__="h_count"}`], 0)
	}
}

func TestLongExemplarLosesAttributesOnly(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, sum("c", cumulative, func(dp pmetric.NumberDataPoint) {
		dp.SetIntValue(1)
		e := dp.Exemplars().AppendEmpty()
		e.SetTraceID(pcommon.TraceID{1})
		e.FilteredAttributes().PutStr("long", strings.Repeat("x", 200))
		e.FilteredAttributes().PutStr("short", "y")
	}))
	p := scrape(t, s, omLegacy)
	assert.InDelta(t, 1, p.values[`{__name__="c_total"}`], 0)
	assert.Equal(t, `{short="y", trace_id="01000000000000000000000000000000"}`, sorted(p.exemplars[`{__name__="c_total"}`][0].Labels.Map()))
}

func TestSeriesKeysDoNotCollide(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, gauge("g", 1, "a", "x*b*y"))
	requireAccepted(t, s, gauge("g", 2, "a", "x", "b", "y"))
	assert.Len(t, scrape(t, s, textLegacy).values, 2)
}

func TestFirstTypeWins(t *testing.T) {
	for range 20 {
		s := NewStore(Options{})
		requireAccepted(t, s, gauge("m", 1))
		other := single(func(m pmetric.Metric) {
			m.SetName("m")
			m.SetEmptySummary().DataPoints().AppendEmpty()
		})
		out := s.Add(other)
		assert.Equal(t, map[Reason]int{ReasonTypeConflict: 1}, out.Refused)
		assert.Equal(t, []Conflict{{"m", "m", ConflictType}}, out.Conflicts)
		assert.Empty(t, s.Add(other).Conflicts, "one log line for each family")
		assert.Equal(t, map[string]float64{`{__name__="m"}`: 1}, scrape(t, s, textLegacy).values)
	}
}

func TestHelpConflictKeepsAllPoints(t *testing.T) {
	s := NewStore(Options{})
	for i, help := range []string{"", "first", "second"} {
		md := gauge("g", float64(i), "i", string(rune('a'+i)))
		md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).SetDescription(help)
		out := s.Add(md)
		assert.Equal(t, 1, out.Accepted)
		if help == "second" {
			assert.Equal(t, map[ConflictKind]int{ConflictHelp: 1}, out.Conflicting)
			assert.Equal(t, []Conflict{{"g", "g", ConflictHelp}}, out.Conflicts)
			assert.Empty(t, s.Add(md).Conflicts, "one log line for each family")
		} else {
			assert.Empty(t, out.Conflicting)
		}
	}
	p := scrape(t, s, textLegacy)
	assert.Len(t, p.values, 3)
	assert.Equal(t, "first", p.helps["g"])
}

func TestSameLabelsInOneBatch_LastWinsAndIsCounted(t *testing.T) {
	s := NewStore(Options{WithoutScopeInfo: true})
	md := gauge("g", 1)
	gauge("g", 2).ResourceMetrics().MoveAndAppendTo(md.ResourceMetrics())
	assert.Equal(t, Outcome{Accepted: 1, Refused: map[Reason]int{ReasonDuplicateSeries: 1}}, s.Add(md))
	assert.Equal(t, map[string]float64{`{__name__="g"}`: 2}, scrape(t, s, textLegacy).values)
}

func TestResourceWithoutServiceKeepsSeriesAndTargetInfo(t *testing.T) {
	s := NewStore(Options{})
	md := gauge("g", 1)
	md.ResourceMetrics().At(0).Resource().Attributes().PutStr("host.name", "h")
	requireAccepted(t, s, md)
	assert.Equal(t, map[string]float64{`{__name__="g"}`: 1, `{__name__="target_info", host_name="h"}`: 1}, scrape(t, s, textLegacy).values)
}

func TestOneTargetInfoPerTarget(t *testing.T) {
	s := NewStore(Options{MaxSeries: 2})
	for _, host := range []string{"a", "b"} {
		md := gauge("g", 1)
		md.ResourceMetrics().At(0).Resource().Attributes().PutStr("service.name", "svc")
		md.ResourceMetrics().At(0).Resource().Attributes().PutStr("host.name", host)
		requireAccepted(t, s, md)
	}
	p := scrape(t, s, textLegacy)
	assert.Equal(t, map[string]float64{`{__name__="g", job="svc"}`: 1, `{__name__="target_info", host_name="b", job="svc"}`: 1}, p.values)
	assert.Equal(t, 2, s.Len())
}

func TestOddAttributesKeepTheMetric(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, gauge("g", 1, "_", "x", "bad", "a\xffb", "nul", "a\x00b", "empty", ""))
	assert.Equal(t, map[string]float64{"{__name__=\"g\", bad=\"a\uFFFDb\", key_=\"x\", nul=\"a\uFFFDb\"}": 1}, scrape(t, s, textLegacy).values)
}

func TestReservedScopeNamesAreComparedAfterTranslation(t *testing.T) {
	s := NewStore(Options{})
	md := gauge("g", 1)
	sm := md.ResourceMetrics().At(0).ScopeMetrics().At(0)
	sm.SetSchemaUrl("https://real")
	sm.Scope().SetName("lib")
	sm.Scope().Attributes().PutStr("schema.url", "fake")
	sm.Scope().Attributes().PutStr("tier", "1")
	requireAccepted(t, s, md)
	assert.Contains(t, scrape(t, s, textLegacy).values, `{__name__="g", otel_scope_name="lib", otel_scope_schema_url="https://real", otel_scope_tier="1"}`)
}

func TestCounterBesideGaugeOfItsBaseName(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, gauge("x", 1))
	requireAccepted(t, s, sum("x", cumulative, func(dp pmetric.NumberDataPoint) { dp.SetIntValue(2) }))
	p := scrape(t, s, omLegacy)
	assert.Equal(t, map[string]float64{`{__name__="x"}`: 1, `{__name__="x_total"}`: 2}, p.values)
	assert.Equal(t, map[string]model.MetricType{"x": model.MetricTypeGauge, "x_total": model.MetricTypeUnknown}, p.types)
	assert.Equal(t, model.MetricTypeCounter, scrape(t, s, textLegacy).types["x_total"])
}

func TestGaugeThatLooksLikeAHistogramSampleIsRefused(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, single(func(m pmetric.Metric) {
		m.SetName("h")
		m.SetEmptyHistogram().SetAggregationTemporality(cumulative)
		m.Histogram().DataPoints().AppendEmpty()
	}))
	out := s.Add(gauge("h_count", 1))
	assert.Equal(t, map[Reason]int{ReasonNameConflict: 1}, out.Refused)
	assert.Equal(t, []Conflict{{"h_count", "h", ConflictName}}, out.Conflicts)
}

func TestEscapingOnNegotiationResolvesCollisions(t *testing.T) {
	s := NewStore(Options{Strategy: otlptranslator.NoTranslation})
	requireAccepted(t, s, gauge("g", 1, "a.b", "dot", "a_b", "underscore"))
	requireAccepted(t, s, gauge("h.x", 2))
	requireAccepted(t, s, gauge("h_x", 3))
	assert.Contains(t, scrape(t, s, textUTF8).values, `{__name__="g", "a.b"="dot", a_b="underscore"}`)
	p := scrape(t, s, textLegacy)
	assert.Equal(t, map[string]float64{`{__name__="g", a_b="dot;underscore"}`: 1, `{__name__="h_x"}`: 2}, p.values)
	assert.Equal(t, 1, p.hidden)
}

func TestInvalidNamesAreRefused(t *testing.T) {
	s := NewStore(Options{Strategy: otlptranslator.NoTranslation})
	for _, name := range []string{"", "a\xff", "a\x00"} {
		require.Equal(t, map[Reason]int{ReasonInvalidName: 1}, s.Add(gauge(name, 1)).Refused, "%q", name)
	}
}

func TestCreatedLineGivesWayToAMetricOfItsName(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, gauge("x_created", 7))
	requireAccepted(t, s, sum("x", cumulative, func(dp pmetric.NumberDataPoint) {
		dp.SetStartTimestamp(5 * second)
		dp.SetIntValue(2)
	}))
	body, _ := render(t, s, omLegacy)
	assert.Equal(t, 1, strings.Count(string(body), "\nx_created "))
	assert.Contains(t, string(body), "\nx_created 7\n")
	assert.Contains(t, string(body), "\nx_total 2\n")
}

func TestFamilyOfBothKindsOfHistogramIsClassicInProtobuf(t *testing.T) {
	s := NewStore(Options{})
	requireAccepted(t, s, single(func(m pmetric.Metric) {
		m.SetName("h")
		m.SetEmptyExponentialHistogram().SetAggregationTemporality(cumulative)
		dp := m.ExponentialHistogram().DataPoints().AppendEmpty()
		dp.SetSum(3)
		dp.SetCount(1)
		dp.Positive().SetOffset(1)
		dp.Positive().BucketCounts().FromRaw([]uint64{1})
	}))
	requireAccepted(t, s, single(func(m pmetric.Metric) {
		m.SetName("h")
		m.SetEmptyHistogram().SetAggregationTemporality(cumulative)
		dp := m.Histogram().DataPoints().AppendEmpty()
		dp.SetSum(5)
		dp.Attributes().PutStr("kind", "classic")
	}))
	p := scrape(t, s, protoLegacy)
	assert.Empty(t, p.native)
	assert.InDelta(t, 3, p.values[`{__name__="h_sum"}`], 0)
	assert.InDelta(t, 1, p.values[`{__name__="h_bucket", le="4.0"}`], 0)
	assert.InDelta(t, 5, p.values[`{__name__="h_sum", kind="classic"}`], 0)
}

package exposition

import (
	"maps"
	"slices"
	"testing"

	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"pgregory.net/rapid"

	_ "github.com/sluice-metrics/sluice/internal/proof"
)

var strategies = []otlptranslator.TranslationStrategyOption{
	otlptranslator.UnderscoreEscapingWithSuffixes, otlptranslator.UnderscoreEscapingWithoutSuffixes,
	otlptranslator.NoUTF8EscapingWithSuffixes, otlptranslator.NoTranslation,
}

// firstMark is above all counts the generator makes, so that a mark found on a page is the value of one point.
const firstMark = 1 << 20

// TestPageShowsEveryAcceptedPoint sends points that each carry a value of their own, as value or as sum, and finds
// each of them on every page: once, or counted as hidden by escaping.
func TestPageShowsEveryAcceptedPoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := NewStore(Options{
			Strategy:         rapid.SampledFrom(strategies).Draw(t, "strategy"),
			WithoutScopeInfo: rapid.Bool().Draw(t, "withoutScopeInfo"),
			SendTimestamps:   rapid.Bool().Draw(t, "sendTimestamps"),
		})
		g := generator{t: t, mark: firstMark}
		md := g.metrics()
		out := s.Add(md)
		refused := 0
		for n := range maps.Values(out.Refused) {
			refused += n
		}
		surplus := out.Accepted + refused - emptyMetrics(md) - md.DataPointCount()
		require.GreaterOrEqual(t, surplus, 0)
		require.LessOrEqual(t, surplus, md.ResourceMetrics().Len(), "only target_info may be refused beside the points")
		for _, format := range allFormats {
			p := scrape(t, s, format)
			hiddenPoints := out.Accepted - len(p.marks(t, g.mark))
			require.GreaterOrEqual(t, hiddenPoints, 0)
			require.LessOrEqualf(t, hiddenPoints, p.hidden, "format %s", format)
		}
	})
}

// emptyMetrics counts the metrics without data, each of which is refused as one point.
func emptyMetrics(md pmetric.Metrics) int {
	n := 0
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				if m.Type() == pmetric.MetricTypeEmpty {
					n++
				}
			}
		}
	}
	return n
}

// marks returns the marks found on the page, each of which may be there once only.
func (p *page) marks(t tester, end int) map[int]bool {
	found := map[int]bool{}
	take := func(v float64) {
		if v >= firstMark && v < float64(end) {
			require.Falsef(t, found[int(v)], "mark %v twice", v)
			found[int(v)] = true
		}
	}
	for v := range maps.Values(p.values) {
		take(v)
	}
	for h := range maps.Values(p.native) {
		take(h.Sum)
	}
	return found
}

// generator draws batches full of names that collide, need escaping or are not valid at all.
type generator struct {
	t    *rapid.T
	mark int
}

var nastyNames = []string{
	"", "_", "__", "a", "a.b", "a_b", "a:b", "a-b", "a..b", "job", "instance", "le", "quantile", "__name__", "..name..",
	"otel_scope_name", "otel.scope.name", "name", "version", "schema.url", "schema_url", "target_info", "target.info",
	"h", "h_sum", "h_count", "h.count", "h_bucket", "x", "x_total", "x.total", "x_created", "_total", "total", "é", "a.é",
	"a:é", "日本", "1a", "a b", "a\nb", `a"b`, `a\b`, "a\x00b", "a\xffb", "{}", "#", "service.name", "a_bytes", "_bytes",
}

func (g *generator) name() string {
	return rapid.OneOf(rapid.SampledFrom(nastyNames), rapid.StringN(0, 6, 12)).Draw(g.t, "name")
}

func (g *generator) text() string {
	return rapid.OneOf(rapid.SampledFrom(nastyNames), rapid.String()).Draw(g.t, "text")
}

func (g *generator) count(low, high int) int { return rapid.IntRange(low, high).Draw(g.t, "count") }

func (g *generator) next() float64 {
	g.mark++
	return float64(g.mark - 1)
}

func (g *generator) metrics() pmetric.Metrics {
	md := pmetric.NewMetrics()
	for range g.count(1, 3) {
		rm := md.ResourceMetrics().AppendEmpty()
		g.attributes(rm.Resource().Attributes())
		for _, key := range []string{attrServiceName, attrServiceNamespace, attrServiceInstanceID} {
			if rapid.Bool().Draw(g.t, key) {
				rm.Resource().Attributes().PutStr(key, g.text())
			}
		}
		for range g.count(1, 2) {
			sm := rm.ScopeMetrics().AppendEmpty()
			sm.Scope().SetName(g.text())
			sm.SetSchemaUrl(g.text())
			g.attributes(sm.Scope().Attributes())
			for range g.count(0, 4) {
				g.metric(sm.Metrics().AppendEmpty())
			}
		}
	}
	return md
}

func (g *generator) attributes(m pcommon.Map) {
	for range g.count(0, 4) {
		m.PutStr(g.name(), g.text())
	}
}

func (g *generator) metric(m pmetric.Metric) {
	m.SetName(g.name())
	m.SetDescription(g.text())
	m.SetUnit(rapid.SampledFrom([]string{"", "1", "By", "s", "By/s", "{x}", "é", "bytes", "a\nb", "/", "_", "\xff"}).Draw(g.t, "unit"))
	temporality := pmetric.AggregationTemporality(g.count(0, 2))
	switch pmetric.MetricType(g.count(0, 5)) {
	case pmetric.MetricTypeGauge:
		if rapid.Bool().Draw(g.t, "unknown") {
			m.Metadata().PutStr("prometheus.type", "unknown")
		}
		g.numbers(m.SetEmptyGauge().DataPoints())
	case pmetric.MetricTypeSum:
		m.SetEmptySum().SetAggregationTemporality(temporality)
		m.Sum().SetIsMonotonic(rapid.Bool().Draw(g.t, "monotonic"))
		g.numbers(m.Sum().DataPoints())
	case pmetric.MetricTypeHistogram:
		m.SetEmptyHistogram().SetAggregationTemporality(temporality)
		g.histograms(m.Histogram().DataPoints())
	case pmetric.MetricTypeExponentialHistogram:
		m.SetEmptyExponentialHistogram().SetAggregationTemporality(temporality)
		g.exponentials(m.ExponentialHistogram().DataPoints())
	case pmetric.MetricTypeSummary:
		g.summaries(m.SetEmptySummary().DataPoints())
	case pmetric.MetricTypeEmpty:
	}
}

func (g *generator) numbers(dps pmetric.NumberDataPointSlice) {
	for range g.count(0, 3) {
		dp := dps.AppendEmpty()
		dp.SetTimestamp(1e9)
		dp.SetDoubleValue(g.next())
		g.attributes(dp.Attributes())
		g.exemplars(dp.Exemplars())
	}
}

func (g *generator) histograms(dps pmetric.HistogramDataPointSlice) {
	for range g.count(0, 3) {
		dp := dps.AppendEmpty()
		dp.SetTimestamp(1e9)
		dp.SetStartTimestamp(5e8)
		g.attributes(dp.Attributes())
		dp.SetSum(g.next())
		dp.ExplicitBounds().FromRaw([]float64{-1, 0, 2.5})
		counts := []uint64{1, 0, uint64(g.count(0, 9)), 2}
		dp.BucketCounts().FromRaw(counts)
		dp.SetCount(counts[0] + counts[2] + counts[3])
		g.exemplars(dp.Exemplars())
	}
}

func (g *generator) exponentials(dps pmetric.ExponentialHistogramDataPointSlice) {
	for range g.count(0, 3) {
		dp := dps.AppendEmpty()
		dp.SetTimestamp(1e9)
		g.attributes(dp.Attributes())
		dp.SetSum(g.next())
		dp.SetScale(int32(g.count(-6, 20)))
		dp.SetZeroCount(uint64(g.count(0, 3)))
		dp.SetCount(dp.ZeroCount() + g.side(dp.Positive()) + g.side(dp.Negative()))
		g.exemplars(dp.Exemplars())
	}
}

func (g *generator) side(b pmetric.ExponentialHistogramDataPointBuckets) uint64 {
	b.SetOffset(rapid.Int32().Draw(g.t, "offset"))
	counts := rapid.SliceOfN(rapid.Uint64Range(0, 9), 0, 12).Draw(g.t, "counts")
	b.BucketCounts().FromRaw(counts)
	total := uint64(0)
	for _, c := range counts {
		total += c
	}
	return total
}

func (g *generator) summaries(dps pmetric.SummaryDataPointSlice) {
	for range g.count(0, 3) {
		dp := dps.AppendEmpty()
		dp.SetTimestamp(1e9)
		g.attributes(dp.Attributes())
		dp.SetSum(g.next())
		dp.SetCount(3)
		for _, q := range slices.Backward([]float64{0.5, 0.9, 0.99}) {
			v := dp.QuantileValues().AppendEmpty()
			v.SetQuantile(q)
			v.SetValue(q)
		}
	}
}

func (g *generator) exemplars(es pmetric.ExemplarSlice) {
	for range g.count(0, 2) {
		e := es.AppendEmpty()
		e.SetDoubleValue(float64(g.count(-3, 3)))
		e.SetTimestamp(pcommon.Timestamp(rapid.Uint64().Draw(g.t, "exemplar time")))
		e.SetTraceID(pcommon.TraceID{byte(g.count(0, 1))})
		g.attributes(e.FilteredAttributes())
	}
}

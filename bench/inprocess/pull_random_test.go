package inprocess

import (
	"maps"
	"slices"
	"strconv"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"pgregory.net/rapid"

	_ "github.com/sluice-metrics/sluice/internal/proof"
)

// TestPullPagesOfRandomMetricsAreEqual sends ordinary metrics, which nothing collides in and no fault is known of, to both
// sides: they show the same series of the same values, types and texts.
func TestPullPagesOfRandomMetricsAreEqual(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		g := generator{T: r, exponentials: rapid.Bool().Draw(r, "exponentials")}
		conf := commonConfigurations[rapid.SampledFrom(slices.Sorted(maps.Keys(commonConfigurations))).Draw(r, "configuration")]
		conf = maps.Clone(conf)
		conf["without_scope_info"], conf["send_timestamps"] = rapid.Bool().Draw(r, "withoutScope"), rapid.Bool().Draw(r, "timestamps")
		f := rapid.SampledFrom(g.formats(conf)).Draw(r, "format")
		input := g.input()
		want := targets(conf, pageOf(t, pullImpls[1].with(conf), f, input))
		requireEqualPage(r, want, targets(conf, pageOf(t, pullImpls[0].with(conf), f, input)), f.name)
	})
}

// generator draws batches of several resources and scopes. Metrics are of one scope each, and points of one metric have
// different attributes.
type generator struct {
	*rapid.T
	// exponentials are in batches of their own, for only protobuf shows them alike.
	exponentials bool
	// traced is for input of one round: contrib forgets the exemplars of earlier ones.
	traced bool
	made   int
}

func (g *generator) formats(conf map[string]any) []format {
	if g.exponentials {
		return []format{protobuf, protobufUTF8}
	}
	return formatsFor(conf)
}

func (g *generator) count(low, high int) int { return rapid.IntRange(low, high).Draw(g.T, "count") }

func (g *generator) text() string {
	return rapid.OneOf(rapid.StringMatching(`[ -~]{0,8}`), rapid.SampledFrom([]string{"é", "日本", "a\nb", `\`, `"`, "a\\nb", "☃;x"})).Draw(g.T, "text")
}

// input is the same series in several rounds, as an application exports them.
func (g *generator) input() []pmetric.Metrics {
	first, rounds := pmetric.NewMetrics(), g.count(1, 3)
	g.traced = rounds == 1
	for i := range g.count(1, 3) {
		g.resource(first.ResourceMetrics().AppendEmpty(), i)
	}
	out := []pmetric.Metrics{first}
	for round := range rounds - 1 {
		next := clone(out[round])
		eachMetric(next, func(m pmetric.Metric) { g.data(m, round+1) })
		out = append(out, next)
	}
	return out
}

func (g *generator) resource(rm pmetric.ResourceMetrics, serial int) {
	attrs := rm.Resource().Attributes()
	attrs.PutStr("service.name", "cart")
	attrs.PutStr("service.instance.id", strconv.Itoa(serial))
	attrs.PutStr("host.name", g.text()+"h")
	g.attributes(attrs)
	for range g.count(1, 2) {
		g.scope(rm.ScopeMetrics().AppendEmpty())
	}
}

func (g *generator) scope(sm pmetric.ScopeMetrics) {
	sm.Scope().SetName(g.text())
	sm.Scope().SetVersion(g.text())
	sm.SetSchemaUrl(g.text())
	g.attributes(sm.Scope().Attributes())
	for range g.count(1, 4) {
		g.metric(sm.Metrics().AppendEmpty())
	}
}

// metric gives each metric a letter of its own, before which words may come that translation knows.
func (g *generator) metric(m pmetric.Metric) {
	g.made++
	words := []string{"", "app.", "http.requests-", "requests.total.", "seconds_", "cpu:ratio:", "9lives ", "__x.", "a..b/"}
	m.SetName(rapid.SampledFrom(words).Draw(g.T, "word") + "m" + strconv.Itoa(g.made) + rapid.SampledFrom([]string{"", ".total", ".count", ".seconds"}).Draw(g.T, "end"))
	m.SetUnit(rapid.SampledFrom([]string{"", "1", "By", "s", "ms", "By/s", "{x}", "{x}/s", "Cel", "%", "1/m", "odd"}).Draw(g.T, "unit"))
	m.SetDescription(g.text())
	g.kind(m)
	for serial := range g.count(1, 3) {
		g.attributes(appendPoint(m, serial).Attributes())
	}
	g.data(m, 0)
}

func (g *generator) kind(m pmetric.Metric) {
	temporality := rapid.SampledFrom([]pmetric.AggregationTemporality{cumulative, delta}).Draw(g.T, "temporality")
	kind := g.count(0, 4)
	switch {
	case g.exponentials:
		m.SetEmptyExponentialHistogram().SetAggregationTemporality(temporality)
	case kind == 0:
		m.SetEmptyGauge()
	case kind == 1:
		m.SetEmptySum().SetAggregationTemporality(temporality)
		m.Sum().SetIsMonotonic(true)
	case kind == 2:
		m.SetEmptySum().SetAggregationTemporality(cumulative)
	case kind == 3:
		m.SetEmptyHistogram().SetAggregationTemporality(temporality)
	default:
		m.SetEmptySummary()
	}
}

// appendPoint adds one of its own attributes.
func appendPoint(m pmetric.Metric, serial int) point {
	var p point
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		p = m.Gauge().DataPoints().AppendEmpty()
	case pmetric.MetricTypeSum:
		p = m.Sum().DataPoints().AppendEmpty()
	case pmetric.MetricTypeHistogram:
		p = m.Histogram().DataPoints().AppendEmpty()
	case pmetric.MetricTypeExponentialHistogram:
		p = m.ExponentialHistogram().DataPoints().AppendEmpty()
	default:
		p = m.Summary().DataPoints().AppendEmpty()
	}
	p.Attributes().PutInt("serial", int64(serial))
	return p
}

// attributes have keys that do not collide after translation.
func (g *generator) attributes(attrs pcommon.Map) {
	keys := []string{"http.route", "camelCase", "0digit", "k8s.pod/name", "under_score", "with space", "ends_"}
	for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom(keys), 0, 4, rapid.ID[string]).Draw(g.T, "keys") {
		g.value(attrs.PutEmpty(key))
	}
}

func (g *generator) value(v pcommon.Value) {
	switch g.count(0, 6) {
	case 0:
		v.SetInt(rapid.Int64().Draw(g.T, "int"))
	case 1:
		v.SetBool(rapid.Bool().Draw(g.T, "bool"))
	case 2:
		v.SetDouble(rapid.Float64().Draw(g.T, "float"))
	case 3:
		v.SetEmptySlice().AppendEmpty().SetStr(g.text())
	case 4:
		v.SetEmptyMap().PutStr("in", g.text())
	case 5:
		v.SetEmptyBytes().FromRaw([]byte(g.text()))
	default:
		v.SetStr(g.text())
	}
}

// data gives all points of m the values of a round. Rounds follow each other without a gap, and what is cumulative does
// not fall.
func (g *generator) data(m pmetric.Metric, round int) {
	start := 0
	if isDelta(m) {
		start = 10 * round
	}
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		eachTimed(m.Gauge().DataPoints().All(), 0, 10*(round+1), func(p pmetric.NumberDataPoint) { p.SetDoubleValue(rapid.Float64().Draw(g.T, "gauge")) })
	case pmetric.MetricTypeSum:
		eachTimed(m.Sum().DataPoints().All(), start, 10*(round+1), g.sum)
	case pmetric.MetricTypeHistogram:
		eachTimed(m.Histogram().DataPoints().All(), start, 10*(round+1), g.histogram)
	case pmetric.MetricTypeExponentialHistogram:
		eachTimed(m.ExponentialHistogram().DataPoints().All(), start, 10*(round+1), g.exponential)
	default:
		eachTimed(m.Summary().DataPoints().All(), start, 10*(round+1), g.summary)
	}
}

func isDelta(m pmetric.Metric) bool {
	switch m.Type() {
	case pmetric.MetricTypeSum:
		return m.Sum().AggregationTemporality() == delta
	case pmetric.MetricTypeHistogram:
		return m.Histogram().AggregationTemporality() == delta
	case pmetric.MetricTypeExponentialHistogram:
		return m.ExponentialHistogram().AggregationTemporality() == delta
	default:
		return false
	}
}

func eachTimed[P point](points func(func(int, P) bool), start, end int, set func(P)) {
	for _, p := range points {
		p.SetStartTimestamp(at(start))
		p.SetTimestamp(at(end))
		set(p)
	}
}

func (g *generator) sum(p pmetric.NumberDataPoint) {
	p.SetIntValue(p.IntValue() + int64(g.count(0, 1000)))
	g.exemplar(p.Exemplars())
}

func (g *generator) exemplar(es pmetric.ExemplarSlice) {
	if g.traced && rapid.Bool().Draw(g.T, "exemplar") {
		e := es.AppendEmpty()
		e.SetTraceID(pcommon.TraceID{byte(g.count(1, 255))})
		e.SetTimestamp(at(g.count(1, 10)))
		e.SetDoubleValue(float64(g.count(0, 9)))
	}
}

func (g *generator) histogram(p pmetric.HistogramDataPoint) {
	p.ExplicitBounds().FromRaw([]float64{-1, 0.5, 2, 1e9})
	counts := make([]uint64, 5)
	total := uint64(0)
	for i := range counts {
		counts[i] = uint64(g.count(0, 9))
		if i < p.BucketCounts().Len() {
			counts[i] += p.BucketCounts().At(i)
		}
		total += counts[i]
	}
	p.BucketCounts().FromRaw(counts)
	p.SetCount(total)
	p.SetSum(float64(g.count(-100, 100)) / 4)
	g.exemplar(p.Exemplars())
}

// exponential keeps the scale of the point: that deltas change theirs is a fault of contrib's.
func (g *generator) exponential(p pmetric.ExponentialHistogramDataPoint) {
	if p.Count() == 0 {
		p.SetScale(int32(g.count(-4, 8)))
	}
	p.SetZeroCount(uint64(g.count(1, 5)))
	p.SetCount(p.ZeroCount() + g.side(p.Positive()) + g.side(p.Negative()))
	p.SetSum(float64(g.count(-100, 100)) / 4)
}

func (g *generator) side(b pmetric.ExponentialHistogramDataPointBuckets) uint64 {
	b.SetOffset(int32(g.count(-20, 20)))
	counts := rapid.SliceOfN(rapid.Uint64Range(0, 9), 0, 8).Draw(g.T, "counts")
	b.BucketCounts().FromRaw(counts)
	total := uint64(0)
	for _, n := range counts {
		total += n
	}
	return total
}

func (g *generator) summary(p pmetric.SummaryDataPoint) {
	p.SetCount(p.Count() + uint64(g.count(0, 9)))
	p.SetSum(rapid.Float64().Draw(g.T, "sum"))
	p.QuantileValues().RemoveIf(func(pmetric.SummaryDataPointValueAtQuantile) bool { return true })
	for _, q := range []float64{0, 0.5, 0.99, 1}[g.count(0, 3):] {
		v := p.QuantileValues().AppendEmpty()
		v.SetQuantile(q)
		v.SetValue(rapid.Float64().Draw(g.T, "quantile"))
	}
}

func eachMetric(md pmetric.Metrics, visit func(pmetric.Metric)) {
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				visit(m)
			}
		}
	}
}
